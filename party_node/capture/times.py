"""Reading instants as other systems write them; nothing about the time zone is ever guessed.

    iso                 ISO 8601; a text without an offset only if the mapping states its zone
    epoch-seconds, epoch-milliseconds
    %d/%m/%Y %H:%M …    a `strptime` pattern, with a stated zone or with %z in it

An hour that a zone has twice, when the clocks go back, and one that it does not have, when they go
forward, name two instants. The caller gets both and takes the one that permits less.
"""

import datetime
import functools
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from consent import instants

ISO, SECONDS, MILLISECONDS = "iso", "epoch-seconds", "epoch-milliseconds"
FORMATS = (ISO, SECONDS, MILLISECONDS)

DATES = frozenset("YmdybBj")
TIMES = frozenset("HIpMSf")
DIRECTIVES = DATES | TIMES | {"z", "%"}
"""What a pattern may hold after a per cent sign. Locale's own forms and zone names are refused."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_NAIVE_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - what it is compared with has no zone
_MILLISECOND = datetime.timedelta(milliseconds=1)
_QUARTER_MS = 900_000
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_FIXED = {"Y": r"(\d{4})", "m": r"(\d\d)", "d": r"(\d\d)", "H": r"(\d\d)", "M": r"(\d\d)",
          "S": r"(\d\d)"}  # fmt: skip

Instant: TypeAlias = "int | tuple[int, int] | None"
"""Milliseconds since 1970; the earlier and the later where two are meant; None where none is."""


class BadTimeFormat(ValueError):
    """A mapping's description of a time cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How one column of a file writes instants.

    Raises: BadTimeFormat.
    """

    pattern: str = ISO
    zone: str = ""
    """IANA name of the zone of texts without an offset of their own."""
    at: str = ""
    """Time of day of texts that are dates only, `HH:MM[:SS[.sss]]`."""

    def __post_init__(self) -> None:
        if self.pattern in (SECONDS, MILLISECONDS):
            if self.zone or self.at:
                raise BadTimeFormat(f"{self.pattern} takes no zone and no time of day")
            return
        if self.pattern != ISO:
            self._check_pattern()
        if self.zone and _zone(self.zone) is None:
            raise BadTimeFormat("this machine knows no such zone; write one as Europe/London")
        if self.at and not self.zone:
            raise BadTimeFormat("a time of day needs a zone")
        if self.at:
            _time_of_day(self.at)

    def _check_pattern(self) -> None:
        found = _DIRECTIVE.findall(self.pattern)
        unknown = sorted({d for d in found if d not in DIRECTIVES})
        if not found or unknown:
            named = ", ".join(f"%{d}" for d in unknown) or "nothing after a per cent sign"
            raise BadTimeFormat(
                f"a pattern cannot hold {named}; write {', '.join(FORMATS)} or a pattern of"
                " %Y %m %d %H %M %S and the like"
            )
        said = frozenset(found)
        if not said & {"Y", "y"} or not ("j" in said or (said & {"m", "b", "B"} and "d" in said)):
            raise BadTimeFormat("a pattern names year, month and day")
        if (
            ("I" in said) != ("p" in said)
            or {"H", "I"} <= said
            or len(said) < len([d for d in found if d != "%"])
        ):
            raise BadTimeFormat("a pattern names each part once; %I goes with %p")
        if bool(said & TIMES) == bool(self.at) or (said & TIMES and not said & {"H", "I"}):
            raise BadTimeFormat(
                "a pattern holds an hour, or `at` states the time of day: one of the two"
            )
        if ("z" in said) == bool(self.zone):
            raise BadTimeFormat("state the zone, or let the pattern hold %z: one of the two")

    def reader(self) -> Callable[[str], Instant]:
        """Return what reads one trimmed text."""
        zone = _zone(self.zone) if self.zone else None
        at = _time_of_day(self.at) if self.at else None
        if self.pattern == ISO:
            return _plain_iso if zone is None else functools.partial(_iso, zone, at)
        if self.pattern in (SECONDS, MILLISECONDS):
            return functools.partial(_number, 1000 if self.pattern == SECONDS else 1)
        slow = functools.partial(_by_pattern, self.pattern, zone, at)
        quick = None if zone is None else _quick(self.pattern)
        return slow if quick is None or zone is None else _quickly(quick, zone, at, slow)


def check_now(reader: Callable[[str], Instant], text: str) -> bool:
    """Return whether a mapping's constant text names exactly one instant."""
    return isinstance(reader(text), int)


def _plain_iso(text: str) -> Instant:
    try:
        moment = datetime.datetime.fromisoformat(text)
        # A moment without a zone cannot be compared with one that has one.
        return _in_range((moment - _EPOCH) // _MILLISECOND)
    except (ValueError, TypeError, OverflowError):
        return None


def _iso(zone: zoneinfo.ZoneInfo, at: datetime.time | None, text: str) -> Instant:
    try:
        if at is not None and len(text) <= 10:
            moment = datetime.datetime.combine(datetime.date.fromisoformat(text), at)
        elif len(text) <= 10:  # a date: what time is meant was not stated
            return None
        else:
            moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return _placed(moment, zone)


def _number(factor: int, text: str) -> Instant:
    if _NUMBER.fullmatch(text) is None:
        return None
    whole, _, fraction = text.partition(".")
    if whole[:1] == "-":
        return None  # before 1970
    rest = int(fraction.ljust(9, "0")) * factor // 1_000_000_000 if fraction else 0
    return _in_range(int(whole) * factor + rest)


def _by_pattern(
    pattern: str, zone: zoneinfo.ZoneInfo | None, at: datetime.time | None, text: str
) -> Instant:
    try:
        moment = datetime.datetime.strptime(text, pattern)  # noqa: DTZ007 - `_placed` sees to it
    except (ValueError, OverflowError):
        return None
    if at is not None:
        moment = datetime.datetime.combine(moment.date(), at, moment.tzinfo)
    return _placed(moment, zone)


def _placed(moment: datetime.datetime, zone: zoneinfo.ZoneInfo | None) -> Instant:
    """Return when a moment is; one without an offset of its own is in the stated zone."""
    try:
        if moment.tzinfo is not None:
            return _in_range((moment - _EPOCH) // _MILLISECOND)
        if zone is None:
            return None
        return _local((moment - _NAIVE_EPOCH) // _MILLISECOND, zone)
    except OverflowError:
        return None


def _local(local_ms: int, zone: zoneinfo.ZoneInfo) -> Instant:
    """Return when a zone's clocks show this."""
    first, second = _offsets(zone.key, local_ms // _QUARTER_MS)
    if first == second:
        return _in_range(local_ms - first)
    # Inside of a change, which need not fall on a quarter of an hour, the moment itself decides.
    moment = _NAIVE_EPOCH + local_ms * _MILLISECOND
    early, late = sorted(local_ms - _offset_ms(moment, zone, fold) for fold in (0, 1))
    if _in_range(early) is None or _in_range(late) is None:
        return None
    return early if early == late else (early, late)


@functools.lru_cache(maxsize=65_536)
def _offsets(zone: str, quarter: int) -> tuple[int, int]:
    """Return a zone's lowest and highest offset from UTC within a quarter of an hour, in ms.

    Looked up because asking the zone costs more than everything else together.
    """
    known = zoneinfo.ZoneInfo(zone)
    start = _NAIVE_EPOCH + quarter * _QUARTER_MS * _MILLISECOND
    found = {
        _offset_ms(start + datetime.timedelta(minutes=minute), known, fold)
        for minute in (*range(15), 14.999_99)
        for fold in (0, 1)
    }
    return min(found), max(found)


def _offset_ms(moment: datetime.datetime, zone: zoneinfo.ZoneInfo, fold: int) -> int:
    offset = moment.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None
    return offset // _MILLISECOND


def _in_range(ms: int) -> int | None:
    return ms if 0 <= ms <= instants.MAX_MS else None


# -- the quick way for patterns of plain numbers ---------------------------------------------------


def _quick(pattern: str) -> re.Pattern[str] | None:
    """Return an expression whose groups are the numbers of a pattern, or None if it holds words."""
    parts, at = [], 0
    for found in _DIRECTIVE.finditer(pattern):
        if found[1] not in _FIXED:
            return None
        parts += [re.escape(pattern[at : found.start()]), f"(?P<{found[1]}>{_FIXED[found[1]][1:]}"]
        at = found.end()
    return re.compile("".join(parts) + re.escape(pattern[at:]), re.ASCII)


def _quickly(
    quick: re.Pattern[str],
    zone: zoneinfo.ZoneInfo,
    at: datetime.time | None,
    slow: Callable[[str], Instant],
) -> Callable[[str], Instant]:
    """Return a reader that takes numbers of full width by itself and leaves the rest to `slow`."""
    places = {name: number - 1 for name, number in quick.groupindex.items()}
    year, month, day = places["Y"], places["m"], places["d"]
    hour, minute, second = (places.get(name) for name in "HMS")
    at_ms = 0 if at is None else _of_day_ms(at)

    def read(text: str) -> Instant:
        found = quick.fullmatch(text)
        if found is None:
            return slow(text)
        parts = found.groups()
        days = _day(parts[year], parts[month], parts[day])
        if days is None:
            return None
        hours = 0 if hour is None else int(parts[hour])
        minutes = 0 if minute is None else int(parts[minute])
        seconds = 0 if second is None else int(parts[second])
        if hours > 23 or minutes > 59 or seconds > 59:
            return slow(text)
        clock = (hours * 3600 + minutes * 60 + seconds) * 1000
        return _local(days * 86_400_000 + clock + at_ms, zone)

    return read


@functools.lru_cache(maxsize=65_536)
def _day(year: str, month: str, day: str) -> int | None:
    try:
        found = datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found.toordinal() - _NAIVE_EPOCH.toordinal()


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        return None


def _time_of_day(text: str) -> datetime.time:
    try:
        found = datetime.time.fromisoformat(text)
    except ValueError:
        raise BadTimeFormat("a time of day is written HH:MM or HH:MM:SS") from None
    if found.tzinfo is not None or not text[:1].isdigit():
        raise BadTimeFormat("a time of day is written HH:MM or HH:MM:SS, without an offset")
    return found


def _of_day_ms(at: datetime.time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1000 + at.microsecond // 1000
