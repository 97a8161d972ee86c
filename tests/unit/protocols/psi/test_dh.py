import dataclasses

import numpy as np
import pytest

from protocols.codec import decode, encode
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
from protocols.groups import P
from protocols.psi import dh
from protocols.psi.dh import Cardinality, Members, PsiParams, RowParams, SenderDone
from protocols.psi.dh_records import Blinded, Evaluated, Opening, SenderCollecting
from protocols.session import Continue, Items, Role, Wait
from tests.support.backends import BACKENDS
from tests.support.pair import CTX, Stalled, items_of, params_for, run_pair
from tests.support.scenarios import CHUNK_ITEMS, SCENARIOS
from tests.support.seeded import digests, points, seeded

PARAMS = PsiParams(max_items=500, chunk_items=CHUNK_ITEMS, tag_bytes=12, strict=False)
ROWS = RowParams(max_items=500, chunk_items=CHUNK_ITEMS, tag_bytes=12, strict=False)
BOTH = [pytest.param(dh.MEMBERS, id="members"), pytest.param(dh.CARDINALITY, id="cardinality")]


# Results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_members_are_exactly_the_intersection(scenario, backend):
    played = run_pair(
        dh.members(backend), PARAMS, CTX, scenario.receiver_items(), scenario.sender_items()
    )
    assert played.matched() == scenario.positions()
    assert played.receiver.output == Members(len(scenario.positions()))
    assert played.sender.output == SenderDone(len(scenario.receiver))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cardinality_is_exactly_the_size_of_the_intersection(scenario, backend):
    played = run_pair(
        dh.cardinality(backend), ROWS, CTX, scenario.receiver_items(), scenario.sender_items()
    )
    assert played.receiver.output == Cardinality(len(scenario.positions()))
    assert played.sender.output == SenderDone(len(scenario.receiver))
    assert "matched" not in played.receiver.chunks


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("tag_bytes", [10, 16])
def test_strict_runs_and_other_tags_give_the_same(protocol, tag_bytes):
    params = PsiParams(max_items=50, chunk_items=7, tag_bytes=tag_bytes, strict=True)
    params = params_for(protocol, params)
    played = run_pair(protocol, params, CTX, digests(range(30)), digests(range(20, 45)))
    assert played.output.count == 10


# What crosses the wire


def messages(sent: list[bytes]) -> list:
    return [decode(dh.MEMBERS.messages, m) for m in sent]


@pytest.mark.parametrize("protocol", BOTH)
def test_the_arrows_are_those_of_the_diagram(protocol):
    params = params_for(protocol, PARAMS)
    played = run_pair(protocol, params, CTX, digests(range(40)), digests(range(20)))
    assert [m.KIND.split("/")[0] for m in messages(played.receiver.sent)] == (
        ["psi-dh-opening"] + ["psi-dh-blinded"] * 3 + ["psi-dh-done"]
    )
    assert [m.KIND.split("/")[0] for m in messages(played.sender.sent)] == (
        ["psi-dh-opening"] + ["psi-dh-evaluated"] * 3 + ["psi-dh-blinded"] * 2
    )


def returned(played) -> list[bytes]:
    tags = b"".join(m.tags for m in messages(played.sender.sent) if isinstance(m, Evaluated))
    return [tags[i : i + 12] for i in range(0, len(tags), 12)]


def test_cardinality_returns_the_same_tags_in_an_order_that_is_secret_and_fresh():
    items = digests(range(40)), digests(range(20))
    in_order = returned(run_pair(dh.MEMBERS, PARAMS, CTX, *items, seed="a"))
    shuffled = returned(run_pair(dh.CARDINALITY, ROWS, CTX, *items, seed="a"))
    # The same seed gives the same scalars, so only the order differs.
    assert shuffled != in_order
    assert sorted(shuffled) == sorted(in_order)
    # Over the whole set: items leave their chunks.
    moved = [abs(shuffled.index(tag) - i) for i, tag in enumerate(in_order)]
    assert max(moved) > CHUNK_ITEMS
    again = returned(run_pair(dh.CARDINALITY, ROWS, CTX, *items, seed="b"))
    assert not set(again) & set(shuffled)


def test_cardinality_returns_nothing_before_everything_is_there():
    """A reply to a part would say in which part an item is."""
    sender = begun(dh.CARDINALITY, Role.RESPONDER, digests(range(5)))
    receiver = begun(dh.CARDINALITY, Role.INITIATOR, digests(range(40)))
    outgoing = receiver.drain()
    sender.take(outgoing[0])
    sender.drain()
    for message in outgoing[1:3]:
        sender.take(message)
        assert sender.drain() == []
    sender.take(outgoing[3])
    assert len(sender.drain()) == 3 + 1


def test_runs_share_no_bytes():
    items = digests(range(20)), digests(range(20))
    seen: set[bytes] = set()
    for seed in ("a", "b"):
        played = run_pair(dh.MEMBERS, PARAMS, CTX, *items, seed=seed)
        rows = {
            m.points[i : i + 32]
            for m in messages(played.receiver.sent + played.sender.sent)
            if isinstance(m, Blinded)
            for i in range(0, len(m.points), 32)
        }
        assert len(rows) == 40
        assert not rows & seen
        seen |= rows


def test_a_scalar_is_not_shown():
    transition = dh.MEMBERS.begin(Role.RESPONDER, PARAMS, CTX, Items(0, CHUNK_ITEMS), seeded("x"))
    assert isinstance(transition, Wait)
    assert "scalar" not in repr(transition)


# One side at a time, for attacks


class OneSide:
    """A side whose peer is the test."""

    def __init__(self, protocol, role, own, params=PARAMS, ctx=CTX):
        params = params_for(protocol, params)
        items, self.chunks = items_of(own, params.chunk_items)
        self.protocol, self.rng = protocol, seeded(f"one side/{role}")
        self.transition = protocol.begin(role, params, ctx, items, self.rng)

    def fetch(self, name: str) -> bytes:
        return self.chunks[name]

    def drain(self) -> list:
        """Step until this side waits; return what it said."""
        said = []
        while isinstance(self.transition, Continue):
            said.append(self.transition.message)
            self._step(None)
        return said

    def take(self, message) -> None:
        self._step(encode(message))

    def _step(self, message) -> None:
        state = encode(self.transition.state)
        self.transition = self.protocol.resume(state, message, self.fetch, self.rng)
        self.chunks.update(self.transition.keep)


def begun(protocol, role, own, **changes) -> OneSide:
    return OneSide(protocol, role, own, **changes)


def collecting_sender(protocol, total: int = 20) -> OneSide:
    """A sender that awaits the first chunk of `total` items of the receiver."""
    sender = begun(protocol, Role.RESPONDER, digests(range(5)))
    sender.take(begun(protocol, Role.INITIATOR, digests(range(total))).transition.message)
    sender.drain()
    assert isinstance(sender.transition.state, SenderCollecting)
    return sender


def blinded(rows, index: int = 0, by: Role = Role.INITIATOR) -> Blinded:
    return Blinded(by, index, np.ascontiguousarray(rows).tobytes())


@pytest.mark.parametrize("protocol", BOTH)
def test_reflected_message_is_refused(protocol):
    receiver = begun(protocol, Role.INITIATOR, digests(range(20)))
    said = receiver.drain()
    for own in said:
        with pytest.raises((ContextMismatch, UnexpectedMessage)):
            receiver.take(own)
    sender = collecting_sender(protocol)
    with pytest.raises(UnexpectedMessage):
        sender.take(blinded(points(16), by=Role.RESPONDER))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, 2**255, 2**254 - 9])
def test_small_order_points_are_refused(protocol, u):
    rows = points(16).copy()
    rows[11] = np.frombuffer(u.to_bytes(32, "little"), dtype=np.uint8)
    with pytest.raises(InvalidElement):
        collecting_sender(protocol).take(blinded(rows))


@pytest.mark.parametrize("protocol", BOTH)
def test_an_element_twice_in_a_chunk_is_refused(protocol):
    rows = points(16).copy()
    rows[11] = rows[2]
    with pytest.raises(InvalidElement):
        collecting_sender(protocol).take(blinded(rows))


def test_an_item_marked_by_sending_it_in_several_chunks_is_refused():
    """Its number in the shuffled answer would tell which item it is."""
    sender = collecting_sender(dh.CARDINALITY)
    rows = points(20)
    sender.take(blinded(rows[:16]))
    with pytest.raises(InvalidElement):
        sender.take(blinded(np.concatenate([rows[16:19], rows[:1]]), index=1))


@pytest.mark.parametrize("protocol", BOTH)
def test_an_element_in_two_chunks_of_the_senders_set_is_refused(protocol):
    receiver = begun(protocol, Role.INITIATOR, [])
    receiver.drain()
    sender = begun(protocol, Role.RESPONDER, digests(range(20)))
    opening = begun(protocol, Role.INITIATOR, []).transition.message
    sender.take(opening)
    receiver.take(sender.transition.message)
    rows = points(20)
    receiver.take(blinded(rows[:16], by=Role.RESPONDER))
    twice = np.concatenate([rows[16:19], rows[:1]])
    with pytest.raises(InvalidElement):
        receiver.take(blinded(twice, index=1, by=Role.RESPONDER))


@pytest.mark.parametrize("protocol", BOTH)
def test_more_items_than_agreed_are_refused(protocol):
    sender = begun(protocol, Role.RESPONDER, digests(range(5)))
    opening = begun(protocol, Role.INITIATOR, []).transition.message
    for total, error in ((501, TooManyElements), (2**63, TooManyElements), (-1, MalformedMessage)):
        with pytest.raises(error):
            sender.take(dataclasses.replace(opening, total=total))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("count", [0, 15, 17])
def test_a_chunk_of_another_length_is_refused(protocol, count):
    with pytest.raises(MalformedMessage):
        collecting_sender(protocol).take(blinded(points(count)))


@pytest.mark.parametrize("protocol", BOTH)
def test_a_length_that_is_no_whole_number_of_points_is_refused(protocol):
    with pytest.raises(MalformedMessage):
        collecting_sender(protocol).take(Blinded(Role.INITIATOR, 0, bytes(16 * 32 - 1)))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("index", [1, 2, -1, 2**40])
def test_a_chunk_out_of_turn_is_refused(protocol, index):
    with pytest.raises(UnexpectedMessage):
        collecting_sender(protocol).take(blinded(points(16), index=index))


@pytest.mark.parametrize("protocol", BOTH)
def test_a_chunk_repeated_is_refused(protocol):
    sender = collecting_sender(protocol)
    first = blinded(points(20)[:16])
    sender.take(first)
    sender.drain()
    with pytest.raises(UnexpectedMessage):
        sender.take(first)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (("max_items", 499), ("tag_bytes", 11), ("strict", True))
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(protocol, change):
    sender = begun(protocol, Role.RESPONDER, digests(range(5)), **change)
    opening = begun(protocol, Role.INITIATOR, digests(range(5))).transition.message
    with pytest.raises(ContextMismatch):
        sender.take(opening)


def test_a_missing_chunk_leaves_the_run_without_a_result():
    seen = []

    def lose_the_fifth(message: bytes) -> list[bytes]:
        seen.append(message)
        return [] if len(seen) == 5 else [message]

    with pytest.raises((Stalled, ProtocolError)):
        run_pair(
            dh.MEMBERS, PARAMS, CTX, digests(range(40)), digests(range(20)), deliver=lose_the_fifth
        )


# Our own mistakes


@pytest.mark.parametrize("protocol", BOTH)
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
def test_input_that_does_not_fit_the_parameters_is_refused(protocol, role, items, ctx):
    with pytest.raises(InvalidParameter):
        protocol.begin(role, params_for(protocol, PARAMS), ctx, items, seeded("x"))


@pytest.mark.parametrize("protocol", BOTH)
def test_other_parameters_are_refused(protocol):
    others = ROWS if protocol is dh.MEMBERS else PARAMS
    for params in (Items(0, 1), others):
        with pytest.raises(InvalidParameter):
            protocol.begin(Role.INITIATOR, params, CTX, Items(0, CHUNK_ITEMS), seeded("x"))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("chunk", [b"", bytes(32 * 4), b"a" * 32 * 5])
def test_an_input_chunk_that_is_short_or_has_duplicates_is_refused(protocol, chunk):
    receiver = begun(protocol, Role.INITIATOR, digests(range(5)))
    receiver.chunks["own/00000"] = chunk
    with pytest.raises(LocalError):
        receiver.drain()


def test_a_kept_chunk_that_was_damaged_is_refused():
    sender = collecting_sender(dh.CARDINALITY)
    rows = points(20)
    sender.take(blinded(rows[:16]))
    sender.chunks["held/00000"] += b"x"
    with pytest.raises(LocalError):
        sender.take(blinded(rows[16:], index=1))


def test_the_opening_proves_role_context_and_parameters():
    checks = {
        begun(dh.MEMBERS, Role.INITIATOR, [], ctx=ctx, params=params).transition.message.check
        for ctx in (CTX, bytes(32))
        for params in (PARAMS, dataclasses.replace(PARAMS, strict=True))
    }
    assert len(checks) == 4
    assert all(isinstance(Opening(c, 0), Opening) and len(c) == 32 for c in checks)
