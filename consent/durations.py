"""Durations as consent uses them: ISO 8601 without fractions, and what they come to in a calendar.

`P6M` from 31 August is the last of February: how long it is depends on where one starts. So a
duration is added on the person's calendar, in their time zone:

1. years and months; a day that the month does not have becomes its last (31 January + P1M);
2. weeks and days; the clock then shows the same time of day (`consent.wall_time` says which instant
   that is where clocks change);
3. hours, minutes and seconds, as time that passes.
"""

import calendar
import dataclasses
import re
from dataclasses import dataclass
from datetime import date, tzinfo

from consent.errors import MalformedRecord
from consent.instants import MAX_MS
from consent.wall_time import DAY_MS, to_instant, to_wall

_N = r"([1-9][0-9]{0,8})"
_SHAPE = re.compile(
    rf"P(?=.)(?:{_N}W|(?:{_N}Y)?(?:{_N}M)?(?:{_N}D)?(?:T(?=.)(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?)"
)
_MOST = 999_999_999
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long something holds, in calendar units; weeks stand alone, and all zero is none.

    Raises: MalformedRecord for a duration that has no text.
    """

    weeks: int = 0
    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    def __post_init__(self) -> None:
        numbers = dataclasses.astuple(self)
        if any(type(n) is not int or not 0 <= n <= _MOST for n in numbers):
            raise MalformedRecord("a duration is made of whole numbers of up to nine digits")
        if not any(numbers):
            raise MalformedRecord("a duration is longer than nothing")
        if self.weeks and any(numbers[1:]):
            raise MalformedRecord("weeks stand alone in a duration: write days instead")

    @property
    def time_ms(self) -> int:
        """The hours, minutes and seconds."""
        return ((self.hours * 60 + self.minutes) * 60 + self.seconds) * 1000


def to_text(duration: Duration) -> str:
    """Return the one text of a duration."""
    dates = ((duration.years, "Y"), (duration.months, "M"))
    days = ((duration.weeks, "W"), (duration.days, "D"))
    times = ((duration.hours, "H"), (duration.minutes, "M"), (duration.seconds, "S"))
    clock = "".join(f"{n}{unit}" for n, unit in times if n)
    return "".join(["P", *(f"{n}{unit}" for n, unit in dates + days if n), clock and f"T{clock}"])


def from_text(text: str) -> Duration:
    """Return the duration of a text.

    Raises: MalformedRecord for every text that `to_text` would not have made: zeros, fractions,
    signs, lower case, `P1Y2W`.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise MalformedRecord("a duration is written as P1Y, P6M, P2W, P30D or PT12H")
    weeks, years, months, days, hours, minutes, seconds = (int(n or 0) for n in shape.groups())
    return Duration(
        weeks=weeks, years=years, months=months, days=days,
        hours=hours, minutes=minutes, seconds=seconds,
    )  # fmt: skip


def add(instant_ms: int, duration: Duration, zone: tzinfo) -> int:
    """Return the instant that lies a duration after another, on the calendar of a zone.

    Raises: MalformedRecord beyond the year 9999.
    """
    months = 12 * duration.years + duration.months
    days = 7 * duration.weeks + duration.days
    ends_ms = instant_ms
    # Without a calendar part the clock is not asked: it may show the time twice.
    if months or days:
        day, time_of_day = divmod(to_wall(instant_ms, zone), DAY_MS)
        ends_ms = to_instant((_months_later(day, months) + days) * DAY_MS + time_of_day, zone)
    ends_ms += duration.time_ms
    if ends_ms > MAX_MS:
        raise MalformedRecord("the duration ends beyond the year 9999")
    return ends_ms


def _months_later(day: int, months: int) -> int:
    """Return the day so many months later; both are counted from 1970-01-01."""
    start = date.fromordinal(_EPOCH + day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        raise MalformedRecord("the duration ends beyond the year 9999")
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last)).toordinal() - _EPOCH
