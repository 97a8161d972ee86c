"""Messages and states of `cot.py`: what crosses the wire, and what survives a crash between two
steps.

Rows go in *stretches*: as many rows of a chunk as fit into a message. The chunks kept are the keys
of the base transfers (secret), and the shares of the sums so far (secret too): `share/00000` after
an even stretch and `share/00001` after an odd one, so that no step writes over what it reads.
"""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import ContextMismatch, InvalidParameter, MalformedMessage
from protocols.ot.base import POINT_BYTES
from protocols.ot.extension import COLUMNS, ROW_BYTES
from protocols.session import Role
from protocols.sums.cot_lanes import PIECE_ROWS, Placing, placing
from protocols.sums.records import AlignedRows, SumParams

STRETCH_BYTES = 2**22
"""A message of products has at most so many bytes."""

_OPENING_LABEL = b"accord/sums-cot-opening/1\x00"
_NARROW_OPENING_LABEL = b"accord/sums-cot-narrow-opening/1\x00"
_SESSION_LABEL = b"accord/sums-cot-session/1\x00"


# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each side: proof of the same context, size, part of the base OTs."""

    KIND: ClassVar[str] = "sums-cot-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    rows: int
    """Both sides must have the same."""
    points: bytes
    """32 bytes from the vectors' side, 128 · 32 from the matrix's: as RFC 8032 encodes."""


@dataclass(frozen=True, slots=True)
class Choices(Record):
    """The vectors of a stretch, hidden: one transfer for each row, vector and binary digit.

    Behind these, one for each sum of a group of narrow columns, with a random choice.
    """

    KIND: ClassVar[str] = "sums-cot-choices/1"
    stretch: int
    columns: bytes
    """128 columns, one after the other, of 8 bytes for each 64 transfers begun, and 16 more."""
    parities: bytes
    """16 bytes of the choices and 16 of each column."""


@dataclass(frozen=True, slots=True)
class Products(Record):
    """The columns of a stretch under pads, of which the other side can take off those it chose."""

    KIND: ClassVar[str] = "sums-cot-products/1"
    stretch: int
    pieces: bytes
    """For each 508 rows begun, vector and digit, the bytes of `Placing` for each row."""


@dataclass(frozen=True, slots=True)
class Carries(Record):
    """The top bit of each share of a group, hidden by the random choice of its transfer."""

    KIND: ClassVar[str] = "sums-cot-carries/1"
    stretch: int
    bits: bytes
    """A bit for each, the lowest of a byte first."""


@dataclass(frozen=True, slots=True)
class CarryProducts(Record):
    """The top bits of the other side's shares under pads."""

    KIND: ClassVar[str] = "sums-cot-carry-products/1"
    stretch: int
    products: bytes
    """For each sum of a group, what its carry needs in bytes, little-endian."""


@dataclass(frozen=True, slots=True)
class Shares(Record):
    """A side's shares of all sums, with its noise: the last message, to who learns the sums."""

    KIND: ClassVar[str] = "sums-cot-shares/1"
    shares: bytes
    """For each vector and column the share, little-endian, in as many bytes as the column has."""


# States


@dataclass(frozen=True, slots=True)
class Run(Record):
    """What stays the same through one side's run.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "sums-cot-run/1"
    params: SumParams
    ctx: bytes
    rows: AlignedRows
    narrow: bool
    """Whether columns may be sent in fewer bytes than their sums have."""

    def __post_init__(self) -> None:
        if len(self.ctx) != 32:
            raise InvalidParameter("a context has 32 bytes")
        if self.rows.chunk_rows != self.params.layout.chunk_rows:
            raise InvalidParameter("the input is cut in other chunks than the parameters say")
        if not 0 <= self.rows.count <= self.params.layout.max_rows:
            raise InvalidParameter("the input has more rows than the parameters allow")
        if self._bytes_of_row() > STRETCH_BYTES:
            raise InvalidParameter("a row of so many columns, vectors and digits is too long")

    @property
    def digits(self) -> int:
        """Binary digits of an entry of a vector."""
        return self.params.layout.vector_bound.bit_length()

    @property
    def planes(self) -> int:
        """Transfers for each row: one for each vector and digit."""
        return self.params.layout.vectors * self.digits

    @property
    def placing(self) -> Placing:
        """Where the columns lie and how wide they are."""
        return placing(self.params, self.rows.count, self.narrow)

    def _bytes_of_row(self) -> int:
        """Bytes of a row in the longer of the two messages about it, rounded up."""
        choices = ROW_BYTES * (PIECE_ROWS + self.placing.carries(PIECE_ROWS))
        return self.planes * max(-(-choices // PIECE_ROWS), self.placing.row_bytes)

    def _stretch_rows(self) -> int:
        """Rows of a stretch that no end of a chunk cuts: whole pieces, if one fits."""
        fit = STRETCH_BYTES // self._bytes_of_row()
        return min(self.rows.chunk_rows, fit - fit % PIECE_ROWS if fit >= PIECE_ROWS else fit)

    def stretches(self) -> int:
        """Return in how many stretches all rows are sent."""
        whole, rest = divmod(self.rows.count, self.rows.chunk_rows)
        size = self._stretch_rows()
        return whole * -(-self.rows.chunk_rows // size) + -(-rest // size)

    def steps(self) -> int:
        """Return how often shares are added to: for each stretch, and for its carries."""
        return self.stretches() * (2 if self.placing.carries(1) else 1)

    def pieces(self, index: int) -> tuple[int, ...]:
        """Return how many rows each piece of a stretch has."""
        rows = self.stretch_length(index)
        return tuple(min(PIECE_ROWS, rows - low) for low in range(0, rows, PIECE_ROWS))

    def carries(self, index: int) -> int:
        """Return how many sums of groups of narrow columns a stretch has."""
        return self.planes * sum(map(self.placing.carries, self.pieces(index)))

    def transfers(self, index: int) -> int:
        """Return how many transfers a stretch has."""
        return self.planes * self.stretch_length(index) + self.carries(index)

    def stretch(self, index: int) -> tuple[int, int, int]:
        """Return the chunk of a stretch, and its first row and the row after its last in there."""
        size, chunk_rows = self._stretch_rows(), self.rows.chunk_rows
        chunk, place = divmod(index, -(-chunk_rows // size))
        return chunk, place * size, min(self.chunk_length(chunk), (place + 1) * size)

    def stretch_length(self, index: int) -> int:
        """Return how many rows a stretch has; behind the last one none."""
        if index >= self.stretches():
            return 0
        _, low, high = self.stretch(index)
        return high - low

    def chunk_length(self, chunk: int) -> int:
        """Return how many rows a chunk of the input has."""
        size = self.rows.chunk_rows
        return max(0, min(size, self.rows.count - chunk * size))

    def rows_before(self, index: int) -> int:
        """Return how many rows come before a stretch."""
        if index >= self.stretches():
            return self.rows.count
        chunk, low, _ = self.stretch(index)
        return chunk * self.rows.chunk_rows + low

    def check_of(self, speaker: Role) -> bytes:
        """Return what the opening of `speaker` proves; it differs by speaker, so none is
        reflected.
        """
        label = _NARROW_OPENING_LABEL if self.narrow else _OPENING_LABEL
        parts = (label, speaker.encode(), self.ctx, encode(self.params))
        return hashlib.sha256(b"".join(parts)).digest()

    def check_opening(self, opening: Opening, speaker: Role) -> None:
        """Return if the opening of `speaker` fits this run.

        Raises: ContextMismatch, MalformedMessage.
        """
        if opening.check != self.check_of(speaker):
            raise ContextMismatch("the other side runs another protocol, job or parameters")
        if opening.rows != self.rows.count:
            raise ContextMismatch("the other side has another number of rows: they do not align")
        due = 1 if speaker is Role.INITIATOR else COLUMNS
        if len(opening.points) != POINT_BYTES * due:
            raise MalformedMessage(f"{due} points are due")

    def session(self, vectors_point: bytes, matrix_points: bytes) -> bytes:
        """Return the 32 bytes that every key of this run is derived from; they are no secret."""
        parts = (_SESSION_LABEL, self.ctx, vectors_point, matrix_points)
        return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class VectorsOpening(Record):
    """The vectors' side awaits the other's opening; the scalar is secret."""

    KIND: ClassVar[str] = "sums-cot-vectors-opening/1"
    run: Run
    scalar: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.scalar) != 32:
            raise InvalidParameter("a scalar has 32 bytes")


@dataclass(frozen=True, slots=True)
class _Place(Record):
    run: Run
    session: bytes
    next: int
    """The stretch that is due; once all are done, their carries are counted on."""

    def __post_init__(self) -> None:
        if len(self.session) != 32:
            raise InvalidParameter("a session has 32 bytes")
        if not 0 <= self.next <= self.run.steps():
            raise InvalidParameter("there is no such step")

    @property
    def is_last(self) -> bool:
        """Say whether everything is added up, and only the shares are left."""
        return self.next == self.run.steps()

    @property
    def carry(self) -> int | None:
        """The stretch whose carries are due, if carries are."""
        at = self.next - self.run.stretches()
        return at if at >= 0 and not self.is_last else None


@dataclass(frozen=True, slots=True)
class VectorsChoosing(_Place):
    """The vectors' side sends its choices for stretch `next`."""

    KIND: ClassVar[str] = "sums-cot-vectors-choosing/1"


@dataclass(frozen=True, slots=True)
class VectorsAdding(_Place):
    """The vectors' side awaits products of stretch `next` or of its carries, or the shares."""

    KIND: ClassVar[str] = "sums-cot-vectors-adding/1"


@dataclass(frozen=True, slots=True)
class MatrixOpening(Record):
    """The matrix's side awaits the other's opening."""

    KIND: ClassVar[str] = "sums-cot-matrix-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class MatrixAnswering(_Place):
    """The matrix's side awaits the choices of stretch `next` or its carries; at the end it gives or
    awaits the shares.
    """

    KIND: ClassVar[str] = "sums-cot-matrix-answering/1"


MESSAGES = (Opening, Choices, Products, Shares)
NARROW_MESSAGES = (*MESSAGES, Carries, CarryProducts)
STATES = (VectorsOpening, VectorsChoosing, VectorsAdding, MatrixOpening, MatrixAnswering)
