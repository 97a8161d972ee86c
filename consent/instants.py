"""Instants as text: milliseconds since 1970 in UTC, written `YYYY-MM-DDTHH:MM:SS.sssZ`."""

import functools
import re
from datetime import date

from consent.errors import MalformedRecord

MAX_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

FOREVER = 2**62
"""Stands where there is no end."""
NEVER = -1
"""Stands where there is no beginning."""

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
# Looked up because every payload holds instants, and formatting a number costs ten times as much.
_TWO = [f"{n:02}" for n in range(60)]
_THREE = [f"{n:03}" for n in range(1000)]
_SHAPE = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)\.(\d{3})Z", re.ASCII)


def to_text(ms: int) -> str:
    """Return the text of an instant.

    Raises: MalformedRecord outside the years 1970 to 9999.
    """
    if type(ms) is not int or not 0 <= ms <= MAX_MS:
        raise MalformedRecord("an instant lies between 1970 and 9999, in whole milliseconds")
    days, rest = divmod(ms, _DAY_MS)
    seconds, milli = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day_text(days)}T{_TWO[hour]}:{_TWO[minute]}:{_TWO[second]}.{_THREE[milli]}Z"


def from_text(text: str) -> int:
    """Return the milliseconds of an instant.

    Raises: MalformedRecord for every text that `to_text` would not have made.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise MalformedRecord("an instant is written YYYY-MM-DDTHH:MM:SS.sssZ")
    day, hour, minute, second, milli = shape.groups()
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    return _day_number(day) * _DAY_MS + seconds * 1000 + int(milli)


@functools.lru_cache(maxsize=4096)
def _day_text(days: int) -> str:
    return date.fromordinal(_EPOCH + days).isoformat()


@functools.lru_cache(maxsize=4096)
def _day_number(text: str) -> int:
    try:
        days = date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        raise MalformedRecord("there is no such day") from None
    if days < 0:
        raise MalformedRecord("an instant lies between 1970 and 9999, in whole milliseconds")
    return days
