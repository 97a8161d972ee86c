"""What the two sides of `sums-bfv/1` say and remember."""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import InvalidParameter
from protocols.sums.bfv_blocks import Blocks
from protocols.sums.bfv_packing import Packing, packing
from protocols.sums.records import AlignedRows, SumParams

PER_MESSAGE = 16
"""Ciphertexts in every message but the last: 3 MiB on the way there, 2 to 6 MiB on the way back."""

BATCH_BLOCKS, MOST_BATCHED = 32, 128
"""So many blocks of rows the side with the matrix gathers before it adds them up, unless that were
more than so many messages: sums are stored and read again once for each batch."""
TILE = 16
"""Messages of replies that are made at once: of up to 256 sums, 384 KiB each in memory."""

_LABEL = b"accord/sums-bfv-opening/1\x00"


@dataclass(frozen=True, slots=True)
class Run(Record):
    """What stays the same through one side's run: parameters, context, input.

    Raises: InvalidParameter if they do not fit each other.
    """

    KIND: ClassVar[str] = "sums-bfv-run/1"
    params: SumParams
    ctx: bytes
    rows: AlignedRows

    def __post_init__(self) -> None:
        if len(self.ctx) != 32:
            raise InvalidParameter("a context has 32 bytes")
        if self.rows.chunk_rows != self.params.layout.chunk_rows:
            raise InvalidParameter("the input is cut in other chunks than the parameters say")
        if not 0 <= self.rows.count <= self.params.layout.max_rows:
            raise InvalidParameter("the input has more rows than the parameters allow")

    def packing(self) -> Packing:
        """Return how columns share plaintexts."""
        return packing(self.params)

    def blocks(self) -> Blocks:
        """Return how rows are cut into blocks."""
        return Blocks(self.rows)

    def encryptions(self) -> int:
        """Return how many encryptions the side with the vectors sends."""
        return self.blocks().count * self.params.layout.vectors

    def replies(self) -> int:
        """Return how many ciphertexts come back."""
        return len(self.packing().groups) * self.params.layout.vectors

    def batch(self) -> int:
        """Return how many messages of encryptions are gathered before they are added up."""
        return min(MOST_BATCHED, parts(BATCH_BLOCKS * self.params.layout.vectors))

    def batches_before(self, message: int) -> int:
        """Return how many whole batches were added up when so many messages had come.

        The last message of all is followed by the replies, which add up what is left.
        """
        return max(0, min(message, parts(self.encryptions()) - 1)) // self.batch()

    def rows_sent(self, messages: int) -> int:
        """Return how many rows count as done after so many messages of encryptions: half of all
        after the last.
        """
        return self.rows.count * messages // (2 * max(1, parts(self.encryptions())))

    def rows_answered(self, messages: int) -> int:
        """Return the same after so many messages of replies: all after the last."""
        count = self.rows.count
        return count - count // 2 * (parts(self.replies()) - messages) // parts(self.replies())

    def check_of(self, speaker: str) -> bytes:
        """Return the 32 bytes that the opening of `speaker` shows; none can be reflected."""
        parts = (_LABEL, speaker.encode(), self.ctx, encode(self.params))
        return hashlib.sha256(b"".join(parts)).digest()


def part(index: int, total: int) -> range:
    """Return which of `total` ciphertexts message `index` has."""
    return range(index * PER_MESSAGE, min((index + 1) * PER_MESSAGE, total))


def parts(total: int) -> int:
    """Return in how many messages `total` ciphertexts are said."""
    return -(-total // PER_MESSAGE)


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each side."""

    KIND: ClassVar[str] = "sums-bfv-opening/1"
    check: bytes
    """32 bytes that depend on protocol, speaker, context and parameters."""
    rows: int
    key: bytes
    """The public key, 524,288 bytes, of the side with the vectors; empty from the other."""


@dataclass(frozen=True, slots=True)
class Encrypted(Record):
    """Blocks of the vectors, encrypted: for each block, vector by vector."""

    KIND: ClassVar[str] = "sums-bfv-encrypted/1"
    index: int
    ciphers: bytes
    """196,672 bytes each."""


@dataclass(frozen=True, slots=True)
class Replies(Record):
    """The sums, still encrypted: for each vector, group by group."""

    KIND: ClassVar[str] = "sums-bfv-replies/1"
    index: int
    ciphers: bytes
    """131,072 bytes each for every prime that replies have."""


@dataclass(frozen=True, slots=True)
class Returned(Record):
    """What the replies decrypt to, masked by one side and with the noise of the other."""

    KIND: ClassVar[str] = "sums-bfv-returned/1"
    numbers: bytes
    """8 bytes for each reply, little-endian, each below 2^T."""


@dataclass(frozen=True, slots=True)
class HolderOpening(Record):
    """The side with the vectors awaits the other's opening. Its secret key is the chunk `key`."""

    KIND: ClassVar[str] = "sums-bfv-holder-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class HolderSending(Record):
    """It sends its vectors, encrypted."""

    KIND: ClassVar[str] = "sums-bfv-holder-sending/1"
    run: Run
    next: int


@dataclass(frozen=True, slots=True)
class HolderCollecting(Record):
    """It awaits replies."""

    KIND: ClassVar[str] = "sums-bfv-holder-collecting/1"
    run: Run
    next: int
    numbers: tuple[int, ...] = field(repr=False)
    """What the replies so far decrypt to. Secret."""


@dataclass(frozen=True, slots=True)
class MatrixOpening(Record):
    """The side with the matrix awaits the other's opening."""

    KIND: ClassVar[str] = "sums-bfv-matrix-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class MatrixSumming(Record):
    """It awaits encrypted vectors; those that have come, and sums of earlier ones, are chunks."""

    KIND: ClassVar[str] = "sums-bfv-matrix-summing/1"
    run: Run
    next: int


@dataclass(frozen=True, slots=True)
class MatrixReplying(Record):
    """It sends the sums back; those that are made already are chunks."""

    KIND: ClassVar[str] = "sums-bfv-matrix-replying/1"
    run: Run
    next: int
    masks: tuple[int, ...] = field(repr=False)
    """What is to be taken off each number that is returned, of all replies that are made; empty
    where none is. Secret."""


@dataclass(frozen=True, slots=True)
class MatrixAwaiting(Record):
    """It awaits what its replies decrypt to."""

    KIND: ClassVar[str] = "sums-bfv-matrix-awaiting/1"
    run: Run
    masks: tuple[int, ...] = field(repr=False)
    """As before. Secret."""


MESSAGES = (Opening, Encrypted, Replies, Returned)
STATES = (
    HolderOpening,
    HolderSending,
    HolderCollecting,
    MatrixOpening,
    MatrixSumming,
    MatrixReplying,
    MatrixAwaiting,
)
