"""Wall time: what the clocks of a time zone show at an instant, and back.

A wall time is the number of milliseconds from 1970-01-01 00:00 to what the clock shows, counted in
days of 24 hours, so that calendar arithmetic is arithmetic with whole numbers. Two places on the
clock need a rule, everywhere in this package the same one:

    a gap: clocks jump over it        moved forward by the length of the jump: 02:30 is 03:30
    an overlap: clocks show it twice  the earlier of the two

Zones come in as an argument: their rules are data that lies in files and changes every year.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from consent.errors import MalformedRecord

Zones = Callable[[str], tzinfo | None]
"""Return the zone of an IANA name, or None if there is none of that name."""

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_NAME = re.compile(r"[A-Za-z0-9_+\-]{1,32}(?:/[A-Za-z0-9_+\-]{1,32}){0,3}", re.ASCII)


def check_zone_name(name: str) -> None:
    """Return if this may be the name of a zone, or is empty: a zone that nobody named.

    Raises: MalformedRecord if not.
    """
    if type(name) is not str or (name and _NAME.fullmatch(name) is None):
        raise MalformedRecord("a time zone is an IANA name, as Europe/Paris")


def offset_at(instant_ms: int, zone: tzinfo) -> int:
    """Return by how many milliseconds the zone's clocks are ahead of UTC at an instant.

    Raises: MalformedRecord beyond the year 9999.
    """
    try:
        offset = (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(zone).utcoffset()
    except (OverflowError, ValueError):
        raise _beyond() from None
    return _whole(offset)


def to_wall(instant_ms: int, zone: tzinfo) -> int:
    """Return what the clocks of the zone show at an instant.

    Raises: MalformedRecord beyond the year 9999.
    """
    return instant_ms + offset_at(instant_ms, zone)


def to_instant(wall_ms: int, zone: tzinfo) -> int:
    """Return when the clocks of the zone show this: the earlier time in an overlap; in a gap, as
    much later as the clocks jump.

    Raises: MalformedRecord beyond the year 9999.
    """
    try:
        # Without `fold` it is read with the offset before a change, which is both rules at once.
        offset = (_EPOCH + timedelta(milliseconds=wall_ms)).replace(tzinfo=zone).utcoffset()
    except (OverflowError, ValueError):
        raise _beyond() from None
    return wall_ms - _whole(offset)


def first_instant(wall_ms: int, zone: tzinfo) -> int:
    """Return the first instant of the time that begins with this wall time.

    As `to_instant`, but in a gap it is the jump itself: a day whose first half hour is jumped over
    begins where the clocks land.
    Raises: MalformedRecord beyond the year 9999.
    """
    instant = to_instant(wall_ms, zone)
    jumped = to_wall(instant, zone) - wall_ms
    return first_change(instant - jumped, instant, zone) if jumped else instant


def first_change(after_ms: int, until_ms: int, zone: tzinfo) -> int:
    """Return the first instant in (after, until] with another offset than `after` has.

    The offset at `until` must be another, and it must change once in between.
    """
    before = offset_at(after_ms, zone)
    while until_ms - after_ms > 1:
        middle = (after_ms + until_ms) // 2
        if offset_at(middle, zone) == before:
            after_ms = middle
        else:
            until_ms = middle
    return until_ms


def _whole(offset: timedelta | None) -> int:
    assert offset is not None, "every zone has an offset at every instant"
    return offset // _MS


def _beyond() -> MalformedRecord:
    return MalformedRecord("the time lies beyond the year 9999")
