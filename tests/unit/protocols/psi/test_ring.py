"""Intersections of three and more: what comes out, what each party sees, and what it refuses."""

import dataclasses
import itertools

import numpy as np
import pytest

from protocols import groups
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
from protocols.groups import P, points_from_bytes
from protocols.ladder import PYNACL
from protocols.multi_party import Continue, Place, Wait
from protocols.psi import padding, ring, ring_shares
from protocols.psi.params import Cardinality, Members, PsiParams, RowParams, SenderDone
from protocols.psi.ring_records import Done, Opening, Passed, Table
from protocols.psi.ring_states import (
    STATES,
    Gathering,
    Hearing,
    ReceiverCollecting,
    Relaying,
    SenderCollecting,
)
from protocols.session import Items
from tests.support.backends import BACKENDS
from tests.support.circle import Member, params_of, run_circle
from tests.support.pair import CTX, Stalled, TranscriptsDiffer, items_of
from tests.support.seeded import digests, points, seeded

CHUNK_ITEMS = 16
PARAMS = PsiParams(max_items=500, chunk_items=CHUNK_ITEMS, tag_bytes=12, strict=True)
BOTH = [pytest.param(ring.MEMBERS, id="members"), pytest.param(ring.CARDINALITY, id="cardinality")]


def mixed(start: int, stop: int) -> list[int]:
    return sorted(range(start, stop), key=lambda n: (n * 7919) % 1009)


SCENARIOS = [
    pytest.param(sets, id=name)
    for name, sets in (
        ("all empty", ([], [], [])),
        ("receiver empty", ([], mixed(0, 20), mixed(0, 20))),
        ("first sender empty", (mixed(0, 20), [], mixed(0, 20))),
        ("last sender empty", (mixed(0, 20), mixed(0, 20), [])),
        ("all senders empty", (mixed(0, 20), [], [])),
        ("equal", (mixed(0, 20), mixed(0, 20), list(range(20)))),
        ("disjoint", (mixed(0, 20), mixed(20, 40), mixed(40, 60))),
        ("in pairs only", (mixed(0, 20), mixed(10, 30), [*mixed(0, 10), *mixed(20, 30)])),
        ("senders equal, receiver apart", (mixed(0, 20), mixed(20, 40), mixed(20, 40))),
        ("one each, equal", ([7], [7], [7])),
        ("one each, one differs", ([7], [7], [8])),
        ("very unequal", ([3, 150, 99], mixed(0, 160), [3, 99, 200])),
        ("whole chunks", (mixed(0, 32), mixed(0, 48), mixed(16, 32))),
        ("one more than whole chunks", (mixed(0, 33), mixed(0, 49), mixed(16, 33))),
        ("four parties", (mixed(0, 40), mixed(5, 45), mixed(10, 50), mixed(15, 55))),
        ("four, one empty", (mixed(0, 20), mixed(0, 20), [], mixed(0, 20))),
        ("four, all but one agree", (mixed(0, 9), mixed(0, 9), mixed(0, 9), mixed(9, 18))),
        ("five parties", (mixed(0, 12), mixed(1, 13), mixed(2, 14), mixed(3, 15), mixed(4, 16))),
    )
]


def wanted(sets) -> list[int]:
    """Return the positions in the receiver's set of what all have."""
    return [i for i, n in enumerate(sets[0]) if all(n in own for own in sets)]


def play(protocol, sets, params=PARAMS, **how) -> list[Member]:
    return run_circle(protocol, params, CTX, [digests(list(own)) for own in sets], **how)


# Results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sets", SCENARIOS)
def test_members_are_exactly_the_intersection_of_all(sets, backend):
    played = play(ring.members(backend), sets)
    assert played[0].matched() == wanted(sets)
    assert played[0].output == Members(len(wanted(sets)))
    assert [m.output for m in played[1:]] == [SenderDone(len(sets[0]))] * (len(sets) - 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sets", SCENARIOS)
def test_cardinality_is_exactly_the_size_of_the_intersection_of_all(sets, backend):
    played = play(ring.cardinality(backend), sets)
    assert played[0].output == Cardinality(len(wanted(sets)))
    assert [m.output for m in played[1:]] == [SenderDone(len(sets[0]))] * (len(sets) - 1)
    assert "matched" not in played[0].chunks


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("order", ["a", "b", "c", "d"])
def test_every_interleaving_gives_the_same_messages(protocol, order):
    sets = (range(20), range(5, 25), range(10, 30), range(40))
    usual, other = play(protocol, sets), play(protocol, sets, order=order)
    for one, again in zip(usual, other, strict=True):
        for to in one.place.others():
            assert one.told(to) == again.told(to)
    assert usual[0].output == other[0].output


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("tag_bytes", [10, 16])
def test_other_tags_and_chunks_give_the_same(protocol, tag_bytes):
    params = PsiParams(50, 7, tag_bytes, strict=True)
    played = play(protocol, (range(30), range(20, 45), range(15, 35)), params)
    assert played[0].output.count == 10


# What each party sees


def said_to(members: list[Member], party: int) -> list[tuple[int, object]]:
    return [
        (other.place.number, decode(other.protocol.messages, message))
        for other in members
        if other.place.number != party
        for message in other.told(party)
    ]


def shape(message) -> tuple:
    data = getattr(message, "points", getattr(message, "data", b""))
    return message.KIND, getattr(message, "owner", -1), getattr(message, "index", -1), len(data)


@pytest.mark.parametrize("protocol", BOTH)
def test_no_match_changes_a_size_or_a_number_of_messages(protocol):
    shapes = set()
    for sets in (
        (range(20), range(20), range(20)),
        (range(20), range(20, 40), range(40, 60)),
        (range(20), range(20, 40), range(20, 40)),
        (range(20), range(20), range(20, 40)),
    ):
        played = play(protocol, sets)
        shapes.add(tuple((i, n, shape(m)) for i in range(3) for n, m in said_to(played, i)))
    assert len(shapes) == 1


def rows_of(messages) -> list[tuple[int, bytes]]:
    """Return the owner and the point of everything that was passed."""
    return [
        (m.owner, m.points[i : i + 32])
        for _, m in messages
        if isinstance(m, Passed)
        for i in range(0, len(m.points), 32)
    ]


@pytest.mark.parametrize("protocol", BOTH)
def test_a_sender_sees_no_point_twice_even_under_its_own_scalars(protocol):
    """Everybody has the same items, and still nothing that one sender can compute coincides."""
    played = play(protocol, [range(12)] * 4)
    for sender in (1, 2, 3):
        run = last_run(played[sender])
        seen = [row for _, row in rows_of(said_to(played, sender))]
        own = groups.hash_to_group(CTX, points_from_bytes(b"".join(digests(range(12)))), True)
        values = [*seen, *(row.tobytes() for row in own)]
        assert len(seen) == 4 * 12
        found = []
        scalars = (run.blind, run.key)
        for size in range(4):
            for chosen in itertools.combinations_with_replacement(scalars, size):
                rows = points_from_bytes(b"".join(values))
                for scalar in chosen:
                    rows = groups.evaluate(scalar, rows, backend=PYNACL)
                found += [row.tobytes() for row in rows]
        assert len(set(found)) == len(found)


def last_run(member: Member):
    return decode(STATES, member.state).known.run


def looked_up(played: list[Member], sender: int) -> list[bytes]:
    """Return what a sender's table gives for each item of the receiver."""
    receiver = played[0]
    total = decode(STATES, receiver.state).known.total(sender)
    named = b"".join(receiver.chunks[name] for name in sorted(receiver.chunks) if "mine" in name)
    names = sorted(name for name in receiver.chunks if name.startswith(f"table-{sender}/"))
    data = b"".join(receiver.chunks[name] for name in names)
    rows = ring_shares.looked_up(data, sender, named, total, PARAMS.tag_bytes)
    return [row.tobytes() for row in rows]


def xor(*rows: bytes) -> bytes:
    return bytes(np.bitwise_xor.reduce([np.frombuffer(row, dtype=np.uint8) for row in rows]))


def test_shares_of_fewer_than_all_senders_show_nothing():
    """Items that all, some or no senders have: only for the first do all shares cancel out, and
    no part of the shares does, so no intersection with some of the senders is seen."""
    sets = (range(40), [*range(20), *range(20, 30)], [*range(10), *range(20, 30)], range(25))
    played = play(ring.MEMBERS, sets)
    given = {sender: looked_up(played, sender) for sender in (1, 2, 3)}
    zero = bytes(PARAMS.tag_bytes)
    whole = [i for i in range(40) if xor(*(given[s][i] for s in given)) == zero]
    assert whole == wanted(sets)
    for size in (1, 2):
        for some in itertools.combinations(given, size):
            partial = [xor(*(given[s][i] for s in some)) for i in range(40)]
            assert zero not in partial
            assert len(set(partial)) == 40


def test_tables_of_two_senders_with_the_same_items_have_nothing_in_common():
    """Each share is under a mask of its own sender: tables that are related would show overlaps."""
    played = play(ring.MEMBERS, (range(3), range(30), range(30)))
    rows = []
    for sender in (1, 2):
        data = b"".join(
            m.data for n, m in said_to(played, 0) if n == sender and isinstance(m, Table)
        )[32:]
        rows.append([data[i : i + 12] for i in range(0, len(data), 12)])
    assert len(set(rows[0]) | set(rows[1])) == len(rows[0]) + len(rows[1])
    shares = [looked_up(played, sender) for sender in (1, 2)]
    assert shares[0] == shares[1]  # with two senders; that is what cancels out
    assert not set(shares[0]) & {*rows[0], *rows[1]}


def test_cardinality_shuffles_each_list_at_each_hop_and_members_none():
    """The same seed gives the same scalars, so only the order differs."""
    sets = (range(40), range(40), range(40))
    in_order, shuffled = (play(protocol, sets) for protocol in (ring.MEMBERS, ring.CARDINALITY))
    for party in range(3):
        plain = rows_of(said_to(in_order, party))
        moved = rows_of(said_to(shuffled, party))
        assert sorted(plain) == sorted(moved)
        for owner in range(3):
            before = [row for o, row in plain if o == owner]
            after = [row for o, row in moved if o == owner]
            hop = (party - owner) % 3 if owner == 0 else (party - owner) % 2
            direct = (owner == 0 and party == 1) or (owner != 0 and hop == 1)
            if before and direct:
                assert before == after
            elif before:
                assert max(abs(after.index(row) - i) for i, row in enumerate(before)) > CHUNK_ITEMS


def test_runs_share_no_bytes():
    seen: set[bytes] = set()
    for seed in ("a", "b"):
        played = play(ring.MEMBERS, [range(10)] * 3, seed=seed)
        rows = {row for i in range(3) for _, row in rows_of(said_to(played, i))}
        assert not rows & seen
        seen |= rows


def test_scalars_are_not_shown():
    transition = ring.MEMBERS.begin(Place(1, 3), PARAMS, CTX, Items(0, CHUNK_ITEMS), seeded("x"))
    assert isinstance(transition, Continue)
    for name in ("blind", "key", "ephemeral"):
        assert name not in repr(transition.state)


# Attacks


class Lone:
    """A party whose peers are the test."""

    def __init__(self, protocol, number, own, params=PARAMS, ctx=CTX, parties=3):
        items, self.chunks = items_of(own, params.chunk_items)
        self.protocol, self.rng = protocol, seeded(f"lone/{number}")
        given = params_of(protocol, params)
        self.transition = protocol.begin(Place(number, parties), given, ctx, items, self.rng)

    def drain(self) -> list:
        said = []
        while isinstance(self.transition, Continue):
            said.append((self.transition.to, self.transition.message))
            self._step(None)
        return said

    def take(self, message) -> None:
        self._step(encode(message))

    def _step(self, message) -> None:
        self.transition = self.protocol.resume(
            encode(self.transition.state), message, self.chunks.__getitem__, self.rng
        )
        self.chunks.update(self.transition.keep)


def until(protocol, number: int, state: type) -> tuple[Lone, object]:
    """Return a party that awaits a message in that state, and the message that is due."""
    lones = [Lone(protocol, i, digests(range(20))) for i in range(3)]
    queues = {(i, j): [] for i in range(3) for j in range(3)}
    while True:
        for i, lone in enumerate(lones):
            for to, message in lone.drain():
                queues[i, to].append(message)
            assert isinstance(lone.transition, Wait)
            inbox = queues[lone.transition.sender, i]
            if inbox and i == number and isinstance(lone.transition.state, state):
                return lone, inbox[0]
            if inbox:
                lone.take(inbox.pop(0))


AWAITING = [(0, ReceiverCollecting), (1, Relaying), (2, Relaying), (1, SenderCollecting)]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("number", "state"), [*AWAITING, (0, Gathering)])
def test_chunks_out_of_turn_short_or_long_are_refused(protocol, number, state):
    lone, message = until(protocol, number, state)
    before = lone.transition
    name = "data" if isinstance(message, Table) else "points"
    data = getattr(message, name)
    for change, error in (
        ({"index": 1}, UnexpectedMessage),
        ({"index": -1}, UnexpectedMessage),
        ({name: data[:-1]}, MalformedMessage),
        ({name: data + data[:32]}, MalformedMessage),
        ({name: b""}, MalformedMessage),
    ):
        lone.transition = before
        with pytest.raises(error):
            lone.take(dataclasses.replace(message, **change))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("number", "state"), AWAITING)
def test_a_list_of_another_owner_is_refused(protocol, number, state):
    lone, message = until(protocol, number, state)
    for owner in {0, 1, 2, 3, -1} - {message.owner}:
        with pytest.raises(UnexpectedMessage):
            lone.take(dataclasses.replace(message, owner=owner))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("number", "state"), AWAITING)
@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, 2**255, 2**254 - 9])
def test_small_order_and_structured_points_are_refused(protocol, number, state, u):
    lone, message = until(protocol, number, state)
    rows = bytearray(message.points)
    rows[32 * 5 : 32 * 6] = u.to_bytes(32, "little")
    with pytest.raises(InvalidElement):
        lone.take(dataclasses.replace(message, points=bytes(rows)))


def test_an_item_marked_by_sending_it_in_several_chunks_is_refused():
    """Its number in the shuffled list would tell which item it is."""
    lone, message = until(ring.CARDINALITY, 1, Relaying)
    rows = points(20)
    lone.take(dataclasses.replace(message, points=rows[:16].tobytes()))
    twice = np.concatenate([rows[16:19], rows[:1]])
    with pytest.raises(InvalidElement):
        lone.take(dataclasses.replace(message, index=1, points=twice.tobytes()))


@pytest.mark.parametrize("number", [0, 1])
def test_a_list_that_comes_back_with_an_item_twice_is_refused(number):
    lone, message = until(
        ring.MEMBERS, number, ReceiverCollecting if number == 0 else SenderCollecting
    )
    rows = points(20)
    lone.take(dataclasses.replace(message, points=rows[:16].tobytes()))
    twice = np.concatenate([rows[16:19], rows[:1]])
    lone.take(dataclasses.replace(message, index=1, points=twice.tobytes()))
    # What cannot be seen at once is seen where the list is used.
    with pytest.raises(InvalidElement):
        play_on(lone)


def play_on(lone: Lone) -> None:
    """Bring a party whatever is due, until it has finished."""
    while True:
        lone.drain()
        state = lone.transition.state
        if isinstance(state, Relaying):
            size = 4 if state.next else 16
            lone.take(Passed(0, state.next, points(size, f"due {state.next}").tobytes()))
        else:
            run = state.known.run
            left = run.table_bytes(20) - state.next * run.table_chunk_bytes()
            lone.take(Table(state.next, bytes(min(left, run.table_chunk_bytes()))))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_reflected_message_is_refused(protocol, number):
    lone = Lone(protocol, number, digests(range(5)))
    for _, own in lone.drain():
        with pytest.raises(ContextMismatch):
            lone.take(own)


@pytest.mark.parametrize("protocol", BOTH)
def test_an_opening_of_another_party_or_to_another_is_refused(protocol):
    lone = Lone(protocol, 0, [])
    lone.drain()
    to = dict(Lone(protocol, 2, []).drain())
    assert isinstance(lone.transition, Wait)
    assert lone.transition.sender == 1
    with pytest.raises(ContextMismatch):
        lone.take(to[0])
    other = Lone(protocol, 1, [])
    other.drain()
    to_third = dict(Lone(protocol, 0, []).drain())[2]
    with pytest.raises(ContextMismatch):
        other.take(to_third)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}, {"parties": 4}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (("max_items", 499), ("tag_bytes", 11))
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(protocol, change):
    lone = Lone(protocol, 1, digests(range(5)), **change)
    lone.drain()
    opening = dict(Lone(protocol, 0, digests(range(5))).drain())[1]
    with pytest.raises(ContextMismatch):
        lone.take(opening)


@pytest.mark.parametrize("protocol", BOTH)
def test_more_items_than_agreed_and_odd_public_keys_are_refused(protocol):
    lone = Lone(protocol, 0, [])
    lone.drain()
    before = lone.transition
    assert isinstance(before.state, Hearing)
    opening = dict(Lone(protocol, 1, []).drain())[0]
    assert isinstance(opening, Opening)
    for change, error in (
        ({"total": 501}, TooManyElements),
        ({"total": 2**63}, TooManyElements),
        ({"total": -1}, MalformedMessage),
        ({"public": b""}, MalformedMessage),
        ({"public": bytes(31)}, MalformedMessage),
        ({"public": bytes(32)}, InvalidElement),
        ({"public": b"\xff" * 32}, InvalidElement),
    ):
        lone.transition = before
        with pytest.raises(error):
            lone.take(dataclasses.replace(opening, **change))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("fault", ["lose", "repeat"])
def test_a_message_lost_or_repeated_leaves_the_run_without_a_result(protocol, fault):
    for nth in (3, 9, 14, 20):
        count = itertools.count()

        def deliver(sender, to, message, count=count, nth=nth):
            if next(count) != nth:
                return [message]
            return [] if fault == "lose" else [message, message]

        with pytest.raises((Stalled, TranscriptsDiffer, ProtocolError)):
            play(protocol, [range(20)] * 3, deliver=deliver)


def test_a_done_before_its_time_is_refused():
    lone, _ = until(ring.MEMBERS, 1, Relaying)
    with pytest.raises(UnexpectedMessage):
        lone.take(Done())


# Our own mistakes


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize(
    ("items", "ctx", "params"),
    [
        (Items(501, CHUNK_ITEMS), CTX, PARAMS),
        (Items(-1, CHUNK_ITEMS), CTX, PARAMS),
        (Items(5, CHUNK_ITEMS + 1), CTX, PARAMS),
        (Items(5, CHUNK_ITEMS), CTX[:-1], PARAMS),
        (Items(5, CHUNK_ITEMS), CTX, dataclasses.replace(PARAMS, strict=False)),
        (Items(5, CHUNK_ITEMS), CTX, Items(5, CHUNK_ITEMS)),
    ],
)
def test_input_that_does_not_fit_the_parameters_is_refused(protocol, number, items, ctx, params):
    with pytest.raises(InvalidParameter):
        protocol.begin(Place(number, 3), params_of(protocol, params), ctx, items, seeded("x"))


@pytest.mark.parametrize(("number", "parties"), [(0, 2), (3, 3), (-1, 3), (0, 17)])
def test_a_place_that_is_not_there_is_refused(number, parties):
    with pytest.raises(InvalidParameter):
        Place(number, parties)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("chunk", [b"", bytes(32 * 4), b"a" * 32 * 5])
def test_an_input_chunk_that_is_short_or_has_duplicates_is_refused(protocol, number, chunk):
    lones = [Lone(protocol, i, digests(range(5))) for i in range(3)]
    said = [dict(lone.drain()) for lone in lones]
    lones[number].chunks["own/00000"] = chunk
    first, second = (i for i in range(3) if i != number)
    lones[number].take(said[first][number])
    with pytest.raises(LocalError):
        lones[number].take(said[second][number])


def test_every_record_kind_is_unique():
    for protocol in (ring.MEMBERS, ring.CARDINALITY):
        records = (protocol.params, *protocol.messages, *protocol.states, *protocol.outputs)
        assert len({record.KIND for record in records}) == len(records)


# Dummies


def held(number: int, n: int, senders: int, tossed: list[int]) -> set[int]:
    """Return which dummies a party holds: all but those of its own whose coin fell otherwise."""
    mine = padding.tossed_by(number, senders, n)
    return {i for i in range(n) if i not in mine or i in tossed}


def test_a_count_with_dummies_is_off_by_what_all_senders_tossed():
    params = RowParams(500, CHUNK_ITEMS, 12, dummies=12)
    known = [bytes(row) for row in padding.dummies(CTX, 12)]
    heads = [0, 1, 4, 7, 8, 9, 10]
    people = [digests(list(own)) for own in (range(9), range(3, 12), range(5, 30), range(8))]
    sets = [
        own + [known[i] for i in sorted(held(number, 12, 3, heads))]
        for number, own in enumerate(people)
    ]
    played = run_circle(ring.CARDINALITY, params, CTX, sets)
    assert played[0].output == Cardinality(3 + len(heads) - 6)


@pytest.mark.parametrize(
    "params",
    [
        RowParams(500, CHUNK_ITEMS, 12, dummies=8),
        RowParams(500, CHUNK_ITEMS, 12, per_person=2),
        PARAMS,
    ],
)
def test_dummies_that_cannot_be_shared_out_and_rows_of_several_items_are_refused(params):
    with pytest.raises(InvalidParameter):
        ring.CARDINALITY.begin(Place(1, 4), params, CTX, Items(0, CHUNK_ITEMS), seeded("x"))
