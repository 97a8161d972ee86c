import dataclasses

import numpy as np
import pytest

from protocols.codec import decode
from protocols.errors import (
    ContextMismatch,
    InvalidElement,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    PeerError,
    TooManyElements,
    UnexpectedMessage,
)
from protocols.groups import P
from protocols.psi import prepared, prepared_receiver, two_sides
from protocols.psi.chunks import kept
from protocols.psi.epochs import epoch_context, tags_of
from protocols.psi.params import Members, PreparedParams, SenderDone
from protocols.psi.prepared import PREPARED
from protocols.psi.prepared_kept import ASKED, PreparedSet, Version
from protocols.psi.prepared_records import (
    Answered,
    Asked,
    Holding,
    Offer,
    Opening,
    Part,
    SenderAnswering,
    What,
)
from protocols.session import Continue, Items, Role
from tests.support.backends import BACKENDS
from tests.support.pair import CTX, Played, items_of, run_pair
from tests.support.prepared_sets import SCOPE, Receiver, Sender
from tests.support.scenarios import CHUNK_ITEMS, SCENARIOS
from tests.support.seeded import digests, points, seeded

PARAMS = PreparedParams(max_items=500, chunk_items=CHUNK_ITEMS, tag_bytes=12)


def play(receiver: Receiver, sender: Sender, mine, theirs, seed="run", **options) -> Played:
    """Run with what both have kept, and keep what comes of it."""
    sender.take(digests(theirs))
    played = run_pair(
        prepared.prepared(sender.backend),
        sender.params,
        CTX,
        digests(mine),
        digests(theirs),
        seed=seed,
        laid=(receiver.chunks(), sender.chunks()),
        **options,
    )
    receiver.adopt(played.receiver.chunks)
    return played


def both(params=PARAMS) -> tuple[Receiver, Sender]:
    return Receiver(params), Sender(params)


def messages(sent: list[bytes]) -> list:
    return [decode(PREPARED.messages, m) for m in sent]


def of_kind(sent: list[bytes], kind) -> list:
    return [m for m in messages(sent) if isinstance(m, kind)]


# Results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_first_run_and_a_later_one_are_exact(scenario, backend):
    receiver, sender = Receiver(PARAMS), Sender(PARAMS, backend=backend)
    for again in range(2):
        played = play(receiver, sender, scenario.receiver, scenario.sender, seed=f"run {again}")
        assert played.matched() == scenario.positions()
        assert played.output == Members(len(scenario.positions()))
        assert played.sender.output == SenderDone(len(scenario.receiver))
        assert receiver.tags() == sender.history[-1]
    assert sender.evaluated == len(scenario.sender)


@pytest.mark.parametrize("tag_bytes", [10, 16])
def test_other_tags_give_the_same(tag_bytes):
    receiver, sender = both(dataclasses.replace(PARAMS, tag_bytes=tag_bytes))
    assert play(receiver, sender, range(30), range(20, 45)).output == Members(10)


def test_only_a_difference_crosses_in_a_later_run():
    receiver, sender = both()
    first = play(receiver, sender, [1, 2, 3], range(200))
    parts = of_kind(first.sender.sent, Part)
    assert {p.what for p in parts} == {What.WHOLE}
    assert sum(len(p.tags) for p in parts) == 200 * 12
    same = play(receiver, sender, [1, 2, 3], range(200))
    assert of_kind(same.sender.sent, Part) == []
    changed = play(receiver, sender, [1, 2, 3], range(5, 203))
    removed, added = of_kind(changed.sender.sent, Part)
    assert (removed.what, len(removed.tags)) == (What.REMOVED, 5 * 12)
    assert (added.what, len(added.tags)) == (What.ADDED, 3 * 12)
    assert sender.evaluated == 203
    assert changed.matched() == []


def test_who_came_and_went_in_between_is_never_told():
    receiver, sender = both()
    play(receiver, sender, [1], range(50))
    known = receiver.tags()
    sender.take(digests(range(60)))
    came_and_went = sender.history[-1] - known
    later = play(receiver, sender, [1], range(50))
    assert of_kind(later.sender.sent, Part) == []
    assert not came_and_went & receiver.tags()


def test_removals_come_before_any_answer():
    receiver, sender = both()
    play(receiver, sender, range(40), range(40))
    kinds = [type(m) for m in messages(play(receiver, sender, range(40), range(39)).sender.sent)]
    assert kinds == [Offer, Part, Answered, Answered, Answered]


@pytest.mark.parametrize("change", [{"epoch": bytes(16)}, {"key": bytes(31) + b"\x40"}])
def test_another_epoch_gives_other_tags_and_the_whole_set(change):
    receiver, sender = both()
    play(receiver, sender, range(10), range(30))
    other = Sender(PARAMS, **change)
    if "key" in change:  # a new key comes with a new epoch
        other.epoch = bytes(15) + b"\x01"
    played = play(receiver, other, range(10), range(30))
    assert played.output == Members(10)
    assert of_kind(played.sender.sent, Offer)[0].whole
    assert not sender.history[-1] & other.history[-1]
    assert receiver.tags() == other.history[-1]


def test_a_copy_of_an_unknown_version_is_replaced():
    receiver, sender = both()
    play(receiver, sender, range(10), range(30))
    forgetful = Sender(PARAMS)
    forgetful.take(digests(range(7, 33)))
    assert forgetful.history[0] != sender.history[0]
    assert play(receiver, forgetful, range(10), range(7, 33)).output == Members(3)
    assert receiver.tags() == forgetful.history[-1]


# What crosses the wire


def test_the_arrows_are_those_of_the_diagram():
    played = play(*both(), range(40), range(20))
    assert [m.KIND for m in messages(played.receiver.sent)] == (
        [Opening.KIND, Holding.KIND] + [Asked.KIND] * 3 + ["psi-dh-prepared-done/1"]
    )
    assert [m.KIND for m in messages(played.sender.sent)] == (
        [Offer.KIND] + [Part.KIND] * 2 + [Answered.KIND] * 3
    )


def test_runs_of_one_epoch_share_no_blinded_bytes():
    receiver, sender = both()
    seen: set[bytes] = set()
    for seed in ("a", "b"):
        played = play(receiver, sender, range(20), range(20), seed=seed)
        asked = of_kind(played.receiver.sent, Asked) + of_kind(played.sender.sent, Answered)
        rows = {
            data[i : i + 32]
            for m in asked
            for data in (m.curve, m.twist)
            for i in range(0, len(data), 32)
        }
        assert not rows & seen
        seen |= rows


def test_what_is_asked_has_one_length_for_one_number_of_items():
    sizes = set()
    for start in range(0, 120, 40):
        played = play(*both(), range(start, start + 40), range(5), seed=str(start))
        sizes.add(tuple((len(m.curve), len(m.twist)) for m in of_kind(played.receiver.sent, Asked)))
    (one,) = sizes
    assert all(curve == twist for curve, twist in one)


def test_the_set_crosses_in_byte_order_whatever_the_order_of_the_items():
    forward, backward = (
        [p.tags for p in of_kind(play(*both(), [1], order).sender.sent, Part)]
        for order in (range(60), range(59, -1, -1))
    )
    assert forward == backward
    data = b"".join(forward)
    tags = [data[i : i + 12] for i in range(0, len(data), 12)]
    assert tags == sorted(tags)


def test_the_points_that_are_asked_are_said_before_an_answer():
    played = play(*both(), range(40), range(20))
    asked = int.from_bytes(played.sender.chunks[ASKED], "big")
    sent = of_kind(played.receiver.sent, Asked)
    assert asked == sum((len(m.curve) + len(m.twist)) // 32 for m in sent)


def test_secrets_are_not_shown():
    sender = Sender(PARAMS)
    sender.take(digests(range(3)))
    mine = decode(PreparedSet, sender.chunks()["set"])
    assert "key" not in repr(mine)
    assert sender.key.hex()[:10] not in repr(mine)


# One side at a time, for attacks


class OneSide:
    """A side whose peer is the test."""

    def __init__(self, role, own, laid, params=PARAMS, ctx=CTX):
        items, self.chunks = items_of(own, params.chunk_items)
        self.chunks |= laid
        self.rng = seeded(f"one side/{role}")
        self.transition = PREPARED.begin(role, params, ctx, items, self.rng)

    def fetch(self, name: str) -> bytes:
        if name not in self.chunks:
            raise LocalError("there is no such chunk")
        return self.chunks[name]

    def take(self, message):
        state = self.transition.state
        transition = PREPARED.step(state, message, self.fetch, self.rng)
        self.chunks |= transition.keep
        self.transition = transition
        return transition

    def take_all(self, messages) -> None:
        for message in messages:
            self.take(message)

    def drain(self) -> list:
        sent = []
        while isinstance(self.transition, Continue):
            sent.append(self.transition.message)
            self.take(None)
        return sent


def receiver_side(receiver: Receiver, mine, **options) -> OneSide:
    side = OneSide(Role.INITIATOR, digests(mine), receiver.chunks(), **options)
    side.drain()
    return side


def sender_side(sender: Sender, theirs, **options) -> OneSide:
    sender.take(digests(theirs))
    return OneSide(Role.RESPONDER, digests(theirs), sender.chunks(), **options)


def offered(receiver: Receiver, sender: Sender, mine, theirs) -> tuple[OneSide, Offer, list[Part]]:
    """Return a receiver that awaits the offer, the offer, and the parts that follow it."""
    side, other = receiver_side(receiver, mine), sender_side(sender, theirs)
    opening = OneSide(Role.INITIATOR, digests(mine), receiver.chunks()).transition.message
    holding = prepared_receiver.holding(side.transition.state.run, side.fetch)
    other.take(opening)
    other.take(holding)
    offer, *parts = other.drain()
    return side, offer, parts


def answering_sender(sender=None, mine=range(20), theirs=range(20)) -> OneSide:
    """Return a sender that awaits the first question."""
    side = sender_side(sender or Sender(PARAMS), theirs)
    side.take(OneSide(Role.INITIATOR, digests(mine), {}).transition.message)
    side.take(Holding(b"", Version(0, bytes(32))))
    side.drain()
    assert isinstance(side.transition.state, SenderAnswering)
    return side


def question(curve=None, twist=None, index=0, n=16) -> Asked:
    room = two_sides.slots(n)
    halves = np.split(points(2 * room), 2)
    curve = halves[0] if curve is None else curve
    return Asked(index, curve.tobytes(), (halves[1] if twist is None else twist).tobytes())


# Hostile sender: the set


def test_a_lie_about_the_size_of_the_set_is_refused():
    for total, error in ((49, PeerError), (51, PeerError), (501, TooManyElements), (-1, PeerError)):
        side, offer, parts = offered(*both(), range(5), range(50))
        with pytest.raises(error):
            side.take_all([dataclasses.replace(offer, total=total), *parts])


def test_another_set_than_the_announced_one_is_refused():
    side, offer, parts = offered(*both(), range(5), range(50))
    side.take(offer)
    for part in parts[:-1]:
        side.take(part)
    changed = parts[-1].tags[:-1] + bytes([parts[-1].tags[-1] ^ 1])
    with pytest.raises(MalformedMessage):
        side.take(dataclasses.replace(parts[-1], tags=changed))


def twice(tags: bytes) -> bytes:
    return tags[:12] + tags[:12] + tags[24:]


def backwards(tags: bytes) -> bytes:
    return b"".join(tags[i : i + 12] for i in range(len(tags) - 12, -1, -12))


def of_another_bucket(tags: bytes) -> bytes:
    return bytes([tags[0] ^ 0x80]) + tags[1:]


@pytest.mark.parametrize("change", [twice, backwards, of_another_bucket, lambda t: t[:-1]])
def test_a_set_with_duplicates_or_out_of_order_is_refused(change):
    side, offer, parts = offered(*both(), range(5), range(50))
    side.take(offer)
    with pytest.raises(MalformedMessage):
        side.take(dataclasses.replace(parts[0], tags=change(parts[0].tags)))


def test_a_bucket_without_end_is_refused():
    side, offer, parts = offered(*both(), range(5), range(50))
    side.take(offer)
    with pytest.raises(TooManyElements):
        side.take(dataclasses.replace(parts[0], tags=bytes(12 * 5000)))


def test_parts_missing_repeated_or_reordered_are_refused():
    for order in ([1], [0, 0], [0, 2, 1]):
        side, offer, parts = offered(*both(), range(5), range(50))
        side.take(offer)
        with pytest.raises(UnexpectedMessage):
            side.take_all(parts[i] for i in order)


def differences() -> tuple[OneSide, Offer, list[Part]]:
    receiver, sender = both()
    play(receiver, sender, [1], range(60))
    return offered(receiver, sender, [1], range(20, 100))


def test_a_difference_that_does_not_fit_is_refused():
    def swapped(part: Part) -> Part:
        other = What.ADDED if part.what is What.REMOVED else What.REMOVED
        return dataclasses.replace(part, what=other)

    def unknown(part: Part) -> Part:
        return dataclasses.replace(part, tags=bytes(12) + part.tags[12:])

    def short(part: Part) -> Part:
        return dataclasses.replace(part, tags=part.tags[:-12])

    def whole(part: Part) -> Part:
        return dataclasses.replace(part, what=What.WHOLE)

    for change in (swapped, unknown, short, whole):
        side, offer, parts = differences()
        side.take(offer)
        with pytest.raises(PeerError):
            side.take_all([change(parts[0]), *parts[1:]])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"removed": 501}, TooManyElements),
        ({"added": -1}, TooManyElements),
        ({"epoch": bytes(16)}, MalformedMessage),
        ({"epoch": b""}, MalformedMessage),
        ({"whole": True}, MalformedMessage),
        ({"version": Version(-1, bytes(32))}, MalformedMessage),
        ({"check": bytes(32)}, ContextMismatch),
    ],
)
def test_an_offer_that_cannot_be_is_refused(change, error):
    side, offer, _ = differences()
    with pytest.raises(error):
        side.take(dataclasses.replace(offer, **change))


def test_a_difference_to_a_receiver_that_has_nothing_is_refused():
    side, offer, _ = offered(*both(), [1], range(20))
    with pytest.raises(MalformedMessage):
        side.take(dataclasses.replace(offer, whole=False))


def test_a_copy_is_not_changed_by_a_run_that_fails():
    receiver, sender = both()
    play(receiver, sender, [1], range(60))
    before = dict(receiver.buckets)
    side, offer, parts = offered(receiver, sender, [1], range(20, 100))
    side.take(offer)
    last = dataclasses.replace(parts[-1], tags=bytes(len(parts[-1].tags)))
    with pytest.raises(PeerError):
        side.take_all([*parts[:-1], last])
    assert {i: side.chunks[kept("held", i)] for i in before} == before
    assert not [name for name in side.chunks if name.startswith("new/")]


def test_answers_out_of_turn_or_of_another_length_are_refused():
    receiver, sender = both()
    side, offer, parts = offered(receiver, sender, range(20), range(20))
    for message in (offer, *parts):
        side.take(message)
    asked = side.drain()
    assert len(asked) == 2
    room = two_sides.slots(16)
    good, longer = points(room).tobytes(), points(room + 1).tobytes()
    for wrong, error in (
        (Answered(1, good, good), UnexpectedMessage),
        (Answered(0, longer, good), MalformedMessage),
        (Answered(0, good, good[:-1]), MalformedMessage),
        (Answered(0, bytes(len(good)), good), InvalidElement),
    ):
        with pytest.raises(error):
            side.take(wrong)


def test_one_answer_for_two_items_is_refused():
    receiver, sender = both()
    side, offer, parts = offered(receiver, sender, range(20), range(20))
    for message in (offer, *parts):
        side.take(message)
    side.drain()
    curve, twist = points(16, "a"), points(16, "b")
    side.take(Answered(0, curve.tobytes(), twist.tobytes()))
    room = two_sides.slots(4)
    with pytest.raises(InvalidElement):
        side.take(Answered(1, curve[:room].tobytes(), twist[:room].tobytes()))


# Hostile receiver: the points


ORDER_EIGHT = (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)
UNFIT = [n.to_bytes(32, "little") for n in (0, 1, P - 1, P, P + 1, 2**254 - 9, 2**255 - 1)]


@pytest.mark.parametrize("u", [*UNFIT, *map(bytes.fromhex, ORDER_EIGHT)])
@pytest.mark.parametrize("place", ["curve", "twist"])
def test_small_order_and_structured_points_never_meet_the_key(u, place):
    rows = points(two_sides.slots(16)).copy()
    rows[3] = np.frombuffer(u, dtype=np.uint8)
    with pytest.raises(InvalidElement):
        answering_sender().take(question(**{place: rows}))


def test_a_point_twice_is_refused_also_across_both_sides():
    rows = points(two_sides.slots(16))
    with pytest.raises(InvalidElement):
        answering_sender().take(question(curve=rows, twist=rows))


def test_chunks_of_questions_missing_repeated_or_of_another_length_are_refused():
    with pytest.raises(UnexpectedMessage):
        answering_sender().take(question(index=1))
    side = answering_sender()
    side.take(question())
    side.drain()
    with pytest.raises(UnexpectedMessage):
        side.take(question())
    for n in (0, 15, 17):
        with pytest.raises(MalformedMessage):
            answering_sender().take(question(points(n)))


@pytest.mark.parametrize(
    ("total", "error"),
    [(501, TooManyElements), (2**63, TooManyElements), (-1, MalformedMessage)],
)
def test_more_items_than_agreed_are_refused(total, error):
    side = sender_side(Sender(PARAMS), range(5))
    opening = OneSide(Role.INITIATOR, [], {}).transition.message
    with pytest.raises(error):
        side.take(dataclasses.replace(opening, total=total))


def test_a_version_that_never_was_gets_the_whole_set_and_no_difference():
    sender = Sender(PARAMS)
    sender.take(digests(range(10)))
    side = sender_side(sender, range(12))
    version = decode(PreparedSet, side.chunks["set"]).earlier[0]
    side.take(OneSide(Role.INITIATOR, [], {}).transition.message)
    for forged in (
        Holding(sender.epoch, dataclasses.replace(version, digest=bytes(32))),
        Holding(sender.epoch, dataclasses.replace(version, number=7)),
        Holding(bytes(16), version),
    ):
        again = PREPARED.step(side.transition.state, forged, side.fetch, seeded("x"))
        assert isinstance(again, Continue)
        assert again.message.whole


@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (("max_items", 499), ("chunk_items", 9), ("tag_bytes", 11))
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(change):
    side = sender_side(Sender(PARAMS), range(5), **change)
    with pytest.raises(ContextMismatch):
        side.take(OneSide(Role.INITIATOR, [], {}).transition.message)


def test_a_reflected_opening_is_refused():
    side = sender_side(Sender(PARAMS), range(5))
    offer_check = side.transition.state.run.check_of(Role.RESPONDER)
    with pytest.raises(ContextMismatch):
        side.take(Opening(offer_check, 5))


def test_hashes_and_tags_are_bound_to_scope_and_epoch():
    contexts = {
        epoch_context(scope, epoch, t)
        for scope in (SCOPE, bytes(32))
        for epoch in (bytes(16), bytes(15) + b"\x01")
        for t in (12, 13)
    }
    assert len(contexts) == 8
    key, items = two_sides.clamped(bytes(32)), np.frombuffer(digests([1])[0], np.uint8)
    tags = {tags_of(ctx, key, items.reshape(1, 32), 12).tobytes() for ctx in contexts}
    assert len(tags) == 8


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
        PREPARED.begin(role, PARAMS, ctx, items, seeded("x"))


def test_other_parameters_are_refused():
    with pytest.raises(InvalidParameter):
        PREPARED.begin(Role.INITIATOR, Items(0, 1), CTX, Items(0, CHUNK_ITEMS), seeded("x"))


def test_a_set_of_another_size_than_the_run_began_with_is_refused():
    sender = Sender(PARAMS)
    side = sender_side(sender, range(10))
    sender.take(digests(range(9)))
    side.chunks |= sender.chunks()
    side.take(OneSide(Role.INITIATOR, [], {}).transition.message)
    with pytest.raises(LocalError):
        side.take(Holding(b"", Version(0, bytes(32))))


def test_an_item_twice_in_the_input_is_refused():
    receiver, sender = both()
    side, offer, parts = offered(receiver, sender, [1, 2], range(20))
    side.chunks["own/00000"] = digests([1])[0] * 2
    side.take(offer)
    with pytest.raises(LocalError):
        side.take_all(parts)


def test_without_items_a_run_brings_the_copy_up_to_date():
    receiver, sender = both()
    played = play(receiver, sender, [], range(30))
    assert played.output == Members(0)
    assert receiver.tags() == sender.history[-1]
    assert of_kind(played.sender.sent, Answered) == []
