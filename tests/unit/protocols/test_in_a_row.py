"""Two protocols in a row: one after the other, bound to one run, and resumed at every arrow.

The pair fixture takes every state and message through its encoding, so each run here is also one
that crashes and resumes between any two steps.
"""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import pytest

from protocols import in_a_row
from protocols.codec import Record, decode, encode
from protocols.errors import (
    ContextMismatch,
    InvalidParameter,
    LocalError,
    ProtocolError,
    UnexpectedMessage,
)
from protocols.in_a_row import (
    STATES,
    Begun,
    InFirst,
    InSecond,
    Turning,
    as_long_again,
    part_context,
    then,
)
from protocols.psi import dh, ot
from protocols.psi.blinded_join_records import GroupedItems
from protocols.psi.chunks import own
from protocols.psi.params import Members, OtParams, PsiParams, SenderDone
from protocols.session import Continue, Finish, Items, Progress, Role, Wait
from protocols.sums.ahead import over_partners_rows, weight
from protocols.sums.alignment_params import JoinSumParams
from protocols.sums.composed import over_join, over_labels, over_union
from protocols.sums.cot import SUMS as SUMS_COT
from tests.support.aligned_runs import (
    JOIN,
    LABELLED,
    UNION,
    join_params,
    play_sums_by_join,
    play_sums_by_labels,
    play_sums_by_union,
    sum_params,
)
from tests.support.clear_sums import CLEAR
from tests.support.one_side import OneSide
from tests.support.pair import CTX, Stalled, items_of, run_pair
from tests.support.seeded import digests, seeded


@dataclass(frozen=True, slots=True)
class Both(Record):
    """Parameters of members by psi-dh and then, of these alone, members by psi-ot."""

    KIND: ClassVar[str] = "test-both/1"
    first: PsiParams
    second: OtParams
    more: int = 0

    @property
    def chunk_items(self) -> int:
        return self.first.chunk_items


@dataclass(frozen=True, slots=True)
class Three(Record):
    """Parameters of both, and of members by psi-dh after that."""

    KIND: ClassVar[str] = "test-three/1"
    first: Both
    second: PsiParams
    chunk_items: int = 8


PARAMS = Both(PsiParams(60, 8, 12, strict=False), OtParams(60, 8, 12, 4096, 16))


def among_matches(before, output, fetch, rng):
    """Match again: the receiver brings what has matched, the sender everything."""
    data = b"".join(fetch(own(i)) for i in range(before.given.chunk_count()))
    rows = [data[i : i + 32] for i in range(0, len(data), 32)]
    if before.role is Role.INITIATOR:
        matched = fetch("matched")
        at = [int.from_bytes(matched[i : i + 4], "little") for i in range(0, len(matched), 4)]
        assert output == Members(len(at))
        rows = [rows[i] for i in at]
    items, laid = items_of(rows, 8)
    return items, laid | {"drawn": rng(4)}


def twice(second=ot.MEMBERS, convert=among_matches, first=dh.MEMBERS):
    return then(
        first,
        convert,
        second,
        params=Both,
        name="test-twice/1",
        title="",
        initiator_learns="",
        responder_learns="",
    )


TWICE = twice()
MINE, THEIRS = digests(range(20)), digests(range(12, 30))


# One after the other


def test_the_second_runs_on_what_the_first_found():
    played = run_pair(TWICE, PARAMS, CTX, MINE, THEIRS)
    assert played.receiver.output == Members(8)
    assert played.matched() == list(range(8))
    assert played.sender.output == SenderDone(8)
    kinds = [decode(TWICE.messages, m).KIND for m in played.receiver.sent]
    assert kinds[:2] == ["psi-dh-opening/1", "psi-dh-blinded/1"]
    assert kinds[4:6] == ["psi-dh-done/1", "psi-ot-opening/1"]
    assert kinds[-1] == "psi-ot-done/1"


@pytest.mark.parametrize(("mine", "theirs"), [(0, 0), (0, 9), (9, 0), (1, 1)])
def test_empty_sets_go_through_too(mine, theirs):
    played = run_pair(TWICE, PARAMS, CTX, digests(range(mine)), digests(range(theirs)))
    assert played.receiver.output == Members(min(mine, theirs))


def test_three_in_a_row_are_two_in_a_row_twice():
    three = then(
        TWICE, among_matches, dh.MEMBERS, params=Three,
        name="test-three/1", title="", initiator_learns="", responder_learns="",
    )  # fmt: skip
    played = run_pair(three, Three(PARAMS, PARAMS.first), CTX, MINE, THEIRS)
    assert played.receiver.output == Members(8)


def test_a_run_that_stopped_at_any_arrow_goes_on_from_what_was_stored():
    """What a step did before a crash that lost it is done again, with other randomness."""
    lost = []

    def step(state, message, fetch, rng):
        before = encode(state)
        first = TWICE.step(state, message, fetch, seeded(b"lost" + before))
        lost.append(type(first))
        return TWICE.step(decode(STATES, before), message, fetch, rng)

    resumed = dataclasses.replace(TWICE, step=step)
    played = run_pair(resumed, PARAMS, CTX, MINE, THEIRS)
    assert played.receiver.output == Members(8)
    assert {Wait, Continue, Finish} <= set(lost)


def test_a_crash_at_the_turn_finds_all_of_it_or_nothing():
    """Everything that the second part reads is kept in the step that enters it."""
    seen = []

    def step(state, message, fetch, rng):
        transition = TWICE.step(state, message, fetch, rng)
        after = getattr(transition, "state", None)
        if isinstance(after, InSecond) and not isinstance(state, InSecond):
            seen.append((type(state), transition.keep))
        return transition

    run_pair(dataclasses.replace(TWICE, step=step), PARAMS, CTX, MINE, THEIRS)
    assert [state for state, _ in seen] == [Turning, InFirst]
    for (_, keep), count in zip(seen, (8, 18), strict=True):
        assert (
            len(b"".join(data for name, data in keep.items() if name[:4] == "own/")) == 32 * count
        )
        assert len(keep["drawn"]) == 4


# One run


def test_parts_have_contexts_of_their_own():
    contexts = {
        part_context(ctx, encode(params), part)
        for ctx in (CTX, bytes(32))
        for params in (PARAMS, dataclasses.replace(PARAMS, more=1))
        for part in (1, 2)
    }
    assert len(contexts) == 8
    assert CTX not in contexts


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"first": dataclasses.replace(PARAMS.first, tag_bytes=11)},
        {"second": dataclasses.replace(PARAMS.second, tag_bytes=11)},
    ],
    ids=["the way between", "first", "second"],
)
def test_a_peer_that_differs_in_either_part_fails_at_its_first_message(change):
    side = OneSide(TWICE, Role.RESPONDER, THEIRS, dataclasses.replace(PARAMS, **change))
    with pytest.raises(ContextMismatch):
        side.take(OneSide(TWICE, Role.INITIATOR, MINE, PARAMS).transition.message)


def test_an_opening_of_a_part_run_by_itself_is_refused():
    alone = OneSide(dh.MEMBERS, Role.INITIATOR, MINE, PARAMS.first)
    with pytest.raises(ContextMismatch):
        OneSide(TWICE, Role.RESPONDER, THEIRS, PARAMS).take(alone.transition.message)


def test_a_message_of_the_second_part_in_the_first_is_refused_and_the_other_way_round():
    said: list[Record] = []

    def step(state, message, fetch, rng):
        for other in said:
            foreign = other.KIND.startswith("psi-ot") is isinstance(state, InFirst)
            if foreign or isinstance(state, Turning):
                with pytest.raises(UnexpectedMessage):
                    TWICE.step(state, other, fetch, seeded("hostile"))
        return TWICE.step(state, message, fetch, rng)

    for sent in (played := run_pair(TWICE, PARAMS, CTX, MINE, THEIRS)).receiver.sent[::3]:
        said.append(decode(TWICE.messages, sent))
    said += [decode(TWICE.messages, m) for m in played.sender.sent[::3]]
    assert len({m.KIND[:6] for m in said}) == 2
    run_pair(dataclasses.replace(TWICE, step=step), PARAMS, CTX, MINE, THEIRS)


def test_a_lost_message_at_the_turn_leaves_no_result():
    seen = []

    def lose_done(message: bytes) -> list[bytes]:
        seen.append(message)
        return [] if b"psi-dh-done/1" in message else [message]

    with pytest.raises((Stalled, ProtocolError)):
        run_pair(TWICE, PARAMS, CTX, MINE, THEIRS, deliver=lose_done)
    assert any(b"psi-dh-done/1" in message for message in seen)


def test_what_a_refused_conversion_raises_ends_the_run():
    def refuse(*anything):
        raise LocalError("nothing fits")

    with pytest.raises(LocalError, match="nothing fits"):
        run_pair(twice(convert=refuse), PARAMS, CTX, MINE, THEIRS)


def test_no_secret_is_shown():
    begun = TWICE.begin(Role.RESPONDER, PARAMS, CTX, Items(0, 8), seeded("x"))
    assert isinstance(begun.state, InFirst)
    assert "inner" not in repr(begun)


# Our own mistakes


def test_two_kinds_of_messages_with_one_name_are_refused():
    @dataclass(frozen=True, slots=True)
    class Impostor(Record):
        KIND: ClassVar[str] = "psi-dh-done/1"

    other = dataclasses.replace(ot.MEMBERS, messages=(*ot.MEMBERS.messages, Impostor))
    with pytest.raises(InvalidParameter):
        twice(other)
    assert len(twice(dh.MEMBERS).messages) == len(dh.MEMBERS.messages)


@pytest.mark.parametrize(("params", "ctx"), [(PARAMS.first, CTX), (PARAMS, CTX[:-1])])
def test_other_parameters_and_contexts_are_refused(params, ctx):
    with pytest.raises(InvalidParameter):
        TWICE.begin(Role.INITIATOR, params, ctx, Items(0, 8), seeded("x"))


def test_an_input_of_another_kind_than_the_first_takes_is_refused():
    given = GroupedItems(0, 8, ())
    with pytest.raises(InvalidParameter):
        TWICE.begin(Role.INITIATOR, PARAMS, CTX, given, seeded("x"))


def test_a_protocol_that_ends_where_it_begins_is_refused():
    at_once = dataclasses.replace(dh.MEMBERS, begin=lambda *_: Finish(Members(0)))
    with pytest.raises(LocalError):
        twice(first=at_once).begin(Role.INITIATOR, PARAMS, CTX, Items(0, 8), seeded("x"))


def test_names_of_states_are_those_of_this_module():
    for protocol in (TWICE, JOIN, LABELLED, UNION):
        assert protocol.states == in_a_row.STATES


# Progress


def test_progress_is_the_sum_of_both_and_only_grows():
    steps: dict[Role, list[Progress]] = {role: [] for role in Role}
    roles = {}

    def step(state, message, fetch, rng):
        roles[id(rng)] = state.frame.role if isinstance(state, InFirst) else roles[id(rng)]
        steps[roles[id(rng)]].append(TWICE.progress(state))
        return TWICE.step(state, message, fetch, rng)

    run_pair(dataclasses.replace(TWICE, step=step), PARAMS, CTX, MINE, THEIRS)
    for said in steps.values():
        done = [p.done for p in said]
        assert done == sorted(done)
        assert all(0 <= p.done <= p.total + 60 * p.per_peer_row for p in said)
        assert said[0].total + 38 * said[0].per_peer_row >= 2 * 38
        assert said[-1].done > 38


def test_a_composition_says_no_progress_where_a_part_does_not():
    assert all(protocol.progress is not None for protocol in (JOIN, LABELLED, UNION))
    silent = dataclasses.replace(CLEAR, progress=None)
    assert twice(silent).progress is None


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        TWICE.progress(PARAMS)


def told_by(protocol, play, *given):
    """Return what each side says of its progress at every step of a run."""
    told: dict[Role, list[Progress]] = {role: [] for role in Role}

    def taking(side):
        def step(state, message, fetch, rng):
            told[side].append(protocol.progress(state))
            return protocol.step(state, message, fetch, rng)

        return step

    roles: dict[int, Role] = {}

    def begin(role, params, ctx, items, rng):
        roles[id(rng)] = role
        return protocol.begin(role, params, ctx, items, rng)

    def step(state, message, fetch, rng):
        return taking(roles[id(rng)])(state, message, fetch, rng)

    play(*given, protocol=dataclasses.replace(protocol, begin=begin, step=step))
    return told


MINE_30, THEIRS_30 = range(30), range(20, 65)
COMPOSED = [
    (over_join, play_sums_by_join, [MINE_30]),
    (over_labels, play_sums_by_labels, MINE_30),
    (over_union, play_sums_by_union, MINE_30),
]


@pytest.mark.parametrize("route", [CLEAR, SUMS_COT], ids=["clear", "cot"])
@pytest.mark.parametrize(("over", "play", "mine"), COMPOSED, ids=["join", "labelled", "union"])
def test_progress_never_goes_back_and_ends_at_the_whole(over, play, mine, route):
    told = told_by(over(route), play, mine, THEIRS_30)
    for role, said in told.items():
        peer = len(THEIRS_30) if role is Role.INITIATOR else len(MINE_30)
        wholes = [p.total + p.per_peer_row * peer for p in said]
        assert max(wholes) - min(wholes) <= 1, "the whole is known from the beginning"
        parts = [p.done / whole for p, whole in zip(said, wholes, strict=True)]
        assert parts == sorted(parts)
        assert parts[0] == 0
        assert parts[-1] > 0.9
        # What the second part takes is not what it was said to be in rows of its own.
        assert said[-1].total - said[-1].done <= 5


def test_a_second_part_that_is_dearer_takes_more_of_the_whole():
    joined = JoinSumParams(join_params(), sum_params(1, 1))
    wide = dataclasses.replace(
        joined,
        second=dataclasses.replace(
            joined.second,
            layout=dataclasses.replace(joined.second.layout, one_hot=(1000,)),
            sigma_milli=(0,) * 1002,
        ),
    )
    own = Items(40, 16)
    for role, rows in ((Role.INITIATOR, 60), (Role.RESPONDER, 40)):
        for params in (joined, wide):
            each = weight("bfv", params.second.layout)
            now = Progress(0, 100)
            said = over_partners_rows("bfv")(Begun(role, params, own), now)
            assert (said.done, said.total, said.per_peer_row) == (0, round(rows * each), 0)
    assert weight("bfv", wide.second.layout) > 20 * weight("bfv", joined.second.layout)
    unheard = over_partners_rows("cot")(Begun(Role.INITIATOR, wide, own), Progress(0, 40, 1))
    assert (unheard.total, unheard.per_peer_row) == (0, weight("cot", wide.second.layout))


def test_a_composition_that_says_nothing_is_thought_as_long_again():
    assert as_long_again(Begun(Role.INITIATOR, PARAMS, None), Progress(7, 20, 1)) == Progress(
        0, 20, 1
    )
