"""Tables and sums of a look that come: whatever they say, a side goes on or blames the other."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.dp.queries.filters import OneOf
from protocols.dp.queries.schema import CategoryColumn, Schema
from protocols.errors import InvalidParameter, LocalError, MalformedMessage, UnexpectedMessage
from protocols.joint import looks
from protocols.joint.asked import Joint, params_for
from protocols.joint.between import TRAINS
from protocols.joint.looks import CELLS, LEFT_UNIT, NOTHING, Look
from protocols.joint.records import TableParams
from protocols.joint.run import joint_bfv, joint_cot, over
from protocols.joint.scoring import ScoredBy, Weights
from protocols.joint.tables import NONE, Table, Tables
from protocols.joint.telling import TABLES, TELLING, TablesGiven, Told
from protocols.joint.widths import UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.psi import chunks
from protocols.session import Finish, Role, TwoParty
from protocols.sums.segments import Segments
from tests.support.clear_sums import CLEAR, ClearAnswer
from tests.support.joint_runs import RUN, params_of, play_joint
from tests.support.pair import CTX
from tests.support.seeded import seeded

LOOK = Look((4, 3), (2, 2))
PARAMS = TableParams(LOOK, 3)
GOOD = Tables((Table(0, bytes([0, 32, 5, 5])), Table(2, bytes([1, 2, 3, 4]))))


def nothing(name: str) -> bytes:
    raise LocalError(f"there is no {name}")


def told(message: bytes, params: TableParams = PARAMS) -> Finish:
    begun = TELLING.begin(Role.RESPONDER, params, CTX, TablesGiven(9, NONE), seeded("x"))
    found = TELLING.resume(encode(begun.state), message, nothing, seeded("y"))
    assert isinstance(found, Finish)
    return found


def test_tables_are_kept_as_they_came() -> None:
    found = told(encode(GOOD))
    assert found.output == Told(9)
    assert decode(Tables, found.keep[TABLES]) == GOOD


@pytest.mark.parametrize(
    "tables",
    [
        (Table(0, bytes([0, 33, 5, 5])),),
        (Table(0, bytes(3)),),
        (Table(0, b""),),
        (Table(3, bytes(4)),),
        (Table(-1, bytes(4)),),
        (Table(2**63, bytes(4)),),
        (Table(2, bytes(4)), Table(2, bytes(4))),
        tuple(Table(n, bytes(LOOK.sizes[n % 3])) for n in range(4)),
    ],
)
def test_other_tables_are_the_fault_of_who_sent_them(tables: tuple[Table, ...]) -> None:
    with pytest.raises(MalformedMessage):
        told(encode(Tables(tables)))
    with pytest.raises(InvalidParameter):
        TELLING.begin(Role.INITIATOR, PARAMS, CTX, TablesGiven(9, Tables(tables)), seeded("x"))


def test_where_nothing_is_looked_at_there_are_no_tables() -> None:
    assert told(encode(NONE), TableParams(NOTHING, 0)).keep == {TABLES: encode(NONE)}
    with pytest.raises(MalformedMessage):
        told(encode(GOOD), TableParams(NOTHING, 0))


def test_weights_are_not_due_yet() -> None:
    begun = TELLING.begin(Role.RESPONDER, PARAMS, CTX, TablesGiven(9, NONE), seeded("x"))
    with pytest.raises(UnexpectedMessage):
        TELLING.step(begun.state, Weights((1,)), nothing, seeded("y"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Table,
            st.integers(-2, 5) | st.integers(-(2**63), 2**64 - 1),
            st.binary(max_size=5) | st.binary(min_size=4, max_size=4),
        ),
        max_size=5,
    ).map(tuple)
)
def test_any_tables_fit_the_cells_or_are_malformed(tables: tuple[Table, ...]) -> None:
    try:
        kept = told(encode(Tables(tables))).keep[TABLES]
    except MalformedMessage:
        return
    each = decode(Tables, kept).beside(np.ones((5, 2), np.uint8), np.ones((5, 3), np.uint16), 6)
    assert each.shape == (5, 6)
    assert each.max() <= UNIT


# What a look is about


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        ((2,) * 44, ()),
        ((2,) * 3, (2,) * 2),
        ((), (1,) * 50_000),
        ((65,), ()),
        ((2,), (2**40,)),
        ((-1,), ()),
    ],
)
def test_a_look_of_any_size_is_refused_before_its_pairs_are_named(
    fine: tuple[int, ...], coarse: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidParameter):
        Look(fine, coarse)


@pytest.mark.parametrize(
    "features",
    [
        [Feature("n", FeatureKind.NUMERIC, edges_milli=tuple(range(4096)))],
        [Feature(f"n{i}", FeatureKind.DATE, edges_milli=tuple(range(4096))) for i in range(43)],
        [Feature(f"n{i}", FeatureKind.NUMERIC, edges_milli=(0,)) for i in range(26)],
        [Feature(f"c{i}", FeatureKind.CATEGORICAL, categories=("a",)) for i in range(42)],
        [
            Feature(f"c{i}", FeatureKind.CATEGORICAL, categories=tuple(map(str, range(4096))))
            for i in range(2)
        ],
    ],
)
def test_whatever_a_question_states_cells_have_room_for_each_other(features: list[Feature]) -> None:
    each = FeatureSpecification(tuple(features))
    look = looks.look_of(each)
    assert sum(look.both) <= CELLS
    assert sum(look.fine) <= CELLS
    yes = Segments(Schema((CategoryColumn("l", "l", ("y",)),)), "", OneOf("l", ("y",)))
    asked = Joint("ours", FeatureSpecification((features[0],)), yes, "theirs", each, 10, False)
    assert params_for(asked).tables.look == look


def test_too_many_categories_are_refused() -> None:
    many = tuple(
        Feature(f"c{i}", FeatureKind.CATEGORICAL, categories=tuple(map(str, range(4096))))
        for i in range(43)
    )
    yes = Segments(Schema((CategoryColumn("l", "l", ("y",)),)), "", OneOf("l", ("y",)))
    with pytest.raises(InvalidParameter, match="688 columns"):
        Joint("o", FeatureSpecification(many[:1]), yes, "t", FeatureSpecification(many), 10, False)


def test_there_are_fewer_tables_than_columns() -> None:
    assert params_of(100, 3, 1, look=LOOK, tables=3).second.columns == 4
    with pytest.raises(InvalidParameter, match="more tables than columns"):
        params_of(100, 3, 0, look=LOOK, tables=3)


# What a look adds up


def test_sums_that_people_make_are_told_from_others() -> None:
    look = Look((2, 2), ())
    people, added = np.array([60, 40, 100, 0]), np.array([60, 40, 100, 0]) * LEFT_UNIT
    assert look.could_be(people, added, 100)
    assert not look.could_be(people, added, 99)
    for at, value in ((0, 61), (3, -1), (2, 2**62), (3, 1)):
        other = people.copy()
        other[at] = value
        assert not look.could_be(other, added, 100)
    for at, value in ((0, -1), (3, 1), (1, 2 * LEFT_UNIT * 40 + 1)):
        other = added.copy()
        other[at] = value
        assert not look.could_be(people, other, 100)


MINE, THEIRS = list(range(400)), list(range(100, 600))
WIDE = Look((4,), ())


def joint_world() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the brand's columns and labels, the partner's columns, and bins that say the label."""
    d = np.random.default_rng(1)
    own = d.integers(0, UNIT + 1, (len(MINE), 2)).astype(np.uint8)
    labels = d.integers(0, 2, len(MINE)).astype(np.uint8)
    columns = d.integers(0, UNIT + 1, (len(THEIRS), 2)).astype(np.uint8)
    bins = d.integers(0, 2, (len(THEIRS), 1)).astype(np.uint16) * 2
    bins[:300, 0] += labels[100:]
    return own, labels, columns, bins


def test_a_partner_whose_sums_no_people_make_gets_no_tables_and_the_run_goes_on() -> None:
    own, labels, columns, bins = joint_world()
    params = params_of(505, 2, 2, look=WIDE, tables=1)

    def wrong(state: Any, message: Any, fetch: Any, rng: Any) -> Any:
        found = CLEAR.step(state, message, fetch, rng)
        if isinstance(found, Finish) and isinstance(found.message, ClearAnswer):
            values = found.message.values
            if len(values) == 2 * sum(WIDE.sizes):
                return Finish(found.output, ClearAnswer((-5, *values[1:])))
        return found

    changed = over(dataclasses.replace(CLEAR, step=wrong), "joint-clear/1")
    honest = play_joint(MINE, THEIRS, own, labels, columns, params=params, bins=bins)
    assert len(decode(Tables, honest.sender.chunks[TABLES]).tables) == 1
    found = play_joint(MINE, THEIRS, own, labels, columns, changed, params=params, bins=bins)
    assert decode(Tables, found.sender.chunks[TABLES]) == NONE
    assert isinstance(found.sender.output, ScoredBy)
    assert found.sender.output.weights[2] == 0


def test_a_row_that_many_people_are_said_to_be_trains_once() -> None:
    own, labels, columns, bins = joint_world()
    params = params_of(505, 2, 2, look=WIDE, tables=1)
    said = np.stack([np.minimum(np.arange(500), 250), np.zeros(500)], axis=1).astype("<u4")
    lies = {chunks.own_labels(0): said.tobytes()}
    found = play_joint(MINE, THEIRS, own, labels, columns, params=params, bins=bins, lies=lies)
    trains = np.frombuffer(found.receiver.chunks[TRAINS], np.uint8).astype(bool)
    assert trains[np.array(found.matched()) > 350].sum() <= 1
    assert len(decode(Tables, found.sender.chunks[TABLES]).tables) == 1


@pytest.mark.parametrize("protocol", [joint_bfv(), joint_cot()], ids=lambda p: p.name)
def test_what_either_route_adds_up_is_what_people_make(protocol: TwoParty) -> None:
    params = params_of(505, 2, 2, look=WIDE, tables=1)
    played = [
        play_joint(MINE, THEIRS, *joint_world()[:3], each, params, joint_world()[3])
        for each in (RUN, protocol)
    ]
    plainly, found = (decode(Tables, each.sender.chunks[TABLES]) for each in played)
    assert len(found.tables) == 1
    assert found == plainly
