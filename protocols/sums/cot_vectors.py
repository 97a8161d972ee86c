"""The half of `sums-cot` that holds the vectors: it chooses, and adds up what it was given.

Chunks kept, all secret: `zeros` and `ones` (the keys of the base transfers), its shares so far, and
where columns are narrow `guesses` (a seed) and the top bits of each stretch's shares.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot import base, extension
from protocols.psi.chunks import check_chunk, kept
from protocols.session import Continue, Fetch, Finish, Rng, Transition, Wait
from protocols.sums import cot_carries, cot_planes, cot_shares
from protocols.sums.cot_carries import Bits
from protocols.sums.cot_lanes import PIECE_ROWS, Lanes, Segment
from protocols.sums.cot_pads import pad_key, pads_of_planes
from protocols.sums.cot_planes import Found
from protocols.sums.cot_records import (
    Carries,
    CarryProducts,
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

ZEROS, ONES, GUESSES = "zeros", "ones", "guesses"


def start(state: VectorsOpening, opening: Opening, fetch: Fetch, rng: Rng) -> Transition:
    """Take the other's opening: both keys of each base transfer."""
    run = state.run
    zeros, ones = base.give(run.ctx, state.scalar, opening.points)
    session = run.session(base.point_of(state.scalar), opening.points)
    keys = {ZEROS: zeros, ONES: ones, GUESSES: rng(cot_carries.SEED_BYTES) if run.narrow else b""}
    if run.stretches() == 0:
        return go_on(VectorsAdding(run, session, 0), fetch)
    return Continue(
        VectorsChoosing(run, session, 1), _choices(run, session, 0, keys, fetch, rng), keys
    )


def choose(state: VectorsChoosing, fetch: Fetch, rng: Rng) -> Transition:
    """Send the choices for the next stretch, or begin to await the products."""
    run, session, due = state.run, state.session, state.next
    if due == run.stretches():
        return Wait(VectorsAdding(run, session, 0))
    keys = {name: fetch(name) for name in (ZEROS, ONES, GUESSES)}
    message = _choices(run, session, due, keys, fetch, rng)
    return Continue(VectorsChoosing(run, session, due + 1), message)


def _choices(
    run: Run, session: bytes, index: int, keys: Mapping[str, bytes], fetch: Fetch, rng: Rng
) -> Choices:
    bits = _bits(run, index, fetch).reshape(-1)
    if run.narrow:
        bits = np.concatenate([bits, cot_carries.random_choices(keys[GUESSES], run, index)])
    pair, behind = (keys[ZEROS], keys[ONES]), rng(extension.BEHIND_BYTES)
    return Choices(index, *extension.choose(session, index, pair, bits, behind))


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
    check_chunk(message.stretch, due, message.pieces, bits.size * run.placing.row_bytes)
    rows = extension.chosen_rows(due, fetch(ZEROS), run.transfers(due))
    pad_rows = rows[: bits.size].reshape(len(bits), run.planes, 2)
    totals, found = cot_shares.before(run, due, fetch), Found(run)
    data, at = np.frombuffer(message.pieces, np.uint8), 0
    top: list[Bits] = []
    for piece, low in enumerate(range(0, len(bits), PIECE_ROWS)):
        chosen = np.ascontiguousarray(bits[low : low + PIECE_ROWS].T)
        mine = np.ascontiguousarray(pad_rows[low : low + PIECE_ROWS].transpose(1, 0, 2))
        for planes in cot_planes.together(run, mine.shape[1], 1):
            here = slice(planes.start, planes.stop)
            keys = [pad_key(state.session, due, piece, plane) for plane in planes]
            made = pads_of_planes(keys, mine[here, None], run.placing.blocks)[:, 0]
            size = len(planes) * mine.shape[1] * run.placing.row_bytes
            given = data[at : at + size].reshape(len(planes), -1)
            at += size
            top += _add_planes(totals, found, run, planes, made, given, chosen[here])
    found.add_to(totals)
    keep = {cot_shares.name(due): totals.tobytes()}
    following = VectorsAdding(run, state.session, due + 1)
    if not run.placing.carries(1):
        return _go_on(following, totals, keep)
    bit = np.concatenate(top)
    keep[kept("top", due)] = cot_carries.pack(bit)
    bit ^= cot_carries.random_choices(fetch(GUESSES), run, due)
    return Continue(following, Carries(due, cot_carries.pack(bit)), keep)


def _add_planes(
    totals: cot_shares.Totals,
    found: Found,
    run: Run,
    planes: range,
    made: NDArray[np.uint64],
    given: NDArray[np.uint8],
    bits: Bits,
) -> list[Bits]:
    """Add this side's shares of some planes of a piece; return the top bits of those of groups,
    plane by plane.
    """
    segments, at = run.placing.segments, 0
    for segment, size in zip(segments, run.placing.sizes(bits.shape[1]), strict=True):
        lanes = cot_planes.lanes_of(segment, made)
        lanes += cot_planes.read_chosen(segment, given[:, at : at + size], bits)
        at += size
        if not segment.group:
            found.add(planes, segment, lanes, 1)
    return [
        _add_groups(totals, run, plane, segment, segment.lanes_of(here), chosen)
        for plane, here, chosen in zip(planes, made, bits, strict=True)
        for segment in segments
        if segment.group
    ]


def _add_groups(
    totals: cot_shares.Totals, run: Run, plane: int, segment: Segment, lanes: Lanes, bits: Bits
) -> Bits:
    # Each entry that was chosen came with its offset.
    surplus = run.placing.offsets[segment.columns] * np.uint64(bits.sum())
    cot_shares.add(totals, run, plane, segment.columns, -surplus)
    return cot_carries.add_groups(totals, run, plane, segment, lanes, 1)


def add_carries(
    state: VectorsAdding, index: int, message: CarryProducts, fetch: Fetch
) -> Transition:
    """Take the products that the carries of a stretch need."""
    run, session = state.run, state.session
    check_chunk(message.stretch, index, message.products, cot_carries.product_bytes(run, index))
    rows = extension.chosen_rows(index, fetch(ZEROS), run.transfers(index))
    count = run.carries(index)
    top = cot_carries.unpack(fetch(kept("top", index)), count)
    totals = cot_shares.before(run, state.next, fetch)
    mine = rows[len(rows) - count :]
    cot_carries.vectors_part(totals, run, session, index, mine, top, message.products)
    keep = {cot_shares.name(state.next): totals.tobytes()}
    return _go_on(VectorsAdding(run, session, state.next + 1), totals, keep)


def go_on(state: VectorsAdding, fetch: Fetch) -> Transition:
    """Wait for what is due next; at the end give the shares away if the other learns the sums."""
    return _go_on(state, cot_shares.before(state.run, state.next, fetch), {})


def _go_on(
    state: VectorsAdding, totals: cot_shares.Totals, keep: Mapping[str, bytes]
) -> Transition:
    run = state.run
    if run.params.to_holder or not state.is_last:
        return Wait(state, keep)
    return Finish(SumsGiven(run.rows.count), Shares(cot_shares.give(run, totals)), keep)


def finish(state: VectorsAdding, message: Shares, fetch: Fetch) -> Transition:
    """Take the other's shares with its noise: the sums."""
    run = state.run
    totals = cot_shares.before(run, state.next, fetch)
    return Finish(cot_shares.together(run, totals, message.shares))
