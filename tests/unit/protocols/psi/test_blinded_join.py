"""The blinded join: what comes out, what each side sees, and what it refuses."""

import dataclasses
from collections import Counter

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
    TooManyElements,
    UnexpectedMessage,
)
from protocols.groups import P, points_from_bytes
from protocols.ladder import PYNACL
from protocols.psi.blinded_join import BLINDED_JOIN, blinded_join
from protocols.psi.blinded_join_records import (
    MESSAGES,
    GroupedItems,
    JoinedRows,
    JoinOpening,
    JoinParams,
    RowsShown,
)
from protocols.psi.blinded_join_states import STATES, PartnerCollecting, progress
from protocols.psi.dh_records import Blinded, Done, Evaluated
from protocols.session import Items, Progress, Role, Wait
from tests.support.aligned_runs import grouped, groups_of, join_params, play_join
from tests.support.backends import BACKENDS
from tests.support.one_side import OneSide
from tests.support.pair import CTX, Side
from tests.support.scenarios import CHUNK_ITEMS, SCENARIOS, Scenario
from tests.support.seeded import digests, points, seeded

PARAMS = join_params(1)
SETS = (range(10), range(10, 40), range(40, 44))


def split(people: list[int]) -> list[list[int]]:
    """Return these people in three groups; the second is often empty."""
    third = len(people) // 3
    return [people[:third], people[third : third + third // 2], people[third + third // 2 :]]


# Results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_row_gets_the_group_of_its_person(scenario: Scenario, backend):
    mine = split(scenario.receiver)
    played = play_join(mine, scenario.sender, protocol=blinded_join(backend))
    group_of = {n: g for g, group in enumerate(mine, 1) for n in group}
    expected = [group_of.get(n, 0) for n in scenario.sender]
    assert groups_of(played.receiver) == expected
    counts = Counter(expected)
    assert played.receiver.output == JoinedRows(
        len(scenario.sender), (counts[1], counts[2], counts[3])
    )
    assert played.sender.output == RowsShown(len(scenario.sender), tuple(map(len, mine)))


@pytest.mark.parametrize("tag_bytes", [10, 16])
@pytest.mark.parametrize("chunk_items", [1, 7, 200])
def test_other_tags_and_chunks_give_the_same(tag_bytes, chunk_items):
    params = join_params(3, tag_bytes=tag_bytes, chunk_items=chunk_items)
    played = play_join(SETS, range(5, 30), params)
    assert groups_of(played.receiver) == [1] * 5 + [2] * 20


def test_256_groups_have_numbers_of_their_own():
    mine = [[n] for n in range(256)]
    played = play_join(mine, [255, 300, 0, 254], join_params(256))
    assert groups_of(played.receiver) == [256, 0, 1, 255]


def test_an_input_without_groups_is_one_group():
    played = play_join([range(20)], range(15, 30))
    plain = play_join([range(20)], range(15, 30), protocol=BLINDED_JOIN)
    assert groups_of(played.receiver) == groups_of(plain.receiver) == [1] * 5 + [0] * 10


# People with several identifiers each


def in_rows(*rows: tuple[int, int]) -> list[int]:
    return [n for row in rows for n in row]


def test_people_match_by_any_identifier_and_count_once():
    mine = [in_rows((1, 2), (3, 4)), in_rows((5, 6))]
    theirs = in_rows((2, 99), (6, 5), (98, 97), (4, 3))
    params = join_params(2, per_person=2)
    halved = grouped(BLINDED_JOIN, (2, 1))
    played = play_join([[n for group in mine for n in group]], theirs, params, halved)
    # `play_join` would take the items for rows: the inner protocol has the sizes that count.
    assert groups_of(played.receiver) == [1, 2, 0, 1]
    assert played.receiver.output == JoinedRows(4, (2, 1))
    assert played.sender.output == RowsShown(4, (2, 1))


def test_somebody_who_meets_two_goes_with_one_of_them():
    mine = in_rows((1, 2), (3, 4))
    theirs = in_rows((1, 98), (2, 99), (3, 4))
    protocol = grouped(BLINDED_JOIN, (2,))
    for seed in "abcd":
        played = play_join([mine], theirs, join_params(1, per_person=2), protocol, seed=seed)
        assert groups_of(played.receiver) in ([1, 0, 1], [0, 1, 1])
        assert played.receiver.output.matched == (2,)


def test_a_row_that_meets_two_groups_is_in_one():
    protocol = grouped(BLINDED_JOIN, (1, 1))
    params = join_params(2, per_person=2)
    played = play_join([in_rows((1, 2), (3, 4))], in_rows((1, 3)), params, protocol)
    assert sum(played.receiver.output.matched) == 1
    assert groups_of(played.receiver) in ([1], [2])


# What crosses the wire, and what each side sees


def said(side: Side) -> list:
    return [decode(MESSAGES, m) for m in side.sent]


def test_the_arrows_are_those_of_the_diagram():
    played = play_join(SETS, range(20))
    assert [type(m) for m in said(played.receiver)] == [JoinOpening, *[Blinded] * 3, Done]
    assert [type(m) for m in said(played.sender)] == [JoinOpening, *[Evaluated] * 3, *[Blinded] * 2]


def returned(side: Side) -> list[bytes]:
    return returned_by(said(side))


def in_order(played) -> list[bytes]:
    """Return the tags of the brand's items in its own order, as only both sides together could."""
    sent = b"".join(m.points for m in said(played.receiver) if isinstance(m, Blinded))
    scalar = decode(STATES, played.sender.state).run.scalar
    rows = groups.evaluate(scalar, points_from_bytes(sent), backend=PYNACL)
    return [row.tobytes()[:12] for row in rows]


def test_groups_come_back_each_in_an_order_of_its_own_and_stay_apart():
    played = play_join(SETS, range(20))
    before, after = in_order(played), returned(played.sender)
    first = 0
    for group in SETS:
        part = slice(first, first + len(group))
        assert sorted(after[part]) == sorted(before[part])
        first += len(group)
    assert after[:10] != before[:10]
    assert after[10:40] != before[10:40]
    moved = [abs(after.index(tag) - i) for i, tag in enumerate(before)]
    assert max(moved) > CHUNK_ITEMS


@pytest.mark.slow
def test_every_order_within_a_group_is_equally_likely():
    """Chi-squared over the 24 orders of four: above 52 once in 2,000 (fixed seeds)."""
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(1200):
        played = play_join([range(4)], [9], join_params(1), seed=str(seed))
        before = in_order(played)
        seen[tuple(before.index(tag) for tag in returned(played.sender))] += 1
    assert len(seen) == 24
    assert sum((n - 50) ** 2 / 50 for n in seen.values()) < 52


def shapes(side: Side) -> list:
    return [
        (m.KIND, getattr(m, "index", -1), len(getattr(m, "points", getattr(m, "tags", b""))))
        for m in said(side)
    ]


def test_a_match_changes_nothing_that_the_partner_sees():
    seen = {
        (*shapes(played.receiver), *shapes(played.sender))
        for played in (
            play_join(SETS, theirs)
            for theirs in (range(50, 70), range(20), range(30, 50), range(43, 63))
        )
    }
    assert len(seen) == 1


def applied(scalar: bytes, times: int, rows: np.ndarray) -> set[bytes]:
    """Return the tags of points that a scalar is applied to, up to so many times."""
    found, here = set(), rows
    for left in range(times, -1, -1):
        found |= {row.tobytes()[:12] for row in here}
        here = groups.evaluate(scalar, here, backend=PYNACL) if left else here
    return found


def points_of(side: Side) -> np.ndarray:
    data = b"".join(m.points for m in said(side) if isinstance(m, Blinded))
    return points_from_bytes(data)


def test_neither_side_can_bring_its_own_items_together_with_what_it_hears():
    """Not with up to three uses of its scalar on either: only the shuffled tags meet the rows."""
    played = play_join(SETS, range(20))
    run = decode(STATES, played.receiver.state).run
    own = groups.hash_to_group(
        run.ctx, points_from_bytes(b"".join(digests(range(44)))), True, backend=PYNACL
    )
    rows = applied(run.scalar, 3, points_of(played.sender))
    tags = set(returned(played.sender))
    mine = applied(run.scalar, 3, own)
    assert not mine & rows
    assert not mine & tags
    assert len(tags & rows) == 20
    at_partner = decode(STATES, played.sender.state).run
    theirs = applied(at_partner.scalar, 3, own[:20])
    assert not theirs & applied(at_partner.scalar, 3, points_of(played.receiver))


def test_rows_of_two_runs_have_nothing_in_common():
    seen: set[bytes] = set()
    for seed in ("a", "b"):
        played = play_join([range(10)], range(20), seed=seed)
        data = b"".join(m.points for m in said(played.sender) if isinstance(m, Blinded))
        rows = {data[i : i + 32] for i in range(0, len(data), 32)}
        assert len(rows) == 20
        assert not rows & seen
        seen |= rows


def test_the_partner_ends_without_anything_about_matches():
    played = play_join(SETS, range(20))
    assert groups_of(played.sender) == []
    assert not hasattr(played.sender.output, "matched")


def test_a_scalar_is_not_shown():
    begun = BLINDED_JOIN.begin(Role.RESPONDER, PARAMS, CTX, Items(0, CHUNK_ITEMS), seeded("x"))
    assert isinstance(begun, Wait)
    assert "scalar" not in repr(begun)


# Attacks


def partner(params: JoinParams = PARAMS, rows: int = 5) -> OneSide:
    return OneSide(BLINDED_JOIN, Role.RESPONDER, digests(range(rows)), params)


def brand(params: JoinParams = PARAMS, items: int = 20) -> OneSide:
    return OneSide(BLINDED_JOIN, Role.INITIATOR, digests(range(items)), params)


def opening_of(side: OneSide) -> JoinOpening:
    return side.transition.message


def collecting_partner(total: int = 20, params: JoinParams = PARAMS) -> OneSide:
    side = partner(params)
    side.tell(opening_of(brand(params, total)))
    assert isinstance(side.transition.state, PartnerCollecting)
    return side


def blinded(rows, index: int = 0, by: Role = Role.INITIATOR) -> Blinded:
    return Blinded(by, index, np.ascontiguousarray(rows).tobytes())


def test_reflected_message_is_refused():
    side = brand()
    for own in [*side.drain(), opening_of(brand())]:
        with pytest.raises((ContextMismatch, UnexpectedMessage)):
            side.take(own)
    with pytest.raises(UnexpectedMessage):
        collecting_partner().take(blinded(points(16), by=Role.RESPONDER))


@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, 2**255, 2**254 - 9])
def test_small_order_points_are_refused(u):
    rows = points(16).copy()
    rows[11] = np.frombuffer(u.to_bytes(32, "little"), dtype=np.uint8)
    with pytest.raises(InvalidElement):
        collecting_partner().take(blinded(rows))


def test_an_item_marked_by_sending_it_twice_is_refused():
    """Its number in the shuffled group would tell which item it is."""
    side = collecting_partner()
    rows = points(20)
    side.take(blinded(rows[:16]))
    with pytest.raises(InvalidElement):
        side.take(blinded(np.concatenate([rows[16:19], rows[:1]]), index=1))


def test_nothing_comes_back_before_everything_is_there():
    side, other = collecting_partner(40), brand(items=40)
    outgoing = [m for m in other.drain() if isinstance(m, Blinded)]
    assert side.tell(*outgoing[:2]) == []
    answers = side.tell(outgoing[2])
    assert [type(m) for m in answers] == [Evaluated] * 3 + [Blinded]


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ((), MalformedMessage),
        ((50,), MalformedMessage),
        ((50, 50, 50), MalformedMessage),
        ((99, 1), MalformedMessage),
        ((101, -1), MalformedMessage),
        ((-5, 5), MalformedMessage),
        ((250, 251), TooManyElements),
        ((2**63, 2**63), TooManyElements),
    ],
)
def test_a_group_of_one_among_others_is_refused_and_so_are_other_sizes(sizes, error):
    params = join_params(2, least_group=50)
    side = partner(params)
    shown = JoinOpening(collecting_check(params), sizes)
    with pytest.raises(error):
        side.take(shown)


def collecting_check(params: JoinParams) -> bytes:
    """Return the check of a brand's opening."""
    protocol = grouped(BLINDED_JOIN, (100, 100))
    return opening_of(OneSide(protocol, Role.INITIATOR, digests(range(200)), params)).check


@pytest.mark.parametrize("size", [9_999, 10_000])
def test_small_groups_need_strict_hashing(size):
    """Otherwise one bit of an item would halve them."""
    params = JoinParams(20_000, 512, 12, strict=False, least_group=0)
    begin = BLINDED_JOIN.begin
    if size < 10_000:
        with pytest.raises(InvalidParameter):
            begin(Role.INITIATOR, params, CTX, Items(size, 512), seeded("x"))
    else:
        assert begin(Role.INITIATOR, params, CTX, Items(size, 512), seeded("x")).message.sizes
    side = partner(params, rows=0)
    other = begin(Role.INITIATOR, params, CTX, Items(10_000, 512), seeded("y"))
    shown = dataclasses.replace(other.message, sizes=(size,))
    if size < 10_000:
        with pytest.raises(MalformedMessage):
            side.take(shown)
    else:
        side.take(shown)


@pytest.mark.parametrize("sizes", [(), (3, 3), (-1,), (501,)])
def test_other_numbers_of_rows_are_refused(sizes):
    side = brand()
    side.drain()
    other = partner()
    other.take(opening_of(brand()))
    (answer,) = [other.transition.message]
    with pytest.raises((MalformedMessage, TooManyElements)):
        side.take(dataclasses.replace(answer, sizes=sizes))


@pytest.mark.parametrize("count", [0, 15, 17])
def test_a_chunk_of_another_length_is_refused(count):
    with pytest.raises(MalformedMessage):
        collecting_partner().take(blinded(points(count)))


@pytest.mark.parametrize("index", [1, -1, 2**40])
def test_a_chunk_out_of_turn_is_refused(index):
    with pytest.raises(UnexpectedMessage):
        collecting_partner().take(blinded(points(16), index=index))


@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (("max_items", 499), ("tag_bytes", 11), ("least_group", 2))
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(change):
    side = OneSide(BLINDED_JOIN, Role.RESPONDER, digests(range(5)), **{"params": PARAMS, **change})
    with pytest.raises(ContextMismatch):
        side.take(opening_of(brand()))


def test_a_row_that_comes_twice_is_refused():
    side = brand(items=0)
    side.drain()
    other = partner(rows=20)
    said_by_partner = other.tell(opening_of(brand(items=0)))
    rows = points(20)
    side.take(said_by_partner[0])
    side.take(blinded(rows[:16], by=Role.RESPONDER))
    twice = np.concatenate([rows[16:19], rows[:1]])
    with pytest.raises(InvalidElement):
        side.take(blinded(twice, index=1, by=Role.RESPONDER))


def test_a_partner_that_returns_a_tag_twice_is_refused():
    """It would count one match for two."""
    side = brand(items=16)
    outgoing = side.drain()
    other = partner(rows=3)
    answers = other.tell(*outgoing)
    side.take(answers[0])
    tags = answers[1].tags
    side.take(dataclasses.replace(answers[1], tags=tags[:12] + tags[:-12]))
    with pytest.raises(InvalidElement):
        side.take(answers[2])


def test_a_brand_that_marks_an_item_by_another_scalar_is_not_seen():
    """A known limit, said in `docs/spec/alignment.md`: both sides must follow the protocol."""
    side, other = partner(rows=5), brand(items=16)
    outgoing = other.drain()
    ctx, mark = other.transition.state.run.ctx, bytes(range(32))
    marked = groups.hash_to_group(
        ctx, points_from_bytes(digests(range(3, 4))[0]), True, backend=PYNACL
    )
    sent = bytearray(outgoing[1].points)
    sent[3 * 32 : 4 * 32] = groups.evaluate(mark, marked, backend=PYNACL).tobytes()
    answers = side.tell(outgoing[0], dataclasses.replace(outgoing[1], points=bytes(sent)))
    rows = groups.evaluate(mark, points_from_bytes(answers[2].points), backend=PYNACL)
    met = [i for i, row in enumerate(rows) if row.tobytes()[:12] in returned_by(answers)]
    assert met == [3]


def returned_by(answers: list) -> list[bytes]:
    tags = b"".join(m.tags for m in answers if isinstance(m, Evaluated))
    return [tags[i : i + 12] for i in range(0, len(tags), 12)]


# Our own mistakes


@pytest.mark.parametrize(
    ("sizes", "error"),
    [((5, 14), LocalError), ((20,), InvalidParameter), ((19, 1), InvalidParameter)],
)
def test_groups_that_do_not_fit_are_not_begun(sizes, error):
    params = join_params(2, least_group=2)
    given = GroupedItems(20, CHUNK_ITEMS, sizes)
    with pytest.raises(error):
        BLINDED_JOIN.begin(Role.INITIATOR, params, CTX, given, seeded("x"))


def test_rows_of_the_partner_are_in_no_groups():
    given = GroupedItems(20, CHUNK_ITEMS, (10, 10))
    with pytest.raises(InvalidParameter):
        BLINDED_JOIN.begin(Role.RESPONDER, join_params(2), CTX, given, seeded("x"))


def test_an_input_of_half_rows_is_refused():
    for role in Role:
        with pytest.raises(LocalError):
            BLINDED_JOIN.begin(
                role, join_params(1, per_person=3), CTX, Items(20, CHUNK_ITEMS), seeded("x")
            )


@pytest.mark.parametrize(
    "change",
    [{"groups": 0}, {"groups": 257}, {"least_group": -1}, {"least_group": 501},
     {"per_person": 0}, {"per_person": 17}, {"tag_bytes": 9}],
)  # fmt: skip
def test_parameters_outside_their_range_are_refused(change):
    with pytest.raises(InvalidParameter):
        join_params(**change)


def test_other_parameters_are_refused():
    with pytest.raises(InvalidParameter):
        BLINDED_JOIN.begin(Role.INITIATOR, Items(0, 1), CTX, Items(0, CHUNK_ITEMS), seeded("x"))


def test_parameters_of_a_job_ask_for_groups_that_hide():
    params = JoinParams.for_job()
    assert params.least == 10_000
    assert params.strictly().least == 1000


# Progress


@pytest.mark.parametrize(("mine", "theirs"), [(30, 20), (20, 30), (1, 17), (0, 9), (9, 0)])
def test_progress_only_grows_and_ends_with_both_lists(mine, theirs):
    steps: dict[Role, list[Progress]] = {role: [] for role in Role}

    def step(state, message, fetch, rng):
        role = Role.INITIATOR if "brand" in state.KIND else Role.RESPONDER
        steps[role].append(progress(state))
        return BLINDED_JOIN.step(state, message, fetch, rng)

    play_join([range(mine)], range(theirs), protocol=dataclasses.replace(BLINDED_JOIN, step=step))
    for role, of_peer in ((Role.INITIATOR, theirs), (Role.RESPONDER, mine)):
        done = [p.done for p in steps[role]]
        assert done == sorted(done)
        assert {p.total + p.per_peer_row * of_peer for p in steps[role]} == {mine + theirs}
    assert steps[Role.RESPONDER][-1] == Progress(mine + theirs, mine + theirs)


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        progress(PARAMS)
