"""Instants for people to read, and the zones that a node uses."""

from datetime import UTC, datetime, timedelta

from party_node.contact.time_zones import time_zone

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVERY_DAY = frozenset(range(1, 8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(text: str) -> int:
    """Return the instant of `2027-03-28 01:30`, in UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def shown(instant_ms: int, zone: str) -> str:
    """Return what the clocks of a zone show, as `2027-03-28 02:30`, by another way than ours."""
    found = time_zone(zone)
    assert found is not None
    instant = _EPOCH + timedelta(milliseconds=instant_ms)
    return instant.astimezone(found).replace(tzinfo=None).isoformat(" ", "minutes")


def minutes(text: str) -> int:
    """Return the minute of the day of `22:30`."""
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)
