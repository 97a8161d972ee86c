"""Dates as numbers, which count days since the start of 1970 (UTC), and as people write them."""

import datetime
import re

_START = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY = datetime.timedelta(days=1)
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def read_day(text: str) -> int:
    """Return the number of a day that is written `YYYY-MM-DD`. Raises: ValueError."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError("a day is written YYYY-MM-DD")
    return datetime.date.fromisoformat(text).toordinal() - _START.toordinal()


def written(days: float) -> str:
    """Return a moment as people write it, to the second: `2024-03-05`, `2024-03-05 14:30:00`.

    Beyond the years 1 to 9999 it is a count of days.
    """
    try:
        moment = _START + datetime.timedelta(seconds=round(days * _DAY.total_seconds()))
    except (OverflowError, ValueError):
        return f"day {days:g}"
    if moment.time() == datetime.time():
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(" ")
