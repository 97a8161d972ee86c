"""For any people, groups and chunks: a blinded join says what a plain one does, and sums over any
alignment are those over a plain join.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi.blinded_join import blinded_join
from protocols.psi.blinded_join_records import JoinedRows
from tests.support.aligned_runs import (
    by_groups,
    by_values,
    grouped,
    groups_of,
    join_params,
    joined_sums,
    play_join,
    play_sums_by_join,
    play_sums_by_labels,
    play_sums_by_union,
)
from tests.support.backends import BACKENDS

people = st.lists(st.integers(0, 60), unique=True, max_size=40)


@st.composite
def divided(draw: st.DrawFn) -> list[list[int]]:
    """Return people in up to five groups."""
    found = draw(people)
    groups: list[list[int]] = [[] for _ in range(draw(st.integers(1, 5)))]
    for n in found:
        groups[draw(st.integers(0, len(groups) - 1))].append(n)
    return groups


@st.composite
def in_rows(draw: st.DrawFn, width: int) -> list[int]:
    """Return rows of so many identifiers, none in two rows; those from 1,000 on match nothing."""
    found = draw(st.lists(st.integers(0, 40), unique=True, max_size=24))
    rows: list[int] = []
    while found:
        here = found[: draw(st.integers(1, width))]
        found = found[len(here) :]
        rows += here + [1000 + len(rows) + i for i in range(width - len(here))]
    return rows


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=25)
@given(divided(), people, st.integers(1, 50), st.integers(10, 16))
def test_a_row_has_the_group_of_its_person(backend, groups, rows, chunk_items, tag_bytes):
    params = join_params(len(groups), chunk_items=chunk_items, tag_bytes=tag_bytes)
    played = play_join(groups, rows, params, blinded_join(backend))
    group_of = {n: g for g, group in enumerate(groups, 1) for n in group}
    assert groups_of(played.receiver) == [group_of.get(n, 0) for n in rows]
    assert played.sender.output.sizes == tuple(map(len, groups))


@settings(max_examples=40)
@given(st.data(), st.integers(2, 3), st.integers(1, 50))
def test_people_with_several_identifiers_are_joined_one_to_one(data, width, chunk_items):
    mine, theirs = data.draw(in_rows(width)), data.draw(in_rows(width))
    theirs = [n + 1000 * (n >= 1000) * 9 for n in theirs]
    count = len(mine) // width
    first = data.draw(st.integers(0, count))
    sizes = (first, count - first)
    params = join_params(2, per_person=width, chunk_items=chunk_items)
    played = play_join([mine], theirs, params, grouped(blinded_join(), sizes))
    row_of = {n: i // width for i, n in enumerate(mine)}
    found = groups_of(played.receiver)
    met = [
        {row_of[n] for n in theirs[at : at + width] if n in row_of}
        for at in range(0, len(theirs), width)
    ]
    for group, rows in zip(found, met, strict=True):
        assert group in {0, *(1 + (row >= first) for row in rows)}
    # Where a row meets one other, and that one no third, there is no choice.
    for at, rows in enumerate(met):
        alone = [row for row in rows if sum(row in others for others in met) == 1]
        if len(rows) == 1 and alone:
            assert found[at] == 1 + (alone[0] >= first)
    matched = [n for n in found if n]
    assert len(matched) <= len(set().union(*met))
    assert not met or (len(matched) > 0) == any(met)
    output = played.receiver.output
    assert output == JoinedRows(len(met), (matched.count(1), matched.count(2)))


@settings(max_examples=15)
@given(divided(), people)
def test_sums_by_groups_are_those_of_a_plain_join(groups, theirs):
    played = play_sums_by_join(groups, theirs)
    expected = joined_sums(by_groups(groups), theirs, len(groups), 1)
    assert list(played.receiver.output.values) == expected


@pytest.mark.parametrize("play", [play_sums_by_labels, play_sums_by_union])
@settings(max_examples=8)
@given(mine=people, theirs=people)
def test_sums_of_values_are_those_of_a_plain_join(play, mine, theirs):
    played = play(mine, theirs)
    expected = joined_sums(by_values(mine), theirs, 2, 6)
    assert list(played.receiver.output.values) == expected


@pytest.mark.slow
def test_large_lists_too():
    groups = [range(20_000), range(20_000, 30_000)]
    theirs = range(15_000, 40_000)
    params = join_params(2, max_items=30_000, chunk_items=4096)
    played = play_join(groups, theirs, params)
    assert groups_of(played.receiver) == [1] * 5000 + [2] * 10_000 + [0] * 10_000
