"""What a row says, apart from whom it is about and when: read once for each combination of cells.

The texts are those of the columns in `columns.SHARED`, after the mapping has put our words in the
place of the file's. The same texts always make the same `Said`, in whichever process.
"""

import functools
import hashlib
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from consent import canonical, fields
from consent.errors import MalformedRecord
from consent.events import EventType
from consent.statements import Method, Relation
from consent.words import ANY_CHANNEL, SELF, EventState
from party_node.capture.columns import SHARED
from party_node.capture.refusals import Refusal, RowRefused

Cell: TypeAlias = "str | tuple[str, ...]"
"""A cell as the file holds it; only `listed` may come as an array."""

DEFAULT_SEPARATOR = "|"
DEFAULT_MEDIA_TYPE = "application/octet-stream"
MAX_PURPOSE_VERSION = 1_000_000

_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})
_SHA256 = re.compile("[0-9a-f]{64}")
_WHOLE = re.compile("[0-9]{1,7}", re.ASCII)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """What reading a cell depends on besides the cell."""

    purposes: frozenset[str]
    region: str | None
    """Stands in for an empty jurisdiction."""
    separator: str = DEFAULT_SEPARATOR
    """Between the purposes in `listed`."""


@dataclass(frozen=True, slots=True)
class Said:
    """The shared part of events, as values of a `ConsentEvent`."""

    texts: tuple[Cell, ...]
    state: EventState
    grants: bool
    """Only such states can permit anything."""
    media_type: str
    """Of evidence; empty if the file says nothing."""
    values: Mapping[str, Any] = field(hash=False)
    """Fields of the event that are not at their default."""


def read(texts: Sequence[Cell], context: Context) -> Said:
    """Read the cells of the shared columns.

    Raises: RowRefused.
    """
    cells = dict(zip(SHARED, texts, strict=True))
    if cells["purpose"] not in context.purposes:
        raise RowRefused(Refusal.UNKNOWN_PURPOSE)
    values = {name: reader(cells[name], context) for name, reader in _READERS.items()}
    values["notice_hash"] = values.pop("notice")
    media_type = _media_type(cells["evidence_media_type"])
    found = {name: value for name, value in values.items() if value is not None}
    state: EventState = found["state"]
    return Said(tuple(texts), state, state.valid_for_processing, media_type, found)


def check(name: str, text: str, context: Context) -> None:
    """Return if a mapping may put this text into the shared column `name`.

    Raises: RowRefused, with the reason that a row with this text would be refused for.
    """
    if name == "purpose":
        if text not in context.purposes:
            raise RowRefused(Refusal.UNKNOWN_PURPOSE)
    elif name == "evidence_media_type":
        _media_type(text)
    else:
        _READERS[name](text, context)


def words(text: str, reason: Refusal, longest: int = 512) -> str:
    """Return a text that a record can hold as it is.

    Raises: RowRefused.
    """
    if len(text) > longest:
        raise RowRefused(reason)
    return _allowed(fields.words, text, reason)


def sha256(text: str, reason: Refusal) -> bytes:
    """Return the 32 bytes of a digest in hexadecimal digits of either case.

    Raises: RowRefused.
    """
    folded = text.lower()
    if _SHA256.fullmatch(folded) is None:
        raise RowRefused(reason)
    return bytes.fromhex(folded)


def _name(reason: Refusal, default: str = "") -> Callable[[Cell, Context], str | None]:
    def name(cell: Cell, _context: Context) -> str | None:
        text = _plain(cell, reason)
        return None if text in ("", default) else _allowed(fields.name, text, reason)

    return name


def _words(reason: Refusal) -> Callable[[Cell, Context], str | None]:
    return lambda cell, _context: words(text, reason) if (text := _plain(cell, reason)) else None


def _flag(reason: Refusal) -> Callable[[Cell, Context], bool | None]:
    def flag(cell: Cell, _context: Context) -> bool | None:
        folded = _plain(cell, reason).lower()
        if folded not in _TRUE | _FALSE:
            raise RowRefused(reason)
        return True if folded in _TRUE else None

    return flag


def _one_of(
    known: Mapping[str, T], reason: Refusal, default: str = ""
) -> Callable[[Cell, Context], T]:
    def member(cell: Cell, _context: Context) -> T:
        try:
            return known[_plain(cell, reason) or default]
        except KeyError:
            raise RowRefused(reason) from None

    return member


def _purpose(cell: Cell, _context: Context) -> str:
    return _plain(cell, Refusal.UNKNOWN_PURPOSE)


def _jurisdiction(cell: Cell, context: Context) -> str:
    text = _plain(cell, Refusal.BAD_JURISDICTION) or context.region or ""
    return words(text, Refusal.BAD_JURISDICTION)


def _notice(cell: Cell, _context: Context) -> bytes | None:
    """64 hexadecimal digits are the notice's SHA-256; any other text is its name, and is hashed."""
    text = _plain(cell, Refusal.BAD_NOTICE)
    if not text:
        return None
    if _SHA256.fullmatch(text.lower()):
        return bytes.fromhex(text)
    return hashlib.sha256(words(text, Refusal.BAD_NOTICE).encode()).digest()


def _listed(cell: Cell, context: Context) -> tuple[str, ...] | None:
    parts = cell.split(context.separator) if isinstance(cell, str) else cell
    found = {stripped for part in parts if (stripped := part.strip())}
    if not found <= context.purposes or len(found) > fields.MAX_ITEMS:
        raise RowRefused(Refusal.BAD_LISTED)
    return tuple(sorted(found)) or None


def _purpose_version(cell: Cell, _context: Context) -> int | None:
    text = _plain(cell, Refusal.BAD_PURPOSE_VERSION)
    if not text:
        return None
    if _WHOLE.fullmatch(text) is None or not 1 <= int(text) <= MAX_PURPOSE_VERSION:
        raise RowRefused(Refusal.BAD_PURPOSE_VERSION)
    return int(text)


def _time_zone(cell: Cell, _context: Context) -> str | None:
    text = _plain(cell, Refusal.BAD_TIME_ZONE)
    if text and not is_zone(text):
        raise RowRefused(Refusal.BAD_TIME_ZONE)
    return text or None


def _media_type(cell: Cell) -> str:
    text = _plain(cell, Refusal.BAD_EVIDENCE)
    return _allowed(fields.name, text, Refusal.BAD_EVIDENCE) if text else ""


@functools.lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Return whether this machine knows a time zone of this IANA name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        return False
    return name.isascii()


def _plain(cell: Cell, reason: Refusal) -> str:
    if not isinstance(cell, str):
        raise RowRefused(reason)
    return cell


def _allowed(codec: fields.Codec, text: str, reason: Refusal) -> str:
    write: Callable[[str], object] = codec.write
    try:
        write(text)
        canonical.check_domain(text)
    except MalformedRecord:
        raise RowRefused(reason) from None
    return text


_READERS: Mapping[str, Callable[[Cell, Context], Any]] = {
    "purpose": _purpose,
    "state": _one_of({s.value: s for s in EventState}, Refusal.UNKNOWN_STATE),
    "recipient": _name(Refusal.BAD_RECIPIENT, SELF),
    "channel": _name(Refusal.BAD_CHANNEL, ANY_CHANNEL),
    "notice": _notice,
    "method": _one_of({m.value: m for m in Method}, Refusal.UNKNOWN_METHOD, Method.IMPORT.value),
    "event_type": _one_of(
        {t.value: t for t in EventType}, Refusal.UNKNOWN_EVENT_TYPE, EventType.EXPRESSED.value
    ),
    "relation": _one_of(
        {r.value: r for r in Relation}, Refusal.UNKNOWN_RELATION, Relation.SUBJECT.value
    ),
    "separate": _flag(Refusal.BAD_SEPARATE),
    "written": _flag(Refusal.BAD_WRITTEN),
    "listed": _listed,
    "purpose_version": _purpose_version,
    "jurisdiction": _jurisdiction,
    "legal_regime": _name(Refusal.BAD_LEGAL_REGIME),
    "time_zone": _time_zone,
    "layer": _name(Refusal.BAD_LAYER),
    "control_label": _words(Refusal.BAD_CONTROL_LABEL),
}
"""Column → what its cell means; None where the event says nothing but its default."""
