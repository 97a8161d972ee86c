"""When a consent ends that lasts a duration, on the calendar of a time zone."""

import importlib
import re
from datetime import tzinfo
from typing import Any

# Looked up when they are needed: both modules come with the contact times.
_DURATIONS, _TIME_ZONES = "consent.durations", "party_node.contact.time_zones"

_N = r"[1-9]\d{0,3}"
_DURATION = re.compile(
    rf"P(?=.)(?:{_N}W|(?:{_N}Y)?(?:{_N}M)?(?:{_N}D)?(?:T[1-9]\d{{0,5}}H)?)", re.ASCII
)


def check_duration(text: str) -> str:
    """Return the text of a duration that a record can hold and a calendar can add.

    Raises: ValueError, saying what to write.
    """
    if _DURATION.fullmatch(text) is None:
        raise ValueError("write a duration as P13M, P1Y6M, P2W or PT12H")
    return text


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone of an IANA name, or None if there is none."""
    time_zones: Any = importlib.import_module(_TIME_ZONES)
    found: tzinfo | None = time_zones.time_zone(name)
    return found


def end_of(start_ms: int, duration: str, zone: tzinfo) -> int:
    """Return the first instant at which what began at `start_ms` has lasted an ISO 8601 duration.

    Raises: MalformedRecord for another text, and beyond the year 9999.
    """
    durations: Any = importlib.import_module(_DURATIONS)
    end: int = durations.add(start_ms, durations.from_text(duration), zone)
    return end
