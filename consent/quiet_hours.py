"""Quiet hours: when a person does not want to be contacted, or the law does not let them be.

It is quiet while the clock of the window's zone shows a time inside the window, and at no other
instant. Where clocks jump over the start or the end of a window, the window starts or ends with the
jump; where they show an hour twice, both count. Windows may overlap: it is quiet while any holds.

People say when it is quiet; laws say when contact is allowed (`consent.allowed_hours`), and outside
those hours it is quiet too.

An unknown time zone is answered with an error and not with "now", as some products do: whoever
cannot tell does not send.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from consent.allowed_hours import ClosedHours
from consent.errors import UnknownTimeZone
from consent.wall_time import DAY_MS, Zones, check_zone_name, first_change, offset_at
from consent.week import Week, daily, union

_LOOK_AHEAD_MS = 400 * DAY_MS
"""A year and more: windows in several zones overlap differently in every season."""


class Never(enum.Enum):
    """There is no end in sight: every hour of the year to come is quiet."""

    NEVER = "never"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A window of every week in which its person is not to be contacted.

    Raises: MalformedRecord for a day, a minute or a zone name that cannot be.
    """

    days: frozenset[int]
    """Days on which the window starts, 1 (Monday) to 7 (Sunday)."""
    start_minute: int
    """First quiet minute of the day: 22:00 is 1320."""
    end_minute: int
    """First minute that is not; on the next day unless it is after the start. Equal to the start
    it makes the window 24 hours long."""
    time_zone: str
    """IANA name; empty if it was not said."""

    def __post_init__(self) -> None:
        check_zone_name(self.time_zone)
        daily(self.days, self.start_minute, self.end_minute)

    @property
    def week(self) -> Week:
        """The quiet minutes of the week."""
        return daily(self.days, self.start_minute, self.end_minute)


def quiet_until(
    windows: Iterable[QuietHours | ClosedHours],
    at_ms: int,
    zones: Zones,
    fallback_zone: str | None,
) -> int | Never | None:
    """Return None if no window holds at an instant, else the first instant after it when none does.

    A window whose zone is unknown is read by the clock of `fallback_zone`.
    Raises: UnknownTimeZone if that is None or unknown too; MalformedRecord beyond the year 9999.
    """
    clocks = _clocks(windows, zones, fallback_zone)
    if any(week.is_full for _, week in clocks):
        return Never.NEVER
    now_ms = at_ms
    while now_ms <= at_ms + _LOOK_AHEAD_MS:
        next_ms = max((_quiet_to(now_ms, zone, week) for zone, week in clocks), default=now_ms)
        if next_ms == now_ms:
            return None if now_ms == at_ms else now_ms
        now_ms = next_ms
    return Never.NEVER


def _clocks(
    windows: Iterable[QuietHours | ClosedHours], zones: Zones, fallback_zone: str | None
) -> list[tuple[tzinfo, Week]]:
    """Return the windows by zone, those of one zone as one set."""
    by_zone: dict[tzinfo, list[Week]] = defaultdict(list)
    for window in windows:
        zone = zones(window.time_zone) if window.time_zone else None
        if zone is None and fallback_zone is not None:
            zone = zones(fallback_zone)
        if zone is None:
            raise UnknownTimeZone("record the time zone, or give the node one to fall back on")
        by_zone[zone].append(window.week)
    return [(zone, union(weeks)) for zone, weeks in by_zone.items()]


def _quiet_to(now_ms: int, zone: tzinfo, week: Week) -> int:
    """Return until when it surely stays quiet by this clock; `now_ms` itself if it is not quiet.

    No further than the next change of the clock, and no further than a day: no zone changes its
    clocks twice within one.
    """
    offset_ms = offset_at(now_ms, zone)
    left_ms = min(week.left_ms(now_ms + offset_ms), DAY_MS)
    if not left_ms:
        return now_ms
    last_ms = now_ms + left_ms - 1
    if offset_at(last_ms, zone) == offset_ms:
        return last_ms + 1
    return first_change(now_ms, last_ms, zone)
