"""Frequency caps: how often a person may be contacted in a day, a week or a month.

A *calendar* cap counts from midnight to midnight, from Monday to Monday, or by the month, in the
person's time zone. A *rolling* cap counts what lies less than its length apart, wherever that falls
on a calendar. A contact that a cap refuses is dropped and not put off; the refusal says from when
on it would fit.
"""

import bisect
import calendar
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from consent.durations import Duration
from consent.errors import MalformedRecord, UnknownTimeZone
from consent.wall_time import DAY_MS, first_instant, to_wall

MOST = 10_000
"""No cap is higher."""

LONGEST_MS = 366 * DAY_MS
"""No cap looks further back: older contacts can be forgotten."""

_DAY, _WEEK, _MONTH = Duration(days=1), Duration(weeks=1), Duration(months=1)
_EPOCH = date(1970, 1, 1).toordinal()


class Basis(enum.StrEnum):
    """What a cap counts by."""

    CALENDAR = "calendar"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most `limit` contacts in each period.

    Raises: MalformedRecord for a limit below 1 (who wants no contact at all says no to the
    channel), and a period that its basis does not have.
    """

    limit: int
    per: Duration
    """Calendar: P1D, P1W or P1M. Rolling: up to 366 days without years and months; a day is 24
    hours."""
    basis: Basis

    def __post_init__(self) -> None:
        if type(self.limit) is not int or not 1 <= self.limit <= MOST:
            raise MalformedRecord(f"a cap is at least 1 and at most {MOST}")
        if type(self.per) is not Duration or type(self.basis) is not Basis:
            raise MalformedRecord("a cap is per duration, on a calendar or rolling")
        if self.basis is Basis.CALENDAR and self.per not in (_DAY, _WEEK, _MONTH):
            raise MalformedRecord("a calendar cap is per P1D, P1W or P1M")
        if self.basis is Basis.ROLLING and (self.per.years or self.per.months):
            raise MalformedRecord("a rolling cap is per weeks, days or time: months differ")
        if self.basis is Basis.ROLLING and self.length_ms > LONGEST_MS:
            raise MalformedRecord("a rolling cap is per 366 days at most")

    @property
    def length_ms(self) -> int:
        """How long the period of a rolling cap is."""
        return (7 * self.per.weeks + self.per.days) * DAY_MS + self.per.time_ms


@dataclass(frozen=True, slots=True)
class Capped:
    """A contact is refused: by which cap, and when it would fit if no other comes before."""

    cap: FrequencyCap
    free_at_ms: int


def window(cap: FrequencyCap, at_ms: int, zone: tzinfo | None) -> tuple[int, int]:
    """Return (start, end): contacts in [start, end) count against one at `at_ms`.

    Of a rolling cap these are all that lie less than its length away; ones that are dated later
    come from a clock that runs ahead, and count.
    Raises: UnknownTimeZone for a calendar cap without a zone; MalformedRecord beyond the year 9999.
    """
    if cap.basis is Basis.ROLLING:
        return at_ms - cap.length_ms + 1, at_ms + cap.length_ms
    if zone is None:
        raise UnknownTimeZone("record the time zone, or give the node one to fall back on")
    first = _first_day(cap.per, to_wall(at_ms, zone) // DAY_MS)
    start_ms, after = first_instant(first * DAY_MS, zone), _day_after(cap.per, first)
    end_ms = first_instant(after * DAY_MS, zone)
    # Clocks set back past midnight show yesterday again: today has begun all the same.
    while end_ms <= at_ms:
        start_ms, after = end_ms, _day_after(cap.per, after)
        end_ms = first_instant(after * DAY_MS, zone)
    return start_ms, end_ms


def permits(
    cap: FrequencyCap, contact_times: Iterable[int], at_ms: int, zone: tzinfo | None
) -> bool:
    """Return whether one more contact at `at_ms` stays within the cap.

    Raises: as `window`.
    """
    return free_at(cap, contact_times, at_ms, zone) == at_ms


def refusal(
    caps: Iterable[FrequencyCap], contact_times: Iterable[int], at_ms: int, zone: tzinfo | None
) -> Capped | None:
    """Return None if all caps permit a contact at `at_ms`, else the one that refuses for longest.

    Its `free_at_ms` is the first instant at which all of them permit it.
    Raises: as `window`.
    """
    all_caps, times = list(caps), sorted(contact_times)
    refused: Capped | None = None
    free_ms, settled = at_ms, False
    while not settled:
        settled = True
        for cap in all_caps:
            next_ms = free_at(cap, times, free_ms, zone)
            if next_ms > free_ms:
                refused, free_ms, settled = Capped(cap, next_ms), next_ms, False
    return refused


def free_at(
    cap: FrequencyCap, contact_times: Iterable[int], at_ms: int, zone: tzinfo | None
) -> int:
    """Return the first instant, from `at_ms` on, at which the cap permits one more contact.

    Raises: as `window`.
    """
    times = sorted(contact_times)
    while True:
        start_ms, end_ms = window(cap, at_ms, zone)
        inside = _within(times, start_ms, end_ms)
        if len(inside) < cap.limit:
            return at_ms
        at_ms = end_ms if cap.basis is Basis.CALENDAR else inside[0] + cap.length_ms


def _within(times: Sequence[int], start_ms: int, end_ms: int) -> Sequence[int]:
    return times[bisect.bisect_left(times, start_ms) : bisect.bisect_left(times, end_ms)]


def _first_day(per: Duration, day: int) -> int:
    """Return the first day of the period that a day lies in; days are counted from 1970-01-01."""
    if per == _WEEK:
        return day - (day + 3) % 7
    if per == _MONTH:
        return day + 1 - date.fromordinal(_EPOCH + day).day
    return day


def _day_after(per: Duration, first: int) -> int:
    """Return the first day of the next period."""
    if per == _MONTH:
        start = date.fromordinal(_EPOCH + first)
        return first + calendar.monthrange(start.year, start.month)[1]
    return first + (7 if per == _WEEK else 1)
