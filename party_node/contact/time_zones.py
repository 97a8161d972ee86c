"""The world's time zones, from the package `tzdata` and from nowhere else.

Python looks into the machine's own zone files first. Two nodes would then answer differently about
the same person; so the files come with the software, in the version that was tested.
"""

import functools
from importlib import resources
from zoneinfo import ZoneInfo


def time_zone(name: str) -> ZoneInfo | None:
    """Return the zone of an IANA name, or None if there is none: a `consent.wall_time.Zones`."""
    return _load(name) if name in _names() else None


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@functools.cache
def _load(name: str) -> ZoneInfo:
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)
