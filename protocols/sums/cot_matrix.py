"""The half of `sums-cot` that holds the matrix: it says its columns under pads.

Chunks kept: `chosen` (the keys of the base transfers and the secret bits), and its shares so far.
"""

import numpy as np

from protocols.ot import base, extension
from protocols.psi.chunks import check_chunk
from protocols.session import Continue, Fetch, Finish, Rng, Role, Transition, Wait
from protocols.sums import cot_shares
from protocols.sums.cot_entries import Entries
from protocols.sums.cot_lanes import fold
from protocols.sums.cot_pads import pad_key, pads
from protocols.sums.cot_records import (
    PIECE_ROWS,
    Choices,
    MatrixAnswering,
    MatrixOpening,
    Opening,
    Products,
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
    rows = run.stretch_length(due)
    transfers = rows * run.planes
    size = extension.COLUMNS * extension.column_bytes(transfers)
    check_chunk(message.stretch, due, message.columns, size)
    check_chunk(due, due, message.parities, extension.PARITY_BYTES * (1 + extension.COLUMNS))
    chosen = fetch(CHOSEN)
    keys, secret = chosen[: -extension.ROW_BYTES], chosen[-extension.ROW_BYTES :]
    pad_rows = extension.give(
        session, due, keys, secret, message.columns, message.parities, transfers
    ).reshape(rows, run.planes, 2)
    other = np.frombuffer(secret, "<u8")
    matrix = Entries(run, due, fetch)
    totals = cot_shares.before(run, due, fetch)
    sent: list[bytes] = []
    for low in range(0, rows, PIECE_ROWS):
        entries = matrix.blocks(low, low + PIECE_ROWS)
        for plane in range(run.planes):
            mine = pad_rows[low : low + PIECE_ROWS, plane]
            key = pad_key(session, due, low // PIECE_ROWS, plane)
            zero = pads(key, mine, run.placing.blocks)
            one = pads(key, mine ^ other, run.placing.blocks)
            sums = []
            for segment in run.placing.segments:
                zeros, ones = segment.lanes_of(zero), segment.lanes_of(one)
                np.subtract(zeros, ones, out=ones)
                ones += segment.lanes_of(entries)
                sent += segment.write(ones)
                sums.append(-fold(zeros))
            cot_shares.add(totals, run, plane, sums)
    following = MatrixAnswering(run, session, due + 1)
    keep = {cot_shares.name(due): totals.tobytes()}
    return Continue(following, Products(due, b"".join(sent)), keep)


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
