"""The last part of a joint score: weights go one way, hidden scores come back.

    brand (initiator)                                         partner (responder)
             ── Weights: one for each of the partner's columns ──►  adds up each row's weights
             ◄── Hidden: each row's sum, rounded, + its pad, modulo 2^32 ──  message by message
    takes the pads off that it has

**Who learns what.** The partner: the weights. The brand: the sums of the rows whose pads it has,
which are those that its own people match, in 256 steps (`coarse.py`). A pad is four random bytes
that are used once, so of the other rows it learns nothing, whatever it can compute.

**What a brand could do that does not follow.** Ask by other weights than it has fitted, by a single
one too, and so read a single column of the people who match: 8 bits of each of them. The partner
sees the weights, keeps them, and shows them; where they are to be those of an earlier run, it
scores by no others.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError, MalformedMessage, PeerError
from protocols.joint.coarse import coarse
from protocols.joint.records import PAD_BYTES, ScoreParams
from protocols.joint.widths import UNIT
from protocols.psi import chunks
from protocols.psi.chunks import unexpected
from protocols.session import (
    Continue,
    Fetch,
    Finish,
    Progress,
    Rng,
    Role,
    Transition,
    TwoParty,
    Wait,
)

SUMS = "partial-scores"
"""Chunks of the hidden sums that came, in the partner's order."""
LARGEST_SUM = 2**30
"""No row's sum is larger: it fits into 32 bits with its sign."""


class OtherWeights(PeerError):
    """The other party asks for scores by other weights than those of the model that was named."""

    code = "other-weights"


@dataclass(frozen=True, slots=True)
class ScoreGiven(Record):
    """The input: `theirs/…` and `pads/…` at the partner, nothing at the brand but the weights."""

    KIND: ClassVar[str] = "joint-score-given/1"
    rows: int
    weights: tuple[int, ...]
    """The brand's; at the partner empty, or the only ones that it scores by."""


@dataclass(frozen=True, slots=True)
class Weights(Record):
    """A weight for each column, in parts of the brand's own choosing."""

    KIND: ClassVar[str] = "joint-weights/1"
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hidden(Record):
    """The next rows' sums, each with its pad added modulo 2^32: four bytes, little-endian."""

    KIND: ClassVar[str] = "joint-hidden/1"
    index: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Collecting(Record):
    """The brand waits for sums."""

    KIND: ClassVar[str] = "joint-collecting/1"
    params: ScoreParams
    rows: int
    sent: bool
    done: int


@dataclass(frozen=True, slots=True)
class Adding(Record):
    """The partner waits for weights, or sends sums by them."""

    KIND: ClassVar[str] = "joint-adding/1"
    params: ScoreParams
    rows: int
    weights: tuple[int, ...]
    done: int
    known: tuple[int, ...]
    """The only weights that it scores by; empty for any."""


@dataclass(frozen=True, slots=True)
class SumsHidden(Record):
    """The brand's end: the sums lie in `partial-scores/…`, hidden still."""

    KIND: ClassVar[str] = "joint-sums-hidden/1"
    rows: int


@dataclass(frozen=True, slots=True)
class ScoredBy(Record):
    """The partner's end: by which weights it has scored."""

    KIND: ClassVar[str] = "joint-scored-by/1"
    rows: int
    weights: tuple[int, ...]


def begin(role: Role, params: Record, ctx: bytes, given: ScoreGiven, rng: Rng) -> Transition:
    """Open one side. Raises: InvalidParameter if the weights are not one for each column."""
    if not isinstance(params, ScoreParams) or not isinstance(given, ScoreGiven):
        raise InvalidParameter("these are not the parameters and the input of this protocol")
    if role is Role.INITIATOR or given.weights:
        _check(params, given.weights)
    if role is Role.RESPONDER:
        return Wait(Adding(params, given.rows, (), 0, given.weights))
    return Continue(Collecting(params, given.rows, True, 0), Weights(given.weights))


def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
    """Take one side one arrow further."""
    match state, message:
        case Collecting(), None:
            return Wait(state) if state.rows else Finish(SumsHidden(0))
        case Collecting(params, rows, _, done), Hidden(index, data):
            due = chunks.chunk_length(rows, params.chunk_rows, done)
            chunks.check_chunk(index, done, data, PAD_BYTES * due)
            keep = {chunks.kept(SUMS, done): data}
            if done + 1 == chunks.chunk_count(rows, params.chunk_rows):
                return Finish(SumsHidden(rows), keep=keep)
            return Wait(Collecting(params, rows, True, done + 1), keep)
        case Adding(params, rows, (), 0, known), Weights(values):
            _check(params, values, MalformedMessage)
            if known and values != known:
                raise OtherWeights
            return _send(Adding(params, rows, values, 0, known), fetch)
        case Adding(), None if state.weights:
            return _send(state, fetch)
        case _:
            raise unexpected(state, message)


def _send(state: Adding, fetch: Fetch) -> Transition:
    params, rows, done = state.params, state.rows, state.done
    if not rows:
        return Finish(ScoredBy(0, state.weights))
    theirs = read_theirs(fetch(theirs_chunk(done)))
    pads = np.frombuffer(fetch(pads_chunk(done)), "<u4")
    sums = coarse(theirs.astype(np.int64) @ np.array(state.weights, np.int64), state.weights)
    hidden = Hidden(done, (sums.astype(np.uint32) + pads).astype("<u4").tobytes())
    if done + 1 == chunks.chunk_count(rows, params.chunk_rows):
        return Finish(ScoredBy(rows, state.weights), hidden)
    return Continue(Adding(params, rows, state.weights, done + 1, state.known), hidden)


def opened(hidden: NDArray[np.uint32], pads: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the sums of rows from what came and their pads."""
    return (hidden - pads).astype(np.int32).astype(np.int64)


def write_theirs(columns: NDArray[np.uint8]) -> bytes:
    """Return a chunk of the partner's columns, shape (rows, columns): how many, then the bytes."""
    width = int(columns.shape[1])
    return width.to_bytes(2, "little") + np.ascontiguousarray(columns).tobytes()


def read_theirs(data: bytes) -> NDArray[np.uint8]:
    """Return the columns of a chunk. Raises: LocalError if it is not whole rows."""
    width = int.from_bytes(data[:2], "little")
    if not width or (len(data) - 2) % width:
        raise LocalError("a chunk of columns has the wrong length")
    return np.frombuffer(data, np.uint8, offset=2).reshape(-1, width)


def theirs_chunk(index: int) -> str:
    """Return the name of a chunk of the partner's columns."""
    return chunks.kept("theirs", index)


def base_chunk(index: int) -> str:
    """Return the name of a chunk of the partner's columns before there are tables."""
    return chunks.kept("base", index)


def pads_chunk(index: int) -> str:
    """Return the name of a chunk of pads: four bytes for each row."""
    return chunks.kept("pads", index)


def progress(state: Record) -> Progress:
    """Return how many rows' sums have been sent or have come."""
    assert isinstance(state, Collecting | Adding)
    rows, size = state.rows, state.params.chunk_rows
    return Progress(min(rows, state.done * size), rows)


def _check(
    params: ScoreParams, weights: tuple[int, ...], error: type[Exception] = InvalidParameter
) -> None:
    if len(weights) != params.columns or sum(map(abs, weights)) * UNIT > LARGEST_SUM:
        raise error("there is a weight for each column, and no sum of them is too large")


SCORING = TwoParty(
    name="joint-scoring/1",
    title="One side's weights over the other's columns, for rows whose pads the first has",
    initiator_learns="the weighted sum of each row whose pad it has",
    responder_learns="the weights",
    params=ScoreParams,
    messages=(Weights, Hidden),
    states=(Collecting, Adding),
    outputs=(SumsHidden, ScoredBy),
    begin=begin,
    step=step,
    progress=progress,
)
