"""Messages of `ring.py`, and what stays the same through a party's run.

Sizes: a list is as long as its owner's set, in chunks of `chunk_items`, the last one what is left,
and an empty one has no chunk.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Points, points_from_bytes
from protocols.multi_party import Place
from protocols.psi import chunks, okvs, opening
from protocols.psi.params import PsiParams
from protocols.session import Items

_OPENING_LABEL = b"accord/psi-ring-opening/1\x00"
SALT_BYTES = 32


# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each party to each other one: same context, its size, a public key."""

    KIND: ClassVar[str] = "psi-ring-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, the numbers of speaker and listener, how many parties there
    are, ctx and encoded parameters."""
    total: int
    """Items in the whole set; at most `max_items`."""
    public: bytes
    """A sender's public key of this run, 32 bytes, for what senders share; the receiver's: none."""


@dataclass(frozen=True, slots=True)
class Passed(Record):
    """A chunk of the list of party `owner`, under the scalars of all whom it has passed."""

    KIND: ClassVar[str] = "psi-ring-passed/1"
    owner: int
    index: int
    points: bytes
    """32 bytes for each item."""


@dataclass(frozen=True, slots=True)
class Table(Record):
    """A chunk of a sender's salt and table (`okvs.py`), one after the other."""

    KIND: ClassVar[str] = "psi-ring-table/1"
    index: int
    data: bytes
    """`chunk_items` times `tag_bytes`, the last one what is left."""


@dataclass(frozen=True, slots=True)
class Done(Record):
    """The receiver has its result."""

    KIND: ClassVar[str] = "psi-ring-done/1"


# What stays the same


@dataclass(frozen=True, slots=True)
class Run(Record):
    """What stays the same through one party's run; the scalars are secret."""

    KIND: ClassVar[str] = "psi-ring-run/1"
    params: PsiParams
    ctx: bytes
    items: Items
    count_only: bool
    """True in the cardinality protocol."""
    number: int
    parties: int
    blind: bytes = field(repr=False)
    """Hides this party's own list on its way."""
    key: bytes = field(repr=False)
    """A sender's part of the key that all senders hold together."""
    ephemeral: bytes = field(repr=False)
    """Agrees on what each two senders share."""

    def __post_init__(self) -> None:
        Place(self.number, self.parties)
        if any(len(v) != 32 for v in (self.ctx, self.blind, self.key, self.ephemeral)):
            raise InvalidParameter("a context and a scalar have 32 bytes")
        if not self.params.strict:
            raise InvalidParameter("this protocol hashes to the curve only: strict")
        if self.items.chunk_items != self.params.chunk_items:
            raise InvalidParameter("the input is cut in other chunks than the parameters say")
        if not 0 <= self.items.count <= self.params.max_items:
            raise InvalidParameter(f"the input has more than {self.params.max_items} items")

    def place(self) -> Place:
        """Return where this party stands."""
        return Place(self.number, self.parties)

    def check_of(self, speaker: int, listener: int) -> bytes:
        """Return what the opening of `speaker` to `listener` proves."""
        who = f"{speaker} to {listener} of {self.parties}"
        return opening.proof(_OPENING_LABEL, who, self.ctx, self.params)

    def chunks_of(self, total: int) -> int:
        """Return into how many chunks a list is cut."""
        return chunks.chunk_count(total, self.params.chunk_items)

    def length_of(self, total: int, index: int) -> int:
        """Return how many items chunk `index` of a list has."""
        return chunks.chunk_length(total, self.params.chunk_items, index)

    def table_chunk_bytes(self) -> int:
        """Return how long every chunk of a table but the last is."""
        return self.params.chunk_items * self.params.tag_bytes

    def table_bytes(self, total: int) -> int:
        """Return how long salt and table of a sender with `total` items are."""
        return SALT_BYTES + 3 * okvs.third(total) * self.params.tag_bytes


@dataclass(frozen=True, slots=True)
class Peer(Record):
    """What a party has said in its opening."""

    KIND: ClassVar[str] = "psi-ring-peer/1"
    total: int
    public: bytes


@dataclass(frozen=True, slots=True)
class Known(Record):
    """A run, and all parties' openings, this one's own among them, by their numbers."""

    KIND: ClassVar[str] = "psi-ring-known/1"
    run: Run
    peers: tuple[Peer, ...]

    def __post_init__(self) -> None:
        if len(self.peers) != self.run.parties:
            raise InvalidParameter("there is one opening of each party")

    def total(self, party: int) -> int:
        """Return how many items a party has."""
        return self.peers[party].total

    def due(self, owner: int, index: int, passed: Passed) -> Points:
        """Return the points of a chunk, if it is chunk `index` of a party's list.

        Raises: UnexpectedMessage or MalformedMessage.
        """
        size = 32 * self.run.length_of(self.total(owner), index)
        chunks.check_chunk(passed.index, index, passed.points, size)
        return points_from_bytes(passed.points)


MESSAGES = (Opening, Passed, Table, Done)
