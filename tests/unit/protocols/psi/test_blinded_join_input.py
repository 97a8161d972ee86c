"""The brand's groups as they are laid out: filled up, in secret orders, none of few people."""

import numpy as np
import pytest

from protocols.disclosure import step_up
from protocols.errors import InvalidParameter, SmallCohort
from protocols.psi.blinded_join_input import lay_out
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.padding import NOBODY
from tests.support.seeded import digests, seeded

PARAMS = JoinParams(100_000, 512, groups=3, per_person=2)


def people(n: int, width: int = 2) -> np.ndarray:
    rows = np.frombuffer(b"".join(digests(range(n * width))), np.uint8)
    return rows.reshape(n, width, 32)


def groups_of(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)


def test_groups_are_filled_up_to_steps_and_hold_their_own_people():
    mine = people(2500)
    laid = lay_out(mine, groups_of(100, 50, 1100, 1250), 20, PARAMS, seeded("x"))
    assert laid.items.sizes == (1000, 1250, 1250)
    assert all(size == step_up(size) for size in laid.items.sizes)
    assert laid.items.count == len(laid.digests) == 2 * 3500
    rows = laid.digests.reshape(-1, 2, 32)
    here = laid.people != NOBODY
    assert np.array_equal(rows[here], mine[laid.people[here]])
    ends = np.cumsum((0, *laid.items.sizes))
    firsts = np.cumsum((100, 50, 1100, 1250))
    for group in range(3):
        found = laid.people[ends[group] : ends[group + 1]]
        found = found[found != NOBODY]
        assert sorted(found) == list(range(firsts[group], firsts[group + 1]))
        assert list(found) != sorted(found)
    everything = {row.tobytes() for row in laid.digests}
    assert len(everything) == 7000


def test_fillers_stand_anywhere_and_are_new_in_each_run():
    mine, group_of = people(500), groups_of(0, 500, 0, 0)
    first, second = (lay_out(mine, group_of, 20, PARAMS, seeded(s)) for s in "ab")
    nobody = np.flatnonzero(first.people[:1000] == NOBODY)
    assert 350 < np.mean(nobody) < 650
    fillers = [
        {row.tobytes() for row in laid.digests.reshape(-1, 64)[laid.people == NOBODY]}
        for laid in (first, second)
    ]
    assert not fillers[0] & fillers[1]


@pytest.mark.parametrize("size", [1, 19])
def test_a_group_of_few_people_is_refused_however_it_is_filled_up(size):
    with pytest.raises(SmallCohort):
        lay_out(people(100 + size), groups_of(0, 100, size), 20, PARAMS, seeded("x"))


def test_a_group_of_nobody_says_nothing_and_stays():
    laid = lay_out(people(20), groups_of(0, 20), 20, PARAMS, seeded("x"))
    assert laid.items.sizes == (1000, 1000, 1000)


def test_groups_are_as_large_as_the_parameters_ask():
    params = JoinParams(100_000, 512, strict=False, least_group=0)
    laid = lay_out(people(100, 1), groups_of(0, 100), 20, params, seeded("x"))
    assert laid.items.sizes == (10_000,)


@pytest.mark.parametrize(
    ("n", "width", "group_of"),
    [(20, 2, groups_of(0, 19)), (20, 2, np.full(20, 4)), (20, 2, np.full(20, -1)),
     (20, 1, groups_of(0, 20)), (20, 3, groups_of(0, 20))],
)  # fmt: skip
def test_people_that_do_not_fit_are_refused(n, width, group_of):
    with pytest.raises(InvalidParameter):
        lay_out(people(n, width), group_of, 20, PARAMS, seeded("x"))


def test_more_than_agreed_is_refused():
    params = JoinParams(5999, 512, groups=3, per_person=2)
    with pytest.raises(InvalidParameter):
        lay_out(people(20), groups_of(0, 20), 20, params, seeded("x"))
