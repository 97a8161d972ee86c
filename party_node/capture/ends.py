"""When a consent ends that lasts a duration, on the calendar of a time zone."""

from datetime import tzinfo

from consent import durations, fields
from consent.errors import MalformedRecord


def check_duration(text: str) -> str:
    """Return the text of a duration that a record can hold and a calendar can add.

    Raises: ValueError, saying what to write.
    """
    try:
        fields.duration.read(text)
        durations.from_text(text)
    except MalformedRecord:
        raise ValueError("write a duration as P13M, P1Y6M, P2W or PT12H") from None
    return text


def end_of(start_ms: int, duration: str, zone: tzinfo) -> int:
    """Return the first instant at which what began at `start_ms` has lasted an ISO 8601 duration.

    Raises: MalformedRecord for another text, and beyond the year 9999.
    """
    return durations.add(start_ms, durations.from_text(duration), zone)
