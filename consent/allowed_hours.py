"""Allowed hours: when a law or a policy lets people be contacted by a channel, by their own clock.

In the United States nobody is to be called before 08:00 or after 21:00 at the called party's place;
some states allow less. What lies outside is quiet, as the quiet hours that people set themselves
(`consent.quiet_hours`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from consent import fields
from consent.errors import MalformedRecord
from consent.wall_time import check_zone_name
from consent.week import Week, daily, union
from consent.words import ANY_CHANNEL, EVERYWHERE

_PLACE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AllowedHours:
    """Hours in which a law lets people be contacted by a channel, by their own clock.

    Raises: MalformedRecord for a channel, a place, a day or a minute that cannot be.
    """

    channel: str
    place: str
    """ISO 3166, as `US` or `US-FL`; or `EVERYWHERE`."""
    days: frozenset[int]
    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        _check_channel(self.channel)
        if self.place != EVERYWHERE:
            _check_place(self.place)
        daily(self.days, self.start_minute, self.end_minute)

    @property
    def week(self) -> Week:
        """The allowed minutes of the week."""
        return daily(self.days, self.start_minute, self.end_minute)

    def concerns(self, channel: str, place: str) -> bool:
        """Return whether these hours may hold for a person in `place`.

        `US` holds in `US-FL`. Who is known to be in `US` may be in `US-FL`, and who is not known to
        be anywhere (empty) may be everywhere: then it holds too.
        """
        somewhere = not place or self.place == EVERYWHERE or place == self.place
        here = somewhere or _lies_in(place, self.place) or _lies_in(self.place, place)
        return here and channel == self.channel


@dataclass(frozen=True, slots=True)
class ClosedHours:
    """The hours of every week outside those that a law allows, by the clock of one zone."""

    week: Week
    time_zone: str

    def __post_init__(self) -> None:
        check_zone_name(self.time_zone)


def outside(
    rules: Iterable[AllowedHours], channel: str, place: str, time_zone: str
) -> list[ClosedHours]:
    """Return when a person in this place and zone must not be contacted by a channel.

    The rules of one place add up (weekdays until 21:00, Saturdays until 18:00); those of several
    places must all allow it. Without a rule nothing is closed.
    Raises: MalformedRecord for a channel or place in another spelling than that of the rules.
    """
    _check_channel(channel)
    if place:
        _check_place(place)
    by_place: dict[str, list[Week]] = defaultdict(list)
    for rule in rules:
        if rule.concerns(channel, place):
            by_place[rule.place].append(rule.week)
    return [ClosedHours(union(weeks).complement(), time_zone) for weeks in by_place.values()]


def _lies_in(place: str, wider: str) -> bool:
    return place.startswith(f"{wider}-")


def _check_channel(channel: str) -> None:
    if fields.name.read(channel) == ANY_CHANNEL:
        raise MalformedRecord("name one channel, as phone")


def _check_place(place: str) -> None:
    if type(place) is not str or _PLACE.fullmatch(place) is None:
        raise MalformedRecord("a place is a country or a part of one, as US or US-FL")
