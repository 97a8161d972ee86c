"""Aligned sums from end to end, over each alignment: exact, and refusing what does not fit."""

import dataclasses

import numpy as np
import pytest

from protocols.errors import InvalidParameter, LocalError
from protocols.in_a_row import Begun
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.params import Labelled, OtParams, SenderDone
from protocols.psi.union import UnionParams
from protocols.session import Items, Role
from protocols.sums.alignment import by_labels, own_columns, own_values, row_labels
from protocols.sums.alignment_params import JoinSumParams, LabelledSumParams, UnionSumParams
from protocols.sums.composed import over_join, over_labels, over_union
from protocols.sums.layout import columns_chunk, plain_sums, read_vector, vector_chunk
from protocols.sums.records import Sums, SumsGiven
from tests.support.aligned_runs import (
    CHUNK,
    JOIN,
    LABELLED,
    MOST,
    SILENT,
    UNION,
    by_groups,
    by_values,
    columns_laid,
    columns_of,
    grouped,
    join_params,
    joined_sums,
    play_sums_by_join,
    play_sums_by_labels,
    play_sums_by_union,
    sum_params,
)
from tests.support.clear_sums import CLEAR
from tests.support.pair import CTX, Played, run_pair
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.seeded import digests, seeded

# Exactness


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sums_over_the_join_are_those_of_a_plain_join(scenario: Scenario):
    half = len(scenario.receiver) // 2
    groups = [scenario.receiver[:half], scenario.receiver[half:]]
    played = play_sums_by_join(groups, scenario.sender)
    expected = joined_sums(by_groups(groups), scenario.sender, 2, 1)
    assert played.receiver.output == Sums(len(scenario.sender), 2, tuple(expected))
    assert played.sender.output == SumsGiven(len(scenario.sender))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sums_over_labels_are_those_of_a_plain_join(scenario: Scenario):
    played = play_sums_by_labels(scenario.receiver, scenario.sender)
    expected = joined_sums(by_values(scenario.receiver), scenario.sender, 2, 6)
    assert played.receiver.output == Sums(len(scenario.sender), 2, tuple(expected))
    assert played.sender.output == SumsGiven(len(scenario.sender))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sums_over_the_union_are_those_of_a_plain_join(scenario: Scenario):
    played = play_sums_by_union(scenario.receiver, scenario.sender)
    expected = joined_sums(by_values(scenario.receiver), scenario.sender, 2, 6)
    rows = len(scenario.receiver) + len(scenario.sender) + 2 * 5
    assert played.receiver.output == Sums(rows, 2, tuple(expected))
    assert played.sender.output == SumsGiven(rows)


@pytest.mark.parametrize("play", [play_sums_by_labels, play_sums_by_union])
def test_the_side_with_the_matrix_may_be_the_one_that_learns(play):
    played = play(range(30), range(20, 50), to_holder=False)
    assert list(played.sender.output.values) == joined_sums(
        by_values(range(30)), range(20, 50), 2, 6
    )
    assert isinstance(played.receiver.output, SumsGiven)


def test_the_side_with_the_matrix_may_learn_over_the_join_too():
    groups = [range(25), range(25, 30)]
    played = play_sums_by_join(groups, range(20, 50), to_holder=False)
    expected = joined_sums(by_groups(groups), range(20, 50), 2, 1)
    assert list(played.sender.output.values) == expected


def test_sums_over_rows_of_several_identifiers_count_people_once():
    """Ten people of the brand and of the partner, of whom four match, by the one item or both."""
    pairs = [(2 * n, 2 * n + 1) for n in range(10)]
    others = [(12, 900), (901, 15), (16, 17), (19, 902), *((n, n + 1) for n in range(500, 512, 2))]
    first = join_params(1, per_person=2)
    params = JoinSumParams(first, sum_params(1, 1))
    halves = [n for pair in pairs for n in pair], [n for pair in others for n in pair]
    laid = ({}, columns_laid(range(10)))
    within = grouped(JOIN, [10])
    played = run_pair(within, params, CTX, *map(digests, halves), laid=laid)
    expected = joined_sums({n: [1] for n in range(4)}, range(10), 1, 1)
    assert played.receiver.output == Sums(10, 1, tuple(expected))


def test_whoever_fills_a_list_up_says_nothing():
    nobody = range(SILENT, SILENT + 20)
    mine, theirs = [*range(20), *nobody], [*range(10, 30), *nobody]
    expected = joined_sums(by_values(range(20)), range(10, 30), 2, 6)
    for play in (play_sums_by_labels, play_sums_by_union):
        assert list(play(mine, theirs).receiver.output.values) == expected


# The hold-out


def vectors_kept(played: Played) -> np.ndarray:
    layout = sum_params(4, 1).layout
    names = sorted(n for n in played.receiver.chunks if n.startswith("vector/"))
    parts = [read_vector(layout, played.receiver.chunks[name]) for name in names]
    return np.concatenate(parts)


def test_a_hold_out_splits_the_matches_and_nobody_is_in_both():
    groups, rows = [range(80), range(80, 100)], range(50, 150)
    played = play_sums_by_join(groups, rows, hold_out_percent=40)
    vectors = vectors_kept(played)
    layout = sum_params(4, 1).layout
    assert played.receiver.output.values == tuple(
        int(n) for n in plain_sums(layout, vectors, *columns_of(rows)).reshape(-1)
    )
    assert vectors.sum(axis=1).max() == 1
    assert (vectors[:, 0] + vectors[:, 2]).tolist() == [1] * 30 + [0] * 70
    assert (vectors[:, 1] + vectors[:, 3]).tolist() == [0] * 30 + [1] * 20 + [0] * 50
    assert 5 < vectors[:, 2:].sum() < 35


# The rest


def test_a_vector_more_than_groups_is_of_the_rows_that_match_nobody():
    groups, rows = [range(40), range(40, 60)], range(30, 150)
    played = play_sums_by_join(groups, rows, rest=True)
    everybody = joined_sums({n: [1] for n in range(30, 150)}, rows, 1, 1)
    found = np.array(played.receiver.output.values).reshape(3, -1)
    assert found.sum(axis=0).tolist() == everybody
    assert found[:2].reshape(-1).tolist() == joined_sums(by_groups(groups), rows, 2, 1)
    assert found[2].tolist() == joined_sums({n: [1] for n in range(60, 150)}, rows, 1, 1)


# What each side sees


def kinds_and_lengths(played: Played) -> list:
    return [
        (side, message.split(b"/")[0][2:], len(message))
        for side, messages in (("i", played.receiver.sent), ("r", played.sender.sent))
        for message in messages
        if b"sums-clear" not in message[:20]
    ]


@pytest.mark.parametrize("play", [play_sums_by_labels, play_sums_by_union])
def test_alignments_look_the_same_whoever_matches(play):
    seen = [kinds_and_lengths(play(range(40), theirs)) for theirs in (range(40), range(40, 80))]
    assert seen[0] == seen[1]
    assert len(seen[0]) > 4


def test_the_partner_lays_nothing_out_by_who_matches():
    for play in (play_sums_by_join, play_sums_by_labels):
        mine = [range(40)] if play is play_sums_by_join else range(40)
        played = play(mine, range(20, 60))
        assert not [name for name in played.sender.chunks if name.startswith("vector/")]
        assert not [
            name for name in played.sender.chunks if name.startswith(("groups/", "matched"))
        ]


# A partner that labels rows wrongly


def aligned_by(labels: list[int], rows: int = 10) -> tuple:
    params = LabelledSumParams(OtParams(MOST, CHUNK, label_bytes=4), sum_params(1, 6))
    chunks = {
        "matched": np.arange(len(labels), dtype="<u4").tobytes(),
        "labels": np.array(labels, "<u4").tobytes(),
        own_values(0): np.full(12, 9, "<i4").tobytes(),
    }
    before = Begun(Role.INITIATOR, params, Items(12, CHUNK))
    output = Labelled(len(labels), 4, rows)
    return by_labels(before, output, chunks.__getitem__, seeded("x"))


def test_labels_lead_to_rows_and_values_are_clipped():
    rows, laid = aligned_by([9, 0, 4])
    assert rows.count == 10
    vector = read_vector(sum_params(1, 6).layout, laid[vector_chunk(0)])
    assert vector[:, 0].tolist() == [6, 0, 0, 0, 6, 0, 0, 0, 0, 6]


@pytest.mark.parametrize(
    ("labels", "told"),
    [([10], []), ([2**32 - 1, 3], [3]), ([3, 3], [3]), ([0, 1, 0], [0, 1])],
)
def test_a_wrong_label_does_not_end_the_run_and_so_tells_nobody_that_its_item_matches(labels, told):
    rows, laid = aligned_by(labels)
    vector = read_vector(sum_params(1, 6).layout, laid[vector_chunk(0)])
    assert rows.count == len(vector) == 10
    assert np.flatnonzero(vector[:, 0]).tolist() == told


@pytest.mark.parametrize("rows", [0, 1])
def test_no_match_is_no_label(rows):
    found, laid = aligned_by([], rows)
    assert found.count == rows
    assert len(laid) == rows


def test_labels_of_an_input_are_its_numbers():
    laid = row_labels(Items(10, 4))
    assert sorted(laid) == ["own-labels/00000", "own-labels/00001", "own-labels/00002"]
    assert laid["own-labels/00002"] == bytes([8, 0, 0, 0, 9, 0, 0, 0])
    assert row_labels(Items(0, 4)) == {}


def test_a_partner_goes_on_over_its_own_rows():
    params = LabelledSumParams(OtParams(MOST, CHUNK, label_bytes=4), sum_params(1, 6))
    before = Begun(Role.RESPONDER, params, Items(12, CHUNK))
    rows, laid = by_labels(before, SenderDone(99), {}.__getitem__, seeded("x"))
    assert (rows.count, laid) == (12, {})


# Inputs that do not fit


@pytest.mark.parametrize(("name", "play"), [
    (own_values(1), play_sums_by_labels), (own_values(1), play_sums_by_union),
    (own_columns(1), play_sums_by_union), (columns_chunk(1), play_sums_by_labels),
])  # fmt: skip
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-4], id="too short"),
        pytest.param(lambda data: data + bytes(4), id="too long"),
    ],
)
def test_what_is_said_of_people_must_be_said_of_each(name, play, damage):
    protocol = LABELLED if play is play_sums_by_labels else UNION

    def step(state, message, fetch, rng):
        return protocol.step(
            state, message, lambda n: damage(fetch(n)) if n == name else fetch(n), rng
        )

    with pytest.raises(LocalError):
        play(range(30), range(20, 50), protocol=dataclasses.replace(protocol, step=step))


# Parameters


FITTING = [
    JoinSumParams(join_params(2), sum_params(2, 1)),
    JoinSumParams(join_params(2), sum_params(4, 1), 20),
    JoinSumParams(join_params(2), sum_params(3, 1)),
    LabelledSumParams(OtParams(MOST, CHUNK, label_bytes=4), sum_params(2, 6)),
    UnionSumParams(UnionParams(MOST, CHUNK, dummies=5), sum_params(2, 6, rows=1010)),
]


@pytest.mark.parametrize("params", FITTING, ids=["join", "hold-out", "rest", "labelled", "union"])
def test_parameters_say_how_an_input_is_cut(params):
    assert params.chunk_items == CHUNK
    assert params.max_items == MOST


@pytest.mark.parametrize(
    ("params", "change"),
    [
        (FITTING[0], {"second": sum_params(4, 1)}),
        (FITTING[1], {"second": sum_params(3, 1)}),
        (FITTING[0], {"second": sum_params(2, 2)}),
        (FITTING[0], {"second": sum_params(2, 1, rows=499)}),
        (FITTING[0], {"first": join_params(2, chunk_items=17)}),
        (FITTING[0], {"hold_out_percent": 20}),
        (FITTING[1], {"hold_out_percent": 100}),
        (FITTING[1], {"hold_out_percent": -1}),
        (FITTING[3], {"first": OtParams(MOST, CHUNK, label_bytes=3)}),
        (FITTING[3], {"first": OtParams(MOST, CHUNK + 1, label_bytes=4)}),
        (FITTING[3], {"second": sum_params(2, 6, rows=499)}),
        (FITTING[4], {"second": sum_params(2, 6, rows=1009)}),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(params, change):
    with pytest.raises(InvalidParameter):
        dataclasses.replace(params, **change)


def test_names_say_alignment_and_route():
    for route in ("bfv", "cot"):
        named = dataclasses.replace(CLEAR, name=f"sums-{route}/1")
        assert over_join(named).name == f"sums-join-{route}/1"
        assert over_labels(named).name == f"sums-labelled-{route}/1"
        assert over_union(named).name == f"sums-union-{route}/1"
    for name in ("psi-dh-members/1", "sums-bfv/2"):
        with pytest.raises(InvalidParameter):
            over_join(dataclasses.replace(CLEAR, name=name))


@pytest.mark.parametrize("protocol", [JOIN, LABELLED, UNION], ids=lambda p: p.name)
def test_each_composition_says_what_both_sides_learn_of_both_parts(protocol):
    for told in (protocol.initiator_learns, protocol.responder_learns):
        assert told.endswith("the sums with noise, where it receives them")
        assert len(told) > 60
    assert protocol.outputs == CLEAR.outputs


def test_the_join_of_a_job_has_room_in_its_sums():
    first = JoinParams(1000, CHUNK, groups=3)
    assert JoinSumParams(first, sum_params(3, 1, rows=1000)).first.least_group == 1000
