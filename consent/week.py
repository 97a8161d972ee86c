"""A set of minutes of the week, as a clock shows them: what quiet and allowed hours come to.

Monday 00:00 is minute 0, Sunday 23:59 is 10,079; after it comes Monday again.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from consent.errors import MalformedRecord
from consent.wall_time import DAY_MS, MINUTE_MS

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = -3 * DAY_MS
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class Week:
    """Minutes of the week, as spans [start, end) in rising order that do not touch."""

    spans: tuple[tuple[int, int], ...]

    @property
    def is_full(self) -> bool:
        """True if every minute of the week is in the set."""
        return self.spans == ((0, WEEK_MINUTES),)

    def complement(self) -> "Week":
        """Return all other minutes."""
        edges = [0, *itertools.chain.from_iterable(self.spans), WEEK_MINUTES]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return Week(tuple((start, end) for start, end in pairs if start < end))

    def left_ms(self, wall_ms: int) -> int:
        """Return for how long the clock, which shows `wall_ms`, stays in the set; 0 outside it.

        No further than the end of the week, where one asks again.
        """
        at = (wall_ms - _MONDAY_MS) % _WEEK_MS
        for start, end in self.spans:
            if start * MINUTE_MS <= at < end * MINUTE_MS:
                return end * MINUTE_MS - at
        return 0


def daily(days: frozenset[int], start_minute: int, end_minute: int) -> Week:
    """Return from `start_minute` until the next `end_minute`, starting on these days (1 = Monday).

    An end that is not after the start lies on the next day; one equal to it, 24 hours later.
    Raises: MalformedRecord if there is no day, or a day or a minute that does not exist.
    """
    if type(days) is not frozenset or not days:
        raise MalformedRecord("name at least one day of the week")
    if any(type(day) is not int or not 1 <= day <= 7 for day in days):
        raise MalformedRecord("days of the week are 1 (Monday) to 7 (Sunday)")
    for minute in (start_minute, end_minute):
        if type(minute) is not int or not 0 <= minute < DAY_MINUTES:
            raise MalformedRecord("minutes of the day are 0 to 1439")
    length = (end_minute - start_minute - 1) % DAY_MINUTES + 1
    starts = [(day - 1) * DAY_MINUTES + start_minute for day in days]
    return _week((start, start + length) for start in starts)


def union(weeks: Iterable[Week]) -> Week:
    """Return the minutes that are in any of them."""
    return _week(itertools.chain.from_iterable(week.spans for week in weeks))


def _week(spans: Iterable[tuple[int, int]]) -> Week:
    """Return the set of these spans, which may overlap, and run over the end of the week once."""
    pieces = []
    for start, end in spans:
        pieces.append((start, min(end, WEEK_MINUTES)))
        if end > WEEK_MINUTES:
            pieces.append((0, end - WEEK_MINUTES))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return Week(tuple(joined))
