"""The half of `sums-cot` that holds the vectors: it chooses, and adds up what it was given.

Chunks kept: `zeros` and `ones` (the keys of the base transfers, secret), and its shares so far.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot import base, extension
from protocols.psi.chunks import check_chunk
from protocols.session import Continue, Fetch, Finish, Rng, Transition, Wait
from protocols.sums import cot_shares
from protocols.sums.cot_lanes import fold
from protocols.sums.cot_pads import pad_key, pads
from protocols.sums.cot_records import (
    PIECE_ROWS,
    Choices,
    Opening,
    Products,
    Run,
    Shares,
    VectorsAdding,
    VectorsChoosing,
    VectorsOpening,
)
from protocols.sums.layout import read_vector, vector_chunk
from protocols.sums.records import SumsGiven

ZEROS, ONES = "zeros", "ones"


def start(state: VectorsOpening, opening: Opening, fetch: Fetch, rng: Rng) -> Transition:
    """Take the other's opening: both keys of each base transfer."""
    run = state.run
    zeros, ones = base.give(run.ctx, state.scalar, opening.points)
    session = run.session(base.point_of(state.scalar), opening.points)
    if run.stretches() == 0:
        return _await_more(VectorsAdding(run, session, 0), cot_shares.before(run, 0, fetch), {})
    message = _choices(run, session, 0, (zeros, ones), fetch, rng)
    return Continue(VectorsChoosing(run, session, 1), message, {ZEROS: zeros, ONES: ones})


def choose(state: VectorsChoosing, fetch: Fetch, rng: Rng) -> Transition:
    """Send the choices for the next stretch, or begin to await the products."""
    run, session, due = state.run, state.session, state.next
    if state.is_last:
        return Wait(VectorsAdding(run, session, 0))
    message = _choices(run, session, due, (fetch(ZEROS), fetch(ONES)), fetch, rng)
    return Continue(VectorsChoosing(run, session, due + 1), message)


def _choices(
    run: Run, session: bytes, index: int, keys: tuple[bytes, bytes], fetch: Fetch, rng: Rng
) -> Choices:
    bits = _bits(run, index, fetch).reshape(-1)
    columns, parities = extension.choose(session, index, keys, bits, rng(extension.BEHIND_BYTES))
    return Choices(index, columns, parities)


def _bits(run: Run, index: int, fetch: Fetch) -> NDArray[np.uint8]:
    """Return the binary digits of a stretch's vectors, the lowest first, shape (rows, planes)."""
    chunk, low, high = run.stretch(index)
    row_bytes = 4 * run.params.layout.vectors
    data = fetch(vector_chunk(chunk))
    if len(data) != row_bytes * run.chunk_length(chunk):
        raise LocalError("a chunk of vectors has the wrong length")
    rows = read_vector(run.params.layout, data[row_bytes * low : row_bytes * high])
    digits = rows[:, :, None] >> np.arange(run.digits, dtype=np.int32)
    return (digits & 1).astype(np.uint8).reshape(high - low, run.planes)


def add(state: VectorsAdding, message: Products, fetch: Fetch) -> Transition:
    """Take the products of a stretch: take off the pads, and add up."""
    run, due = state.run, state.next
    bits = _bits(run, due, fetch)
    rows = len(bits)
    check_chunk(message.stretch, due, message.pieces, rows * run.planes * run.placing.row_bytes)
    pad_rows = extension.chosen_rows(due, fetch(ZEROS), bits.size).reshape(rows, run.planes, 2)
    totals = cot_shares.before(run, due, fetch)
    data, at = memoryview(message.pieces), 0
    for low in range(0, rows, PIECE_ROWS):
        for plane in range(run.planes):
            here = bits[low : low + PIECE_ROWS, plane]
            key = pad_key(state.session, due, low // PIECE_ROWS, plane)
            made = pads(key, pad_rows[low : low + PIECE_ROWS, plane], run.placing.blocks)
            sums = []
            sizes = run.placing.sizes(len(here))
            for segment, size in zip(run.placing.segments, sizes, strict=True):
                given = segment.read(data[at : at + size], len(here), np.flatnonzero(here))
                at += size
                sums.append(fold(segment.lanes_of(made)) + fold(given))
            cot_shares.add(totals, run, plane, sums)
    return _await_more(
        VectorsAdding(run, state.session, due + 1), totals, {cot_shares.name(due): totals.tobytes()}
    )


def _await_more(
    state: VectorsAdding, totals: cot_shares.Totals, keep: Mapping[str, bytes]
) -> Transition:
    """Wait for what is due next; at the end give the shares away if the other learns the sums."""
    run = state.run
    if run.params.to_holder or not state.is_last:
        return Wait(state, keep)
    return Finish(SumsGiven(run.rows.count), Shares(cot_shares.give(run, totals)), keep)


def finish(state: VectorsAdding, message: Shares, fetch: Fetch) -> Transition:
    """Take the other's shares with its noise: the sums."""
    run = state.run
    totals = cot_shares.before(run, state.next, fetch)
    return Finish(cot_shares.together(run, totals, message.shares))
