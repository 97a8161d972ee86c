"""The half of `sums-cot` that holds the matrix: it says its columns under pads.

Chunks kept, all secret: `chosen` (the keys of the base transfers and the secret bits), its shares
so far, and where columns are narrow the rows and top bits that each stretch's carries need.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot import base, extension
from protocols.ot.aes import Blocks
from protocols.psi.chunks import check_chunk, kept
from protocols.session import Continue, Fetch, Finish, Rng, Role, Transition, Wait
from protocols.sums import cot_carries, cot_planes, cot_shares
from protocols.sums.cot_entries import Entries
from protocols.sums.cot_lanes import PIECE_ROWS
from protocols.sums.cot_pads import pad_key, pads_of_planes
from protocols.sums.cot_planes import Found
from protocols.sums.cot_records import (
    Carries,
    CarryProducts,
    Choices,
    MatrixAnswering,
    MatrixOpening,
    Opening,
    Products,
    Run,
    Shares,
)
from protocols.sums.records import SumsGiven

CHOSEN = "chosen"


def start(state: MatrixOpening, opening: Opening, rng: Rng) -> Transition:
    """Take the other's opening: choose among its keys by fresh secret bits, and answer."""
    run = state.run
    secret = rng(extension.ROW_BYTES)
    bits = np.unpackbits(np.frombuffer(secret, np.uint8), bitorder="little").tobytes()
    seed = rng(base.SEED_BYTES * extension.COLUMNS)
    points, keys = base.choose(run.ctx, opening.points, bits, seed)
    answer = Opening(run.check_of(Role.RESPONDER), run.rows.count, points)
    following = MatrixAnswering(run, run.session(opening.points, points), 0)
    return Continue(following, answer, {CHOSEN: keys + secret})


def answer(state: MatrixAnswering, message: Choices, fetch: Fetch) -> Transition:
    """Take the choices for a stretch: send its columns so that only what was chosen can be read."""
    run, session, due = state.run, state.session, state.next
    count = run.transfers(due)
    size = extension.COLUMNS * extension.column_bytes(count)
    check_chunk(message.stretch, due, message.columns, size)
    check_chunk(
        message.stretch, due, message.parities, extension.PARITY_BYTES * (1 + extension.COLUMNS)
    )
    keys, secret = _chosen(fetch)
    rows = extension.give(session, due, keys, secret, message.columns, message.parities, count)
    number = run.stretch_length(due)
    pad_rows = rows[: number * run.planes].reshape(number, run.planes, 2)
    other = np.frombuffer(secret, "<u8")
    matrix = Entries(run, due, fetch)
    totals, found = cot_shares.before(run, due, fetch), Found(run)
    sent = np.empty(number * run.planes * run.placing.row_bytes, np.uint8)
    top: list[cot_carries.Bits] = []
    at = 0
    for piece, low in enumerate(range(0, number, PIECE_ROWS)):
        entries = matrix.blocks(low, low + PIECE_ROWS)
        mine = np.ascontiguousarray(pad_rows[low : low + PIECE_ROWS].transpose(1, 0, 2))
        for planes in cot_planes.together(run, mine.shape[1], 2):
            both = np.stack([mine[planes.start : planes.stop]] * 2, axis=1)
            both[:, 1] ^= other
            each = [pad_key(session, due, piece, plane) for plane in planes]
            made = pads_of_planes(each, both, run.placing.blocks)
            size = len(planes) * mine.shape[1] * run.placing.row_bytes
            into = sent[at : at + size].reshape(len(planes), -1)
            at += size
            top += _add_planes(totals, found, run, planes, made, entries, into)
    found.add_to(totals)
    keep = {cot_shares.name(due): totals.tobytes()}
    if top:
        keep[kept("top", due)] = cot_carries.pack(np.concatenate(top))
        keep[kept("rows", due)] = rows[number * run.planes :].tobytes()
    return Continue(MatrixAnswering(run, session, due + 1), Products(due, sent.tobytes()), keep)


def _add_planes(
    totals: cot_shares.Totals,
    found: Found,
    run: Run,
    planes: range,
    made: NDArray[np.uint64],
    entries: Blocks,
    sent: NDArray[np.uint8],
) -> list[cot_carries.Bits]:
    """Write what is sent of some planes of a piece, and add this side's shares; return the top bits
    of those of groups, plane by plane.
    """
    zero, one = made[:, 0], made[:, 1]
    segments, at = run.placing.segments, 0
    for segment, size in zip(segments, run.placing.sizes(entries.shape[1]), strict=True):
        zeros, ones = cot_planes.lanes_of(segment, zero), cot_planes.lanes_of(segment, one)
        np.subtract(zeros, ones, out=ones)
        ones += segment.lanes_of(entries)
        cot_planes.write(segment, ones, sent[:, at : at + size])
        at += size
        if not segment.group:
            found.add(planes, segment, zeros, -1)
    return [
        cot_carries.add_groups(totals, run, plane, segment, segment.lanes_of(zeros), -1)
        for plane, zeros in zip(planes, zero, strict=True)
        for segment in segments
        if segment.group
    ]


def answer_carries(
    state: MatrixAnswering, index: int, message: Carries, fetch: Fetch
) -> Transition:
    """Take the hidden top bits of a stretch: send what its carries need."""
    run, count = state.run, state.run.carries(index)
    check_chunk(message.stretch, index, message.bits, -(-count // 8))
    rows, top = fetch(kept("rows", index)), cot_carries.unpack(fetch(kept("top", index)), count)
    if len(rows) != extension.ROW_BYTES * count:
        raise LocalError("rows that were kept have another length")
    totals = cot_shares.before(run, state.next, fetch)
    products = cot_carries.matrix_part(
        totals,
        run,
        state.session,
        index,
        np.frombuffer(rows, "<u8").reshape(-1, 2),
        np.frombuffer(_chosen(fetch)[1], "<u8"),
        top,
        cot_carries.unpack(message.bits, count),
    )
    following = MatrixAnswering(run, state.session, state.next + 1)
    keep = {cot_shares.name(state.next): totals.tobytes()}
    return Continue(following, CarryProducts(index, products), keep)


def _chosen(fetch: Fetch) -> tuple[bytes, bytes]:
    """Return the keys of the base transfers, and the secret bits."""
    chosen = fetch(CHOSEN)
    return chosen[: -extension.ROW_BYTES], chosen[-extension.ROW_BYTES :]


def go_on(state: MatrixAnswering, fetch: Fetch) -> Transition:
    """Wait for what is due next; at the end give the shares away if the other learns the sums."""
    run = state.run
    if not (state.is_last and run.params.to_holder):
        return Wait(state)
    totals = cot_shares.before(run, state.next, fetch)
    return Finish(SumsGiven(run.rows.count), Shares(cot_shares.give(run, totals)))


def finish(state: MatrixAnswering, message: Shares, fetch: Fetch) -> Transition:
    """Take the other's shares with its noise: the sums."""
    totals = cot_shares.before(state.run, state.next, fetch)
    return Finish(cot_shares.together(state.run, totals, message.shares))
