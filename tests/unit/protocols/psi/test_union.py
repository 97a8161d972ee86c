"""The union index: what comes out, what each side sees, and what it refuses."""

import dataclasses
import itertools

import numpy as np
import pytest

from protocols import groups
from protocols.codec import decode
from protocols.errors import (
    ContextMismatch,
    InvalidElement,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    ProtocolError,
    TooManyElements,
    UnexpectedMessage,
)
from protocols.groups import P, choose_backend, points_from_bytes
from protocols.ladder import PYNACL
from protocols.psi import mixed, union_noise
from protocols.psi.union import UNION_INDEX, UnionIndex, UnionParams, union_index
from protocols.psi.union_records import Blinded, Evaluated, Opening, Rest, Rows, Shuffled
from protocols.psi.union_states import (
    STATES,
    InitiatorCollecting,
    InitiatorEvaluating,
    InitiatorNumbering,
    InitiatorPooling,
    ResponderCollecting,
    ResponderEvaluating,
    ResponderFilling,
)
from protocols.session import Items, Role, Wait
from tests.support.backends import BACKENDS
from tests.support.one_side import OneSide
from tests.support.pair import CTX, Played, Side, Stalled, run_pair
from tests.support.scenarios import CHUNK_ITEMS, SCENARIOS
from tests.support.seeded import digests, points, seeded
from tests.support.union_vectors import numbers

DUMMIES = 12
PARAMS = UnionParams(500, CHUNK_ITEMS, 12, DUMMIES)
T = PARAMS.tag_bytes


def play(mine, theirs, params=PARAMS, seed="run", **how) -> Played:
    return run_pair(UNION_INDEX, params, CTX, digests(mine), digests(theirs), seed=seed, **how)


# Results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_item_of_both_has_one_row_and_any_other_a_row_of_its_own(scenario, backend):
    played = run_pair(
        union_index(backend), PARAMS, CTX, scenario.receiver_items(), scenario.sender_items()
    )
    total = len(scenario.receiver) + len(scenario.sender) + 2 * DUMMIES
    assert played.receiver.output == UnionIndex(total, len(scenario.receiver))
    assert played.sender.output == UnionIndex(total, len(scenario.sender))
    mine = dict(zip(scenario.receiver, numbers(played.receiver), strict=True))
    theirs = dict(zip(scenario.sender, numbers(played.sender), strict=True))
    rows = mine | theirs
    assert all(rows[n] == mine[n] for n in mine)
    assert len(set(rows.values())) == len(set(mine) | set(theirs))
    assert all(0 <= row < total for row in rows.values())


@pytest.mark.parametrize("tag_bytes", [10, 16])
@pytest.mark.parametrize("chunk_items", [1, 7, 200])
def test_other_tags_and_chunks_give_as_much(tag_bytes, chunk_items):
    played = play(range(30), range(20, 45), UnionParams(50, chunk_items, tag_bytes, 3))
    assert numbers(played.receiver)[20:] == numbers(played.sender)[:10]
    assert len({*numbers(played.receiver), *numbers(played.sender)}) == 45


def test_rows_are_other_rows_in_each_run():
    first, second = (numbers(play(range(40), range(20), seed=s).receiver) for s in "ab")
    assert first != second


# What each side sees


def heard(side: Side, other: Side) -> list:
    return [decode(side.protocol.messages, m) for m in other.sent]


def shape(messages: list) -> list:
    """Return kinds, numbers and lengths: what does not depend on any secret."""
    return [
        (m.KIND, getattr(m, "index", -1), len(getattr(m, "points", getattr(m, "tags", b""))))
        for m in messages
    ]


def test_a_match_changes_no_size_no_count_and_no_order_of_messages():
    shapes = set()
    for theirs in (range(40, 80), range(40), range(20, 60), range(39, 79)):
        played = play(range(40), theirs)
        shapes.add(
            (
                tuple(shape(heard(played.receiver, played.sender))),
                tuple(shape(heard(played.sender, played.receiver))),
                played.receiver.output.rows,
            )
        )
    assert len(shapes) == 1


def rows_of(messages: list, kind: type) -> list[bytes]:
    width, name = (T, "tags") if kind is Rows else (32, "points")
    data = b"".join(getattr(m, name) for m in messages if isinstance(m, kind))
    return [data[i : i + width] for i in range(0, len(data), width)]


def under(scalars: list[bytes], rows: list[bytes]) -> list[bytes]:
    array = points_from_bytes(b"".join(rows))
    for scalar in scalars:
        array = groups.evaluate(scalar, array, backend=PYNACL)
    return [row.tobytes() for row in array]


def closure(side: Side, messages: list, extra: list[bytes]) -> dict[str, list[bytes]]:
    """Return what a side can compute from all it sees with up to three of its scalars, as tags.

    By name: the scalars that were applied, and the message.
    """
    state = decode(STATES, side.state)
    scalars = {"first": state.run.first, "second": state.run.second}
    seen = {
        "blinded": rows_of(messages, Blinded),
        "evaluated": rows_of(messages, Evaluated),
        "shuffled": rows_of(messages, Shuffled),
        "rest": rows_of(messages, Rest),
        "own items": extra,
    }
    found = {"rows": rows_of(messages, Rows)}
    for name, rows in seen.items():
        for size in range(4):
            for chosen in itertools.combinations_with_replacement(scalars, size):
                label = "·".join((*chosen, name))
                if rows:
                    found[label] = [row[:T] for row in under([scalars[c] for c in chosen], rows)]
    return found


def coincidences(found: dict[str, list[bytes]]) -> dict[frozenset[str], int]:
    """Return how many values each two of these lists have in common."""
    return {
        frozenset((one, other)): len(set(found[one]) & set(found[other]))
        for one, other in itertools.combinations(found, 2)
        if set(found[one]) & set(found[other])
    }


def hashed(mine) -> list[bytes]:
    rows = points_from_bytes(b"".join(digests(mine)))
    return [p.tobytes() for p in groups.hash_to_group(CTX, rows, strict=True)]


def test_the_responder_sees_nothing_that_repeats_however_many_match():
    """Of all that it can compute, no value comes twice, but for the rows that it makes itself."""
    mine = list(range(30))
    for theirs in (range(30, 60), range(30), range(20, 50)):
        played = play(mine, theirs)
        messages = heard(played.sender, played.receiver)
        # It may guess every item of the other side, and blind those as its own.
        found = closure(played.sender, messages, hashed(sorted({*mine, *theirs})))
        found["rows"] = [row[:T] for m in rows_said(played.sender) for row in cut(m.tags)]
        # Its own rows are the evaluated list under t, and the others the rest under t.
        assert coincidences(found) == {
            frozenset(("rows", "second·evaluated")): 30 + DUMMIES,
            frozenset(("rows", "second·rest")): 30 + DUMMIES,
        }
        assert all(len(set(values)) == len(values) for values in found.values())


def rows_said(side: Side) -> list[Rows]:
    return [m for m in (decode(side.protocol.messages, m) for m in side.sent) if type(m) is Rows]


def cut(tags: bytes) -> list[bytes]:
    return [tags[i : i + T] for i in range(0, len(tags), T)]


def heads(side: Side) -> int:
    """Return how many dummies a responder has included."""
    chunk = side.chunks[mixed.OTHERS]
    return sum(d in chunk for d in union_noise.dummies(CTX, DUMMIES))


@pytest.mark.parametrize("seed", ["a", "b", "c"])
@pytest.mark.parametrize("theirs", [range(30, 60), range(30), range(20, 50)])
def test_the_initiator_sees_how_many_match_with_the_coins_and_nothing_else(theirs, seed):
    mine = list(range(30))
    played = play(mine, theirs, seed=seed)
    messages = heard(played.receiver, played.sender)
    found = closure(played.receiver, messages, hashed(sorted({*mine, *theirs})))
    # Also what it said itself, blanks among it.
    said = [decode(played.receiver.protocol.messages, m) for m in played.receiver.sent]
    found["said rest"] = [row[:T] for row in rows_of(said, Rest)]
    noisy = len(set(mine) & set(theirs)) + heads(played.sender)
    # The join, under any scalars more.
    expected = {
        frozenset((f"first·{more}blinded", f"{more}shuffled")): noisy
        for more in ("", "first·", "second·", "first·first·", "first·second·", "second·second·")
    }
    # Its own rows are in the index, whoever matches; the rest is what did not match.
    expected[frozenset(("rows", "second·evaluated"))] = 30 + DUMMIES
    expected[frozenset(("said rest", "second·shuffled"))] = 30 + DUMMIES - noisy
    assert coincidences(found) == {pair: n for pair, n in expected.items() if n}
    assert all(len(set(values)) == len(values) for values in found.values())


def test_blanks_belong_to_nobody():
    played = play(range(30), range(30))
    rows = set(rows_of(heard(played.receiver, played.sender), Rows))
    assert len(rows) == 2 * (30 + DUMMIES)
    nobodys = rows
    for side, other in ((played.receiver, played.sender), (played.sender, played.receiver)):
        second = decode(STATES, side.state).run.second
        evaluated = rows_of(heard(side, other), Evaluated)
        own = {row[:T] for row in under([second], evaluated)}
        assert own <= rows
        nobodys = nobodys - own
    # Everything matches but the dummies that the coins have left out.
    assert len(nobodys) == 30 + heads(played.sender)


def test_the_coins_differ_from_run_to_run():
    tossed = {heads(play(range(3), range(3), seed=f"seed {i}").sender) for i in range(12)}
    assert len(tossed) > 2


def test_the_list_that_is_compared_comes_in_an_order_of_its_own():
    played = play(range(40), range(40))
    messages = heard(played.receiver, played.sender)
    run = decode(STATES, played.sender.state).run
    in_order = under([run.second], rows_of(messages, Shuffled))
    evaluated = rows_of(messages, Evaluated)
    assert sorted(in_order) == sorted(evaluated)
    moved = [abs(in_order.index(row) - i) for i, row in enumerate(evaluated)]
    assert max(moved) > CHUNK_ITEMS


def test_dummies_stand_at_random_positions_among_the_items():
    orders = []
    for seed in "abcd":
        side = play(range(40), [], seed=seed).receiver
        rows = np.frombuffer(side.chunks[mixed.OTHERS], dtype=np.uint8).reshape(-1, 36)
        orders.append(rows[:, :4].copy().view("<u4").ravel().tolist())
        assert orders[-1] == sorted(set(orders[-1]))
    assert len({tuple(o) for o in orders}) == 4
    assert max(position for o in orders for position in o) > 40
    assert min(position for o in orders for position in o) < 12


def test_scalars_are_not_shown():
    transition = UNION_INDEX.begin(Role.RESPONDER, PARAMS, CTX, Items(0, CHUNK_ITEMS), seeded("x"))
    assert isinstance(transition, Wait)
    shown = repr(transition)
    assert "first" not in shown
    assert "second" not in shown
    assert "keep" not in shown


# Attacks


def responder(total: int = 20, own: int = 20) -> tuple[OneSide, OneSide]:
    """Return an initiator of `total` items and a responder that has heard its opening."""
    initiator = OneSide(UNION_INDEX, Role.INITIATOR, digests(range(total)), PARAMS)
    other = OneSide(UNION_INDEX, Role.RESPONDER, digests(range(own)), PARAMS)
    other.tell(initiator.transition.message)
    return initiator, other


def played_until(state: type) -> tuple[OneSide, list]:
    """Return a side that awaits a message in that state, and the messages that are due to it."""
    sides = [OneSide(UNION_INDEX, role, digests(range(20)), PARAMS) for role in Role]
    inbox = [[], []]
    inbox[1] += sides[0].drain()
    inbox[0] += sides[1].drain()
    while True:
        for i, side in enumerate(sides):
            if isinstance(side.transition, Wait) and isinstance(side.transition.state, state):
                while inbox[1 - i]:
                    inbox[i] += sides[1 - i].tell(inbox[1 - i].pop(0))
                return side, inbox[i]
            if inbox[i]:
                inbox[1 - i] += side.tell(inbox[i].pop(0))


@pytest.mark.parametrize(
    "state",
    [
        InitiatorCollecting,
        InitiatorPooling,
        InitiatorEvaluating,
        InitiatorNumbering,
        ResponderEvaluating,
        ResponderCollecting,
        ResponderFilling,
    ],
)
def test_chunks_out_of_turn_repeated_short_or_long_are_refused(state):
    side, due = played_until(state)
    state_before, message = side.transition, due[0]
    name = "tags" if isinstance(message, Rows) else "points"
    data = getattr(message, name)
    for change, error in (
        ({"index": 1}, UnexpectedMessage),
        ({"index": -1}, UnexpectedMessage),
        ({name: data[:-1]}, MalformedMessage),
        ({name: data + data[:32]}, MalformedMessage),
        ({name: b""}, MalformedMessage),
    ):
        with pytest.raises(error):
            side.take(dataclasses.replace(message, **change))
        side.transition = state_before
    side.tell(message)
    with pytest.raises((UnexpectedMessage, MalformedMessage)):
        side.take(message)


@pytest.mark.parametrize("state", [ResponderEvaluating, ResponderFilling])
@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, 2**255, 2**254 - 9])
def test_small_order_and_structured_points_are_refused(state, u):
    side, due = played_until(state)
    rows = bytearray(due[0].points)
    rows[32 * 5 : 32 * 6] = u.to_bytes(32, "little")
    with pytest.raises(InvalidElement):
        side.take(dataclasses.replace(due[0], points=bytes(rows)))


def test_reflected_message_is_refused():
    initiator, other = responder()
    for own in initiator.drain():
        with pytest.raises((ContextMismatch, UnexpectedMessage)):
            initiator.take(own)
    with pytest.raises(UnexpectedMessage):
        other.take(Blinded(Role.RESPONDER, 0, points(16).tobytes()))


def test_an_item_marked_by_sending_it_in_several_chunks_is_refused():
    """Its number in the shuffled list would tell which item it is."""
    _, other = responder(total=20)
    rows = points(32)
    other.tell(Blinded(Role.INITIATOR, 0, rows[:16].tobytes()))
    twice = np.concatenate([rows[16:31], rows[:1]])
    with pytest.raises(InvalidElement):
        other.tell(Blinded(Role.INITIATOR, 1, twice.tobytes()))


def test_a_match_that_is_returned_instead_of_a_blank_is_refused():
    """The responder would learn which of its items match."""
    side, due = played_until(ResponderFilling)
    run = side.transition.state.run
    initiator = OneSide(UNION_INDEX, Role.INITIATOR, digests(range(20)), PARAMS)
    scalars = initiator.transition.state.run
    shared = groups.hash_to_group(run.ctx, points_from_bytes(digests([3])[0]), strict=True)
    for scalar in (scalars.first, run.first, scalars.second):
        shared = groups.evaluate(scalar, shared, backend=PYNACL)
    rows = due[0].points[:-32] + shared.tobytes()
    with pytest.raises(InvalidElement):
        side.tell(dataclasses.replace(due[0], points=rows), *due[1:])


def test_another_scalar_for_the_shuffled_list_is_refused():
    """A responder would find its own items among the rest, which then holds all of them."""
    params = UnionParams(500, 64, 12, 60)
    assert union_noise.fewest(60) > 0
    initiator = OneSide(UNION_INDEX, Role.INITIATOR, digests(range(4)), params)
    other = OneSide(UNION_INDEX, Role.RESPONDER, digests(range(4)), params)
    for message in other.tell(*initiator.drain()):
        if isinstance(message, Shuffled):
            moved = groups.evaluate(b"\x07" * 32, points_from_bytes(message.points))
            initiator.take(Shuffled(0, moved.tobytes()))
        elif isinstance(message, Blinded):
            initiator.take(message)
            with pytest.raises(InvalidElement):
                initiator.drain()
            return
        else:
            initiator.take(message)
    raise AssertionError


def rows_due() -> tuple[OneSide, list[Rows]]:
    return played_until(InitiatorNumbering)


def test_an_index_without_an_item_of_ours_is_refused():
    side, due = rows_due()
    other = bytearray(due[0].tags)
    for i in range(0, len(other), T):
        other[i + T - 1] ^= 1  # the order stays
    with pytest.raises(InvalidElement):
        side.tell(dataclasses.replace(due[0], tags=bytes(other)), *due[1:])


def test_an_index_in_another_order_is_refused():
    """Each side would number the rows in its own way."""
    side, due = rows_due()
    first, rest = due[0].tags[:T], due[0].tags[T:]
    with pytest.raises(InvalidElement):
        side.tell(dataclasses.replace(due[0], tags=rest + first), *due[1:])


def test_an_index_with_a_row_twice_is_refused():
    side, due = rows_due()
    tags = due[0].tags[:T] + due[0].tags[:-T]
    with pytest.raises(InvalidElement):
        side.tell(dataclasses.replace(due[0], tags=tags), *due[1:])


def test_more_items_than_agreed_are_refused():
    other = OneSide(UNION_INDEX, Role.RESPONDER, digests(range(5)), PARAMS)
    opening = OneSide(UNION_INDEX, Role.INITIATOR, [], PARAMS).transition.message
    for total, error in ((501, TooManyElements), (2**63, TooManyElements), (-1, MalformedMessage)):
        with pytest.raises(error):
            other.take(dataclasses.replace(opening, total=total))


@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (("max_items", 499), ("tag_bytes", 11), ("dummies", 13))
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(change):
    what = {"params": PARAMS} | change
    other = OneSide(UNION_INDEX, Role.RESPONDER, digests(range(5)), **what)
    opening = OneSide(UNION_INDEX, Role.INITIATOR, digests(range(5)), PARAMS).transition.message
    with pytest.raises(ContextMismatch):
        other.take(opening)


def test_a_missing_chunk_leaves_the_run_without_a_result():
    count = itertools.count()

    def lose_one(message: bytes) -> list[bytes]:
        return [] if next(count) == 9 else [message]

    with pytest.raises((Stalled, ProtocolError)):
        play(range(40), range(20), deliver=lose_one)


# Our own mistakes


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("items", "ctx"),
    [
        (Items(501, CHUNK_ITEMS), CTX),
        (Items(-1, CHUNK_ITEMS), CTX),
        (Items(5, CHUNK_ITEMS + 1), CTX),
        (Items(5, CHUNK_ITEMS), CTX[:-1]),
    ],
)
def test_input_that_does_not_fit_the_parameters_is_refused(role, items, ctx):
    with pytest.raises(InvalidParameter):
        UNION_INDEX.begin(role, PARAMS, ctx, items, seeded("x"))


def test_other_parameters_are_refused():
    with pytest.raises(InvalidParameter):
        UNION_INDEX.begin(Role.INITIATOR, Items(0, 1), CTX, Items(0, CHUNK_ITEMS), seeded("x"))


@pytest.mark.parametrize(
    "values",
    [
        (0, 1, 12, 1),
        (5, 0, 12, 1),
        (5, 1, 9, 1),
        (5, 1, 17, 1),
        (5, 1, 12, 0),
        (5, 1, 12, 2**16 + 1),
    ],
)
def test_parameters_out_of_range_are_refused(values):
    with pytest.raises(InvalidParameter):
        UnionParams(*values)


@pytest.mark.parametrize("chunk", [b"", bytes(32 * 4), b"a" * 32 * 5])
def test_an_input_chunk_that_is_short_or_has_duplicates_is_refused(chunk):
    initiator = OneSide(UNION_INDEX, Role.INITIATOR, digests(range(5)), PARAMS)
    initiator.chunks["own/00000"] = chunk
    with pytest.raises(LocalError):
        initiator.drain()


@pytest.mark.parametrize("name", ["pool/00000", mixed.OTHERS])
def test_a_kept_chunk_that_was_damaged_is_refused(name):
    _, other = responder()
    other.tell(Blinded(Role.INITIATOR, 0, points(16, "a").tobytes()))
    other.chunks[name] += b"x"
    with pytest.raises(LocalError):
        other.tell(Blinded(Role.INITIATOR, 1, points(16, "b").tobytes()))


def test_the_opening_proves_role_context_and_parameters():
    checks = {
        OneSide(UNION_INDEX, Role.INITIATOR, [], params, ctx).transition.message.check
        for ctx in (CTX, bytes(32))
        for params in (PARAMS, dataclasses.replace(PARAMS, dummies=3))
    }
    assert len(checks) == 4
    assert all(isinstance(Opening(c, 0), Opening) and len(c) == 32 for c in checks)


def test_both_back_ends_number_alike():
    played = [
        run_pair(union_index(choose_backend(name)), PARAMS, CTX, digests([1, 2]), digests([2]))
        for name in ("pynacl", "auto")
    ]
    assert numbers(played[0].receiver) == numbers(played[1].receiver)
    assert numbers(played[0].sender) == numbers(played[1].sender)
