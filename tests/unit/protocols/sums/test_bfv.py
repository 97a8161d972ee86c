"""Sums by BFV: exact before noise, for either side, through crashes, and nothing else."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from protocols.codec import decode, encode
from protocols.errors import ContextMismatch, InvalidParameter, LocalError, MalformedMessage
from protocols.session import Continue, Items, Progress, Role, Wait
from protocols.sums import bfv_matrix, routes
from protocols.sums.bfv import SUMS_BFV, begin, progress
from protocols.sums.bfv_packing import packing, tail_of
from protocols.sums.bfv_records import (
    PER_MESSAGE,
    Encrypted,
    HolderCollecting,
    HolderSending,
    MatrixAwaiting,
    MatrixOpening,
    MatrixReplying,
    MatrixSumming,
    Opening,
    Replies,
    Returned,
    Run,
)
from protocols.sums.layout import NONE, SumLayout
from protocols.sums.records import AlignedRows, SumParams, Sums, SumsGiven
from tests.support.aligned import Given, drawn, params_of, run_sums
from tests.support.pair import CTX
from tests.support.seeded import seeded

SMALL = SumLayout(2, 3, (5, 100_000), (4, 1), 40, 16)
WIDE = SumLayout(1, 1, (1,), (3,), 40_000, 20_000)
"""Chunks of three blocks: two whole ones and a part."""


def played(params, entries, **more):
    """Return the sums that came out, and the other side's output."""
    return played_by(SUMS_BFV, params, entries, **more)


def played_by(protocol, params, entries, **more):
    run = run_sums(entries, params, protocol, **more)
    first, second = run.receiver.output, run.sender.output
    return (first, second) if params.to_holder else (second, first)


@pytest.mark.parametrize("to_holder", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 40])
def test_sums_are_exact_for_either_side(rows, to_holder):
    entries = drawn(SMALL, rows)
    sums, other = played(params_of(SMALL, to_holder=to_holder), entries)
    assert sums == Sums(rows, 2, entries.sums())
    assert other == SumsGiven(rows)


@pytest.mark.parametrize("rows", [8191, 8192, 8193, 20_000, 20_001, 40_000])
def test_sums_are_exact_where_blocks_and_chunks_end(rows):
    entries = drawn(WIDE, rows)
    assert played(params_of(WIDE), entries)[0].values == entries.sums()


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_are_exact_where_every_entry_is_at_its_bound(sign):
    """The largest sums that there can be, in neighbouring digits."""
    layout = SumLayout(1, 7, (9, 9, 9), (2, 2), 9000, 9000)
    n = layout.max_rows
    entries = Given(
        layout,
        np.full((n, 1), 7, np.int32),
        np.full((n, 3), sign * 9, np.int32),
        np.zeros((n, 2), np.uint16),
    )
    sums, _ = played(params_of(layout), entries)
    assert sums.values == entries.sums() == (sign * 63 * n,) * 3 + (7 * n, 0) * 2


@pytest.mark.parametrize("to_holder", [True, False])
def test_a_matrix_of_nothing_has_sums_of_zero(to_holder):
    """SEAL refuses to multiply by a plaintext of zero: no side may notice."""
    entries = dataclasses.replace(
        drawn(SMALL, 40), dense=np.zeros((40, 2), np.int32), codes=np.full((40, 2), NONE, np.uint16)
    )
    sums, _ = played(params_of(SMALL, to_holder=to_holder), entries)
    assert sums.values == (0,) * (2 * SMALL.columns)


def test_a_vector_of_nothing_has_sums_of_zero():
    entries = dataclasses.replace(drawn(SMALL, 40), vector=np.zeros((40, 2), np.int32))
    assert played(params_of(SMALL), entries)[0].values == (0,) * (2 * SMALL.columns)


@pytest.mark.parametrize("layout", [
    SumLayout(1, 1, (), (3,), 40, 16),
    SumLayout(1, 1, (2,), (), 40, 16),
    SumLayout(3, 2**16, (2**16,), (), 40, 7),
    SumLayout(1, 1, (), (90,), 40, 40),
])  # fmt: skip
def test_other_layouts(layout):
    entries = drawn(layout, 40)
    assert played(params_of(layout), entries)[0].values == entries.sums()


def test_many_vectors_and_columns_go_in_several_messages():
    layout = SumLayout(5, 1, (2**20,) * 4, (), 40_000, 20_000)
    run = Run(params_of(layout), CTX, AlignedRows(30_000, 20_000))
    assert run.encryptions() == 5 * 5 > PER_MESSAGE
    assert run.replies() == 5 * 4 > PER_MESSAGE
    entries = drawn(layout, 30_000)
    both = run_sums(entries, run.params, SUMS_BFV)
    assert both.output.values == entries.sums()
    kinds = [decode(SUMS_BFV.messages, m) for m in both.receiver.sent + both.sender.sent]
    assert [m.index for m in kinds if isinstance(m, Encrypted)] == [0, 1]
    assert [m.index for m in kinds if isinstance(m, Replies)] == [0, 1]


@pytest.mark.parametrize("to_holder", [True, False])
def test_the_receiver_gets_noise_of_the_stated_scale(to_holder):
    """120 draws: by chance their mean square is outside these bounds less than once in 10^4."""
    layout = SumLayout(1, 1, (50,) * 120, (), 40, 40)
    sigma = 200
    entries = drawn(layout, 40)
    sums, _ = played(params_of(layout, to_holder=to_holder, sigma_milli=1000 * sigma), entries)
    noise = np.array(sums.values) - np.array(entries.sums())
    assert abs(noise).max() <= tail_of(1000 * sigma) == 2000
    assert 0.5 < float((noise**2).mean()) / sigma**2 < 1.7


def test_columns_have_noise_of_their_own_scale():
    params = SumParams(SMALL, True, (0, 0, 50_000, 0, 0, 0, 0))
    entries = drawn(SMALL, 40)
    noise = np.array(played(params, entries)[0].values) - np.array(entries.sums())
    where = np.flatnonzero(noise)
    assert set(where) <= {2, 2 + SMALL.columns}


def test_a_step_that_a_crash_repeats_adds_nothing_twice():
    """Chunks of the repeated step are on disk already when it begins again."""
    layout = SumLayout(PER_MESSAGE // 2 + 1, 1, (5,), (2,), 16_384, 16_384)
    params, entries = params_of(layout), drawn(layout, 9000)
    again = 0

    def twice(state, message, fetch, rng):
        nonlocal again
        transition = SUMS_BFV.step(state, message, fetch, rng)
        if isinstance(state, MatrixSumming) and message is not None:
            again += 1
            kept = transition.keep

            def after(name):
                return kept[name] if name in kept else fetch(name)

            return SUMS_BFV.step(state, message, after, rng)
        return transition

    sums = run_sums(entries, params, dataclasses.replace(SUMS_BFV, step=twice)).output
    assert again == 2
    assert sums.values == entries.sums()


@pytest.mark.parametrize(("batch", "to_holder"), [(1, True), (2, False), (3, True)])
def test_sums_are_exact_over_several_batches_and_tiles(monkeypatch, batch, to_holder):
    """Each step twice, as after a crash: what a batch wrote is there when it is added again."""
    monkeypatch.setattr(Run, "batch", lambda _run: batch)
    monkeypatch.setattr(bfv_matrix, "TILE", 1)
    layout = SumLayout(3, 2, (2**20,) * 3 + (2**29,) * 3, (3,), 100_000, 10_000)
    entries = drawn(layout, 70_000)
    entries.dense[:, 3:] = 0
    entries.dense[60_000:, 3] = 5
    params = params_of(layout, to_holder=to_holder)
    run = Run(params, CTX, AlignedRows(70_000, 10_000))
    assert run.encryptions() == 42
    assert run.replies() > PER_MESSAGE

    def twice(state, message, fetch, rng):
        first = SUMS_BFV.step(state, message, fetch, rng)
        if not isinstance(state, MatrixSumming):
            return first

        def after(name):
            return first.keep[name] if name in first.keep else fetch(name)

        return SUMS_BFV.step(state, message, after, rng)

    sums, other = played_by(dataclasses.replace(SUMS_BFV, step=twice), params, entries)
    assert sums.values == entries.sums()
    assert other == SumsGiven(70_000)


@pytest.mark.parametrize(("vectors", "rows", "batch"), [
    (1, 100_000, 2), (41, 100_000, 82), (256, 100_000, 128), (1, 10, 2),
])  # fmt: skip
def test_a_batch_has_some_blocks_and_the_last_message_is_in_none(vectors, rows, batch):
    layout = SumLayout(vectors, 1, (1,), (), 2**20, 8192)
    run = Run(params_of(layout), CTX, AlignedRows(rows, 8192))
    total = -(-run.encryptions() // PER_MESSAGE)
    assert run.batch() == batch
    assert run.batches_before(0) == 0
    assert run.batches_before(total) == run.batches_before(total - 1) == (total - 1) // batch


def test_runs_of_several_threads_do_not_meet():
    """A node carries several runs at once; schemes are shared between them."""
    params = params_of(SMALL)
    inputs = [drawn(SMALL, 40, seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda entries: played(params, entries)[0].values, inputs))
    assert runs == [entries.sums() for entries in inputs]


def test_two_runs_over_one_input_say_other_bytes():
    entries = drawn(SMALL, 16)
    one, two = (run_sums(entries, params_of(SMALL), SUMS_BFV) for _ in range(2))
    assert one.output == two.output
    for side in ("receiver", "sender"):
        first, second = getattr(one, side).sent, getattr(two, side).sent
        assert [len(m) for m in first] == [len(m) for m in second]
        assert first[-1] != second[-1]


def test_lengths_of_messages_do_not_depend_on_entries():
    full, empty = drawn(SMALL, 40), drawn(SMALL, 40)
    empty.vector[:], empty.dense[:], empty.codes[:] = 0, 0, NONE
    runs = [run_sums(e, params_of(SMALL, to_holder=False), SUMS_BFV) for e in (full, empty)]
    for side in ("receiver", "sender"):
        one, two = ([len(m) for m in getattr(run, side).sent] for run in runs)
        assert one == two


def opened(role, params, rows=16, ctx=CTX):
    return begin(role, params, ctx, AlignedRows(rows, params.layout.chunk_rows), seeded("opened"))


def test_parties_with_other_parameters_stop_at_the_first_message():
    theirs = opened(Role.INITIATOR, params_of(SMALL)).message
    for state in (
        opened(Role.RESPONDER, params_of(SMALL, to_holder=False)).state,
        opened(Role.RESPONDER, params_of(SMALL), ctx=bytes(32)).state,
        opened(Role.RESPONDER, params_of(SMALL), rows=17).state,
    ):
        with pytest.raises(ContextMismatch):
            SUMS_BFV.step(state, theirs, lambda _name: b"", seeded("x"))


def test_a_reflected_opening_is_refused():
    mine = opened(Role.INITIATOR, params_of(SMALL))
    with pytest.raises(ContextMismatch):
        SUMS_BFV.step(mine.state, mine.message, lambda _name: b"", seeded("x"))


def test_an_opening_without_a_whole_key_is_malformed():
    mine = opened(Role.INITIATOR, params_of(SMALL)).message
    state = opened(Role.RESPONDER, params_of(SMALL)).state
    for key in (b"", mine.key[:-8], mine.key + bytes(8), b"\xff" * len(mine.key)):
        with pytest.raises(MalformedMessage):
            SUMS_BFV.step(state, dataclasses.replace(mine, key=key), bytes, seeded("x"))


def test_a_key_from_the_side_with_the_matrix_is_malformed():
    mine = opened(Role.INITIATOR, params_of(SMALL))
    check = mine.state.run.check_of(Role.RESPONDER)
    with pytest.raises(MalformedMessage):
        SUMS_BFV.step(mine.state, Opening(check, 16, b"key"), bytes, seeded("x"))


def test_a_returned_number_outside_plaintexts_or_bounds_is_malformed():
    run = Run(params_of(SMALL, to_holder=False), CTX, AlignedRows(16, 16))
    state = MatrixAwaiting(run, (0,) * run.replies())
    bits = packing(run.params).plain_bits
    for number in (1 << bits, 2**64 - 1, (1 << bits) // 2):
        words = number.to_bytes(8, "little") * run.replies()
        with pytest.raises(MalformedMessage):
            SUMS_BFV.step(state, Returned(words), bytes, seeded("x"))


def test_input_that_does_not_fit_is_refused_at_once():
    params = params_of(SMALL)
    for rows in (AlignedRows(41, 16), AlignedRows(-1, 16), AlignedRows(10, 8)):
        with pytest.raises(InvalidParameter):
            begin(Role.INITIATOR, params, CTX, rows, seeded("x"))
    with pytest.raises(InvalidParameter):
        begin(Role.INITIATOR, params, CTX, Items(10, 16), seeded("x"))
    with pytest.raises(InvalidParameter):
        begin(Role.INITIATOR, params, CTX[:31], AlignedRows(10, 16), seeded("x"))


def test_progress_counts_rows():
    run = Run(params_of(WIDE), CTX, AlignedRows(40_000, 20_000))
    assert progress(MatrixOpening(run)) == Progress(0, 40_000)
    assert progress(HolderSending(run, 0)) == Progress(0, 40_000)
    assert progress(MatrixSumming(run, 1)) == Progress(20_000, 40_000)
    assert progress(HolderCollecting(run, 0, ())) == Progress(20_000, 40_000)
    assert progress(MatrixReplying(run, 1, ())) == Progress(40_000, 40_000)
    assert progress(MatrixAwaiting(run, ())) == Progress(40_000, 40_000)


def test_secrets_are_not_shown():
    run = Run(params_of(SMALL), CTX, AlignedRows(16, 16))
    assert "987654" not in repr(MatrixAwaiting(run, (987654,)))
    first = opened(Role.INITIATOR, params_of(SMALL))
    assert isinstance(first, Continue)
    assert first.keep["key"].hex()[:64] not in repr(first)
    assert isinstance(opened(Role.RESPONDER, params_of(SMALL)), Wait)


def test_the_route_is_found_by_name():
    assert routes.find("bfv") is SUMS_BFV
    with pytest.raises(InvalidParameter, match="bfv"):
        routes.find("carrier-pigeon")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("protocols.sums.pigeon", "PIGEON"), "not part of this installation"),
        (("protocols.sums.bfv", "begin"), "no protocol"),
    ],
)
def test_a_route_that_is_missing_is_told_clearly(monkeypatch, place, said):
    monkeypatch.setattr(routes, "ROUTES", {"pigeon": place})
    with pytest.raises(InvalidParameter, match=said):
        routes.find("pigeon")


def test_states_and_messages_are_what_the_page_says_in_bytes():
    """The framing that is the same in every run: digests pin it, ciphertexts are random."""
    run = Run(params_of(SMALL), bytes(32), AlignedRows(16, 16))
    assert run.check_of(Role.INITIATOR).hex() == PINNED["initiator"]
    assert run.check_of(Role.RESPONDER).hex() == PINNED["responder"]
    assert encode(Encrypted(1, b"\x01")).hex() == PINNED["encrypted"]
    assert encode(Replies(2, b"\x02")).hex() == PINNED["replies"]
    assert encode(Returned(bytes(8))).hex() == PINNED["returned"]
    assert encode(Opening(b"c", 3, b"k")).hex() == PINNED["opening"]


PINNED = {
    "initiator": "8df74d68825c1cf6efc2ff26f0c33de769cb9484790cc546d7355bff593e9a34",
    "responder": "d2a41d27e79fb0ee5b80232afbfcde57d2e3ddcb8edd13042c7a09a256a4bc5d",
    "encrypted": "837473756d732d6266762d656e637279707465642f31014101",
    "replies": "837273756d732d6266762d7265706c6965732f31024102",
    "returned": "827373756d732d6266762d72657475726e65642f31480000000000000000",
    "opening": "847273756d732d6266762d6f70656e696e672f31416303416b",
}


def test_input_chunks_of_the_wrong_length_are_our_fault():
    entries = drawn(SMALL, 16)
    vectors = entries.vectors()
    run = Run(params_of(SMALL), CTX, AlignedRows(15, 16))
    first = begin(Role.INITIATOR, run.params, CTX, run.rows, seeded("x"))
    chunks = vectors | dict(first.keep)
    with pytest.raises(LocalError):
        SUMS_BFV.step(HolderSending(run, 0), None, chunks.__getitem__, seeded("x"))
