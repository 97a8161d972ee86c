"""What entries about persons come to, as rows of numbers: all that a decision is made from.

A *fact* is one such entry in 40 bytes: where it stands, whom it is about, when, until when, and a
number that stands for everything else that was said. That rest, a *what*, is the same for very many
entries and is kept once. From the facts the whole state of consent can be folded again, under any
vocabulary, without opening a single payload.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from consent import fields
from consent.canonical import canonical_bytes, parse_object
from consent.errors import MalformedRecord
from consent.events import ConsentEvent, EventType
from consent.fields import Entry, Variant, field, one_of, sequence
from consent.instants import FOREVER
from consent.merges import SubjectsMerged
from consent.preferences import PREFERENCE_KINDS, Pause, Preference, PreferenceEvent
from consent.statements import TRUST, Method, Relation
from consent.uses import OccurrenceReleased, OccurrenceReserved
from consent.words import AgeBand, Assurance, EventState

FACT = np.dtype(
    [
        ("index", "<i8"),
        ("recorded", "<i8"),
        ("time", "<i8"),
        ("until", "<i8"),
        ("subject", "<u4"),
        ("what", "<u4"),
    ]
)
Facts = NDArray[np.void]
"""Shape (n,), dtype FACT. Times are milliseconds since 1970. So is `until`, FOREVER where there is
no end; but of a merge it is the subject number that is absorbed, of an occurrence the index of the
grant.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWhat(Variant):
    """Everything that matters of a consent event besides who and when."""

    KIND: ClassVar[str] = "consent"

    state: EventState = field(one_of(EventState))
    purpose: str = field(fields.name)
    purpose_version: int = field(fields.count)
    recipient: str = field(fields.name)
    channel: str = field(fields.name)
    event_type: EventType = field(one_of(EventType))
    method: Method = field(one_of(Method))
    relation: Relation = field(one_of(Relation))
    separate: bool = field(fields.flag)
    listed: tuple[str, ...] = field(sequence(fields.name, ascending=True))
    source_id: str = field(fields.name)
    source_trust: int = field(TRUST)
    jurisdiction: str = field(fields.words)
    residence: str | None = field(fields.words, None)
    notice_hash: bytes | None = field(fields.digest, None)
    age_band: AgeBand | None = field(one_of(AgeBand), None)
    age_assurance: Assurance | None = field(one_of(Assurance), None)
    max_uses: int | None = field(fields.count, None)

    @property
    def is_act(self) -> bool:
        """True where the person acted: nothing implied, no copy, no staff, no machine."""
        expressed = self.event_type is not EventType.IMPLIED
        return expressed and not self.method.is_copy and self.relation.acts_for_subject


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceWhat(Variant):
    """A preference and who chose it; the end of a pause stands in the fact."""

    KIND: ClassVar[str] = "preference"
    preference: Preference = field(fields.variant(*PREFERENCE_KINDS))
    source_id: str = field(fields.name)
    act: bool = field(fields.flag)
    """The person chose it: it is no copy, and neither staff nor a machine did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceWhat(Variant):
    """A use of a consent that permits so many was set aside, or given back."""

    KIND: ClassVar[str] = "occurrence"
    reserved: bool = field(fields.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeWhat(Variant):
    """Another record was absorbed."""

    KIND: ClassVar[str] = "merge"


What = ConsentWhat | PreferenceWhat | OccurrenceWhat | MergeWhat
_CODEC = fields.variant(ConsentWhat, PreferenceWhat, OccurrenceWhat, MergeWhat)
_NAMES = tuple(f.name for f in fields_of(ConsentWhat))
_VALUES = operator.attrgetter(*_NAMES)
_RESERVED, _RELEASED, _MERGE = (
    OccurrenceWhat(reserved=True),
    OccurrenceWhat(reserved=False),
    MergeWhat(),
)


class Whats:
    """Every what that has occurred, by its number."""

    __slots__ = ("_by_key", "_list")

    def __init__(self) -> None:
        self._list: list[What] = []
        self._by_key: dict[object, int] = {}

    def __len__(self) -> int:
        return len(self._list)

    def __getitem__(self, number: int) -> What:
        return self._list[number]

    def since(self, number: int) -> list[What]:
        """Return those from `number` on."""
        return self._list[number:]

    def forget_from(self, number: int) -> None:
        """Drop those from `number` on, which nobody has used: their transaction failed."""
        for what in self._list[number:]:
            del self._by_key[_key(what)]
        del self._list[number:]

    def number(self, what: What) -> int:
        """Return the number of a what, a new one if it is new."""
        return self._number(_key(what), lambda: what)

    def number_of(self, event: ConsentEvent) -> int:
        """Return the number of what an event says; like `number`, but for very many."""
        values = _VALUES(event)
        return self._number(values, lambda: ConsentWhat(**dict(zip(_NAMES, values, strict=True))))

    def _number(self, key: object, make: Callable[[], What]) -> int:
        number = self._by_key.get(key)
        if number is None:
            self._list.append(make())
            number = self._by_key[key] = len(self._list) - 1
        return number


def write_what(what: What) -> bytes:
    """Return the one encoding of a what."""
    return canonical_bytes(_CODEC.write(what))


def read_what(data: bytes) -> What:
    """Read what `write_what` returned.

    Raises: MalformedRecord for anything else.
    """
    what: What = _CODEC.read(parse_object(data))
    if write_what(what) != data:
        raise MalformedRecord("this is not the one encoding of it")
    return what


@dataclass(slots=True)
class About:
    """An entry about a person, where it stands."""

    index: int
    recorded_ms: int
    subject: int
    record: Entry


WITH_FACT = frozenset(
    kind.TYPE
    for kind in (
        ConsentEvent, PreferenceEvent, OccurrenceReserved, OccurrenceReleased, SubjectsMerged,
    )
)  # fmt: skip
"""Kinds of entries that have exactly one fact, until they are erased."""


def facts_of(
    entries: Iterable[About], whats: Whats, numbers: Callable[[str], int] | None = None
) -> Facts:
    """Return the facts of entries, in their order; entries that no decision needs have none.

    `numbers` says the number of a subject id, for merges.
    """
    rows = [row for entry in entries if (row := _row(entry, whats, numbers)) is not None]
    return np.array(rows, dtype=FACT)


def _row(
    entry: About, whats: Whats, numbers: Callable[[str], int] | None
) -> tuple[int, ...] | None:
    index, recorded, subject, record = (
        entry.index, entry.recorded_ms, entry.subject, entry.record
    )  # fmt: skip
    match record:
        case ConsentEvent():
            until = FOREVER if record.valid_until_ms is None else record.valid_until_ms
            what = whats.number_of(record)
            return index, recorded, record.event_time_ms, until, subject, what
        case PreferenceEvent():
            until, kept = FOREVER, record.preference
            if isinstance(kept, Pause):
                until, kept = kept.until_ms, Pause(until_ms=0, channel=kept.channel)
            chosen = PreferenceWhat(preference=kept, source_id=record.source_id, act=record.is_act)
            return index, recorded, record.event_time_ms, until, subject, whats.number(chosen)
        case OccurrenceReserved():
            number = whats.number(_RESERVED)
            return index, recorded, record.reserved_at_ms, record.grant, subject, number
        case OccurrenceReleased():
            number = whats.number(_RELEASED)
            return index, recorded, record.released_at_ms, record.grant, subject, number
        case SubjectsMerged() if numbers is not None:
            absorbed = numbers(record.absorbed)
            return index, recorded, record.merged_at_ms, absorbed, subject, whats.number(_MERGE)
        case _:
            return None


def _key(what: What) -> object:
    return _VALUES(what) if isinstance(what, ConsentWhat) else what


def no_facts() -> Facts:
    """Return no facts."""
    return np.empty(0, dtype=FACT)


__all__ = [
    "FACT",
    "About",
    "ConsentWhat",
    "Facts",
    "MergeWhat",
    "OccurrenceWhat",
    "PreferenceWhat",
    "What",
    "Whats",
    "facts_of",
    "no_facts",
    "read_what",
    "write_what",
]
