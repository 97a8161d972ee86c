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
from protocols.psi import chunks, okvs
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import PsiParams, RowParams
from protocols.session import Items

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
class Run(MatchingRun):
    """What stays the same through one party's run; the scalars are secret."""

    KIND: ClassVar[str] = "psi-ring-run/1"
    OPENING_LABEL: ClassVar[bytes] = b"accord/psi-ring-opening/1\x00"
    params: PsiParams | RowParams
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
        self.check_input(self.blind, self.key, self.ephemeral)
        if not self.params.strict:
            raise InvalidParameter("this protocol hashes to the curve only: strict")
        if self.params.per_person != 1:
            raise InvalidParameter("a person brings one item")
        if self.params.dummies % (self.parties - 1):
            raise InvalidParameter("every sender tosses for as many dummies")

    def place(self) -> Place:
        """Return where this party stands."""
        return Place(self.number, self.parties)

    def on_the_way(self, speaker: int, listener: int) -> str:
        """Return what an opening of `speaker` to `listener` names as its speaker."""
        return f"{speaker} to {listener} of {self.parties}"

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
