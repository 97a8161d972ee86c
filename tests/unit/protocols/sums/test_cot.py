import dataclasses
import functools

import numpy as np
import pytest

from protocols.codec import Record, decode, encode
from protocols.errors import (
    ContextMismatch,
    InconsistentChoices,
    InvalidElement,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    UnexpectedMessage,
)
from protocols.session import Items, Progress, Role, TwoParty
from protocols.sums.cot import NARROW, SUMS
from protocols.sums.cot_cost import sent_bytes
from protocols.sums.cot_progress import progress
from protocols.sums.cot_records import (
    STRETCH_BYTES,
    Carries,
    CarryProducts,
    Choices,
    Opening,
    Products,
    Run,
    Shares,
)
from protocols.sums.layout import SumLayout
from protocols.sums.records import AlignedRows, SumParams, Sums, SumsGiven
from protocols.transcript import Transcript
from tests.support.aligned import Given, drawn, params_of, run_sums
from tests.support.pair import CTX, Played, Side, Stalled
from tests.support.seeded import seeded

BOTH = pytest.mark.parametrize("protocol", [SUMS, NARROW], ids=lambda p: p.name)
WAYS = pytest.mark.parametrize("to_holder", [True, False], ids=["to vectors", "to matrix"])

LAYOUTS = {
    "one row": (SumLayout(1, 1, (9,), (3,), 1, 4), 1),
    "no rows": (SumLayout(2, 1, (9,), (3,), 5, 4), 0),
    "one column of 0 and 1": (SumLayout(1, 1, (), (1,), 900, 1024), 900),
    "one hot": (SumLayout(1, 1, (), (7, 40, 2), 3000, 1024), 3000),
    "dense": (SumLayout(1, 1, (1, 255, 70_000, 2**31 - 1), (), 2000, 700), 2000),
    "integers": (SumLayout(1, 1000, (255,), (5,), 700, 512), 700),
    "several vectors": (SumLayout(5, 1, (255, 3), (9,), 700, 512), 700),
    "vectors of integers": (SumLayout(3, 6, (255,) * 17, (4,), 300, 100), 300),
    "large sums": (SumLayout(1, 2**20, (2**31 - 1, 1), (2,), 2**10, 700), 700),
    "a piece and a row": (SumLayout(1, 1, (2,), (300,), 509, 509), 509),
}


def output(played: Played, to_holder: bool) -> tuple[Record | None, Record | None]:
    """Return what the receiver of the sums has, and what the other side has."""
    sides = played.receiver.output, played.sender.output
    return sides if to_holder else sides[::-1]


@BOTH
@WAYS
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_sums_are_exact(protocol, to_holder, name):
    layout, rows = LAYOUTS[name]
    own = drawn(layout, rows)
    played = run_sums(own, params_of(layout, to_holder=to_holder), protocol)
    sums, other = output(played, to_holder)
    assert sums == Sums(rows, layout.vectors, own.sums())
    assert other == SumsGiven(rows)


@BOTH
@pytest.mark.parametrize("sign", [-1, 1])
def test_sums_at_both_ends_of_their_bounds(protocol, sign):
    layout = SumLayout(1, 3, (2**31 - 1, 127, 1), (2,), 600, 600)
    own = Given(
        layout,
        np.full((600, 1), 3, np.int32),
        np.tile(np.array([sign * (2**31 - 1), sign * 127, sign], np.int32), (600, 1)),
        np.ones((600, 1), np.uint16),
    )
    sums, _ = output(run_sums(own, params_of(layout), protocol), True)
    wanted = tuple(sign * 1800 * bound for bound in (2**31 - 1, 127, 1))
    assert sums.values == (*wanted, 0, 1800)


@BOTH
def test_a_message_has_at_most_so_many_bytes(protocol):
    layout = SumLayout(1, 1, (2**31 - 1,) * 700, (), 2000, 2000)
    own = drawn(layout, 2000)
    played = run_sums(own, params_of(layout), protocol)
    assert output(played, True)[0].values == own.sums()
    sizes = [len(m) for m in played.sender.sent + played.receiver.sent]
    assert STRETCH_BYTES // 2 < max(sizes) < STRETCH_BYTES + 1000
    assert sum(isinstance(m, Products) for m in said(played.sender)) > 1


@BOTH
@WAYS
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_bytes_of_a_run_are_known_before(protocol, to_holder, name):
    layout, rows = LAYOUTS[name]
    params = params_of(layout, to_holder=to_holder)
    played = run_sums(drawn(layout, rows), params, protocol)
    expected = sent_bytes(params, rows, narrow=protocol is NARROW)
    for side, size in zip((played.receiver, played.sender), expected, strict=True):
        sent = sum(map(len, side.sent))
        assert abs(sent - size) <= 15 * len(side.sent)


def test_a_million_rows_and_a_hundred_columns_take_as_many_bytes_as_is_said():
    one_hot = params_of(SumLayout(1, 1, (), (10,) * 10, 2**20))
    dense = params_of(SumLayout(1, 1, (255,) * 100, (), 2**20))
    megabytes = [
        sum(sent_bytes(params, 10**6, narrow=narrow)) / 10**6
        for params in (one_hot, dense)
        for narrow in (False, True)
    ]
    assert megabytes == pytest.approx([316.4, 130.5, 416.5, 244.9], abs=0.1)


def test_entries_of_0_and_1_take_3_bytes_or_narrow_little_more_than_1():
    layout = SumLayout(1, 1, (), (100,), 20_000_000, 2**15)
    rows = AlignedRows(10_000_000, 2**15)
    wide, narrow = (Run(params_of(layout), CTX, rows, n) for n in (False, True))
    assert wide.placing.row_bytes == 300
    assert narrow.placing.row_bytes == 100
    assert 100 / 127 <= narrow.carries(0) / narrow.stretch_length(0) < 100 / 127 + 0.01


@WAYS
@BOTH
def test_what_is_sent_depends_on_parameters_and_rows_only(protocol, to_holder):
    lengths = set()
    for seed in range(3):
        own = drawn(LAYOUTS["one hot"][0], 800, seed)
        played = run_sums(own, params_of(own.layout, to_holder=to_holder), protocol, seed=f"{seed}")
        lengths.add(tuple(len(m) for m in played.receiver.sent + played.sender.sent))
    assert len(lengths) == 1


@WAYS
@BOTH
def test_what_either_side_sends_looks_random(protocol, to_holder):
    """All entries are 0, and nothing that is said has more zeros than chance gives.

    Of n fair bits the ones are outside n/2 ± 4·√n with probability 2^-49; the draws are seeded.
    """
    layout = SumLayout(1, 1, (255,), (30,), 800, 1024)
    columns = np.zeros((800, 1), np.int32), np.zeros((800, 1), np.uint16)
    own = Given(layout, np.zeros((800, 1), np.int32), *columns)
    played = run_sums(own, params_of(layout, to_holder=to_holder), protocol)
    kinds = {Choices: "columns", Products: "pieces", Carries: "bits", CarryProducts: "products"}
    seen = set()
    for message in said(played.sender) + said(played.receiver):
        if type(message) in kinds:
            data = getattr(message, kinds[type(message)])
            ones = sum(byte.bit_count() for byte in data)
            assert abs(2 * ones - 8 * len(data)) < 8 * (8 * len(data)) ** 0.5
            seen.add(type(message))
    assert len(seen) == (4 if protocol is NARROW else 2)


@WAYS
@BOTH
def test_the_receiver_faces_noise_of_the_agreed_scale(protocol, to_holder):
    """Mean square of 400 draws of scale 50, as a share of 2,500.

    It is outside of 0.5 to 1.7 with probability below 10^-15 (chi-square of 400 degrees).
    """
    layout = SumLayout(2, 1, (), (200,), 300, 512)
    own = drawn(layout, 300)
    params = params_of(layout, to_holder=to_holder, sigma_milli=50_000)
    sums, _ = output(run_sums(own, params, protocol), to_holder)
    noise = [a - b for a, b in zip(sums.values, own.sums(), strict=True)]
    assert 0.5 < sum(n * n for n in noise) / 400 / 2500 < 1.7


def test_columns_have_their_own_noise():
    layout = SumLayout(1, 1, (), (40,), 300, 512)
    own = drawn(layout, 300)
    params = SumParams(layout, True, (0,) * 20 + (90_000,) * 20)
    sums, _ = output(run_sums(own, params), True)
    assert sums.values[:20] == own.sums()[:20]
    assert sums.values[20:] != own.sums()[20:]


def test_shares_say_nothing_above_the_width_of_their_column():
    own = drawn(LAYOUTS["one hot"][0], 800)
    played = run_sums(own, params_of(own.layout), SUMS)
    widths = Run(params_of(own.layout), CTX, own.rows, False).placing.widths
    (shares,) = (m for m in said(played.sender) if isinstance(m, Shares))
    assert set(widths) == {2}
    assert len(shares.shares) == 2 * own.layout.columns


def test_two_runs_share_no_message():
    seen: set[bytes] = set()
    for seed in "ab":
        own = drawn(LAYOUTS["several vectors"][0], 100)
        played = run_sums(own, params_of(own.layout), NARROW, seed=seed)
        sent = {*played.sender.sent, *played.receiver.sent}
        assert not seen & sent
        seen |= sent


# Steps by hand

LAYOUT = SumLayout(1, 1, (5,), (8,), 2000, 600)
OWN = drawn(LAYOUT, 1000)


class Half:
    """One side, one step after the other."""

    def __init__(
        self,
        role: Role,
        *,
        own: Given = OWN,
        params: SumParams | None = None,
        ctx: bytes = CTX,
        protocol: TwoParty = NARROW,
        to_holder: bool = True,
    ) -> None:
        chunks = own.vectors() if role is Role.INITIATOR else own.columns()
        self.side = Side(protocol, role, seeded(role), chunks, Transcript.start(ctx))
        self.side.begin(params or params_of(own.layout, to_holder=to_holder), ctx, own.rows)
        self.drain()

    def drain(self) -> None:
        while self.side.has_more_to_say:
            self.side.step(None)

    def take(self, message: Record) -> None:
        self.side.step(encode(message))
        self.drain()

    def said(self, kind: type[Record], which: int = 0) -> Record:
        return [m for m in said(self.side) if isinstance(m, kind)][which]


def said(side: Side) -> list[Record]:
    return [decode(side.protocol.messages, m) for m in side.sent]


def opened(**more: object) -> tuple[Half, Half]:
    """Return both sides after the openings: one has said all its choices."""
    vectors, matrix = Half(Role.INITIATOR, **more), Half(Role.RESPONDER, **more)
    matrix.take(vectors.said(Opening))
    vectors.take(matrix.said(Opening))
    return vectors, matrix


def answered(**more: object) -> tuple[Half, Half]:
    """Return both sides when all products are said, and no carry is answered."""
    vectors, matrix = opened(**more)
    for i in range(2):
        matrix.take(vectors.said(Choices, i))
        vectors.take(matrix.said(Products, i))
    return vectors, matrix


@pytest.mark.parametrize("role", Role)
def test_an_opening_reflected_is_refused(role):
    vectors = Half(Role.INITIATOR)
    if role is Role.INITIATOR:
        with pytest.raises(ContextMismatch):
            vectors.take(vectors.said(Opening))
    else:
        matrix = Half(Role.RESPONDER)
        matrix.take(vectors.said(Opening))
        with pytest.raises(ContextMismatch):
            Half(Role.RESPONDER).take(matrix.said(Opening))


@pytest.mark.parametrize(
    "change",
    [
        {"ctx": bytes(32)},
        {"protocol": SUMS},
        {"to_holder": False},
        {"params": params_of(LAYOUT, sigma_milli=1)},
        {"own": drawn(dataclasses.replace(LAYOUT, max_rows=2001), 1000)},
        {"own": drawn(dataclasses.replace(LAYOUT, dense=(6,)), 1000)},
        {"own": drawn(LAYOUT, 999)},
    ],
    ids=["ctx", "protocol", "receiver", "noise", "most rows", "bound", "number of rows"],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(change):
    vectors, matrix = Half(Role.INITIATOR, **change), Half(Role.RESPONDER)
    with pytest.raises(ContextMismatch):
        matrix.take(vectors.said(Opening))
    vectors, matrix = Half(Role.INITIATOR), Half(Role.RESPONDER, **change)
    with pytest.raises(ContextMismatch):
        matrix.take(vectors.said(Opening))


@pytest.mark.parametrize("points", [b"", bytes(31), bytes(64), bytes(32 * 127)])
def test_another_number_of_points_is_refused(points):
    vectors, matrix = Half(Role.INITIATOR), Half(Role.RESPONDER)
    with pytest.raises(MalformedMessage):
        matrix.take(dataclasses.replace(vectors.said(Opening), points=points))
    matrix.take(vectors.said(Opening))
    with pytest.raises(MalformedMessage):
        vectors.take(dataclasses.replace(matrix.said(Opening), points=points))


@pytest.mark.parametrize("place", [0, 127])
def test_a_point_outside_the_group_is_refused(place):
    vectors, matrix = Half(Role.INITIATOR), Half(Role.RESPONDER)
    identity = b"\x01" + bytes(31)
    with pytest.raises(InvalidElement):
        matrix.take(dataclasses.replace(vectors.said(Opening), points=identity))
    matrix.take(vectors.said(Opening))
    answer = matrix.said(Opening)
    points = answer.points[: 32 * place] + identity + answer.points[32 * place + 32 :]
    with pytest.raises(InvalidElement):
        vectors.take(dataclasses.replace(answer, points=points))


def refuses(half: Half, message: Record, error: type[Exception], **change: object) -> None:
    with pytest.raises(error):
        half.take(dataclasses.replace(message, **change))


@pytest.mark.parametrize("stretch", [1, -1, 2**40])
def test_a_stretch_out_of_turn_is_refused(stretch):
    vectors, matrix = opened()
    refuses(matrix, vectors.said(Choices), UnexpectedMessage, stretch=stretch)
    matrix.take(vectors.said(Choices))
    refuses(vectors, matrix.said(Products), UnexpectedMessage, stretch=stretch)
    vectors, matrix = answered()
    refuses(matrix, vectors.said(Carries), UnexpectedMessage, stretch=stretch)
    matrix.take(vectors.said(Carries))
    refuses(vectors, matrix.said(CarryProducts), UnexpectedMessage, stretch=stretch)


@pytest.mark.parametrize("longer", [-8, -1, 1, 8])
def test_another_length_is_refused(longer):
    def cut(data: bytes) -> bytes:
        return data[:longer] if longer < 0 else data + bytes(longer)

    vectors, matrix = opened()
    choices = vectors.said(Choices)
    refuses(matrix, choices, MalformedMessage, columns=cut(choices.columns))
    refuses(matrix, choices, MalformedMessage, parities=cut(choices.parities))
    matrix.take(choices)
    products = matrix.said(Products)
    refuses(vectors, products, MalformedMessage, pieces=cut(products.pieces))
    vectors, matrix = answered()
    carries = vectors.said(Carries)
    refuses(matrix, carries, MalformedMessage, bits=cut(carries.bits))
    matrix.take(carries)
    answer = matrix.said(CarryProducts)
    refuses(vectors, answer, MalformedMessage, products=cut(answer.products))


def finished(to_holder: bool) -> tuple[Half, Half]:
    """Return both sides when only the shares are to be taken."""
    vectors, matrix = answered(to_holder=to_holder)
    for i in range(2):
        matrix.take(vectors.said(Carries, i))
        vectors.take(matrix.said(CarryProducts, i))
    return vectors, matrix


@WAYS
def test_shares_of_another_length_are_refused(to_holder):
    vectors, matrix = finished(to_holder)
    giver, taker = (matrix, vectors) if to_holder else (vectors, matrix)
    shares = giver.said(Shares)
    refuses(taker, shares, MalformedMessage, shares=shares.shares[:-1])
    refuses(taker, shares, MalformedMessage, shares=shares.shares + b"\x00")
    taker.take(shares)
    assert taker.side.output.values == OWN.sums()


@WAYS
def test_shares_are_taken_by_the_agreed_receiver_only(to_holder):
    """A side that gives its shares although it should learn the sums would show them both."""
    vectors, matrix = answered(to_holder=to_holder)
    shares = finished(to_holder)[1 if to_holder else 0].said(Shares)
    for half in (vectors, matrix):
        with pytest.raises(UnexpectedMessage):
            half.take(shares)


def test_choices_that_differ_by_column_are_refused():
    """They would show the secret bits of the side with the matrix, and by these its columns."""
    vectors, matrix = opened()
    choices = vectors.said(Choices)
    columns = bytearray(choices.columns)
    size = len(columns) // 128
    for column in range(0, 128, 2):
        columns[size * column] ^= 1
    refuses(matrix, choices, InconsistentChoices, columns=bytes(columns))


def test_a_message_repeated_is_refused():
    vectors, matrix = opened()
    matrix.take(vectors.said(Choices))
    with pytest.raises(UnexpectedMessage):
        matrix.take(vectors.said(Choices))
    vectors.take(matrix.said(Products))
    with pytest.raises(UnexpectedMessage):
        vectors.take(matrix.said(Products))
    with pytest.raises(UnexpectedMessage):
        matrix.take(vectors.said(Carries))


def test_a_message_of_the_narrow_protocol_is_none_of_the_other():
    vectors, matrix = opened(protocol=SUMS)
    with pytest.raises(MalformedMessage):
        matrix.take(Carries(0, b""))
    with pytest.raises(MalformedMessage):
        vectors.take(CarryProducts(0, b""))


def test_a_missing_message_leaves_the_run_without_a_result():
    seen: list[bytes] = []

    def lose_the_fourth(message: bytes) -> list[bytes]:
        seen.append(message)
        return [] if len(seen) == 4 else [message]

    with pytest.raises((Stalled, UnexpectedMessage)):
        run_sums(OWN, params_of(LAYOUT), deliver=lose_the_fourth)


@BOTH
@WAYS
def test_no_step_writes_over_what_it_reads(protocol, to_holder):
    """So a step that a crash undid can be taken again."""
    steps = 0

    def step(state, message, fetch, rng):
        nonlocal steps
        steps += 1
        read = set()

        def noted(name: str) -> bytes:
            read.add(name)
            return fetch(name)

        transition = protocol.step(state, message, noted, rng)
        assert not read & set(transition.keep)
        return transition

    watched = dataclasses.replace(protocol, step=step)
    played = run_sums(OWN, params_of(LAYOUT, to_holder=to_holder), watched)
    assert output(played, to_holder)[0].values == OWN.sums()
    assert steps > 10


# Our own mistakes


@BOTH
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("rows", "ctx"),
    [
        (AlignedRows(2001, 600), CTX),
        (AlignedRows(-1, 600), CTX),
        (AlignedRows(5, 601), CTX),
        (AlignedRows(5, 600), CTX[:-1]),
        (Items(5, 600), CTX),
    ],
)
def test_input_that_does_not_fit_the_parameters_is_refused(protocol, role, rows, ctx):
    with pytest.raises(InvalidParameter):
        protocol.begin(role, params_of(LAYOUT), ctx, rows, seeded("x"))


def test_other_parameters_are_refused():
    with pytest.raises(InvalidParameter):
        SUMS.begin(Role.INITIATOR, Items(0, 1), CTX, AlignedRows(0, 600), seeded("x"))


@BOTH
def test_rows_that_no_message_can_hold_are_refused(protocol):
    layout = SumLayout(256, 2**20, (1,) * 16_000, (), 10, 10)
    with pytest.raises(InvalidParameter):
        protocol.begin(Role.INITIATOR, params_of(layout), CTX, AlignedRows(1, 10), seeded("x"))


def change_one(chunks: dict[str, bytes], prefix: str, change) -> None:
    name = next(n for n in chunks if n.startswith(prefix))
    chunks[name] = change(chunks[name])


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-4], lambda c: c + bytes(4), lambda c: b"", lambda c: b"\x02" + c[1:]],
    ids=["short", "long", "empty", "above the bound"],
)
def test_vectors_of_another_length_or_beyond_their_bound_are_refused(change):
    vectors, matrix = Half(Role.INITIATOR), Half(Role.RESPONDER)
    matrix.take(vectors.said(Opening))
    change_one(vectors.side.chunks, "vector/00000", change)
    with pytest.raises(LocalError):
        vectors.take(matrix.said(Opening))


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-4], lambda c: c + bytes(6), lambda c: b"", lambda c: b"\x06" + c[1:]],
    ids=["short", "long", "empty", "above the bound"],
)
def test_columns_of_another_length_or_beyond_their_bound_are_refused(change):
    vectors, matrix = opened()
    change_one(matrix.side.chunks, "columns/00000", change)
    with pytest.raises(LocalError):
        matrix.take(vectors.said(Choices))


@pytest.mark.parametrize("prefix", ["share/", "top/", "rows/"])
def test_kept_chunks_of_another_length_are_refused(prefix):
    vectors, matrix = answered()
    for name in list(matrix.side.chunks):
        if name.startswith(prefix):
            matrix.side.chunks[name] = matrix.side.chunks[name][:-1]
    with pytest.raises(LocalError):
        matrix.take(vectors.said(Carries))


# Progress


@BOTH
@WAYS
def test_progress_only_grows_and_ends_with_all_rows(protocol, to_holder):
    standing: dict[str, list[Progress]] = {"vectors": [], "matrix": []}

    def step(state, message, fetch, rng):
        side = "vectors" if "vectors" in state.KIND else "matrix"
        standing[side].append(progress(state))
        return protocol.step(state, message, fetch, rng)

    watched = dataclasses.replace(protocol, step=step)
    run_sums(OWN, params_of(LAYOUT, to_holder=to_holder), watched)
    for side, total in (("vectors", 2000), ("matrix", 1000)):
        done = [p.done for p in standing[side]]
        assert done == sorted(done)
        assert done[0] == 0
        assert {p.total for p in standing[side]} == {total}
    assert standing["matrix"][-1] == Progress(1000, 1000)


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        progress(LAYOUT)
    assert isinstance(SUMS.begin, functools.partial)
