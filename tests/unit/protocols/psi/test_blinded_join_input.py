"""The brand's groups as they are laid out: filled up, in secret orders, none of few people."""

import numpy as np
import pytest

from protocols.disclosure import step_up
from protocols.errors import InvalidParameter, SmallCohort
from protocols.psi import padding
from protocols.psi.blinded_join import BLINDED_JOIN
from protocols.psi.blinded_join_input import lay_out
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.padding import NOBODY
from protocols.shuffle import permutation
from tests.support.aligned_runs import grouped
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests, seeded

PARAMS = JoinParams(100_000, 512, groups=3, per_person=2)


def people(n: int, width: int = 2) -> np.ndarray:
    rows = np.frombuffer(b"".join(digests(range(n * width))), np.uint8)
    return rows.reshape(n, width, 32)


def groups_of(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)


def test_groups_are_filled_up_to_steps_and_hold_their_own_people():
    mine = people(2500)
    laid = lay_out(mine, groups_of(100, 50, 1100, 1250), 20, PARAMS, CTX, seeded("x"))
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
    first, second = (lay_out(mine, group_of, 20, PARAMS, CTX, seeded(s)) for s in "ab")
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
        lay_out(people(100 + size), groups_of(0, 100, size), 20, PARAMS, CTX, seeded("x"))


def test_a_group_of_nobody_says_nothing_and_stays():
    laid = lay_out(people(20), groups_of(0, 20), 20, PARAMS, CTX, seeded("x"))
    assert laid.items.sizes == (1000, 1000, 1000)


def test_groups_are_as_large_as_the_parameters_ask():
    params = JoinParams(100_000, 512, strict=False, least_group=0)
    laid = lay_out(people(100, 1), groups_of(0, 100), 20, params, CTX, seeded("x"))
    assert laid.items.sizes == (10_000,)


@pytest.mark.parametrize(
    ("n", "width", "group_of"),
    [(20, 2, groups_of(0, 19)), (20, 2, np.full(20, 4)), (20, 2, np.full(20, -1)),
     (20, 1, groups_of(0, 20)), (20, 3, groups_of(0, 20))],
)  # fmt: skip
def test_people_that_do_not_fit_are_refused(n, width, group_of):
    with pytest.raises(InvalidParameter):
        lay_out(people(n, width), group_of, 20, PARAMS, CTX, seeded("x"))


def test_more_than_agreed_is_refused():
    params = JoinParams(5999, 512, groups=3, per_person=2)
    with pytest.raises(InvalidParameter):
        lay_out(people(20), groups_of(0, 20), 20, params, CTX, seeded("x"))


# Noise


NOISY = JoinParams(100_000, 512, groups=2, dummies=400)


def noisy_run(seed: str, mine: int = 60, theirs: int = 40):
    """Lay both sides out as nodes do, with `theirs` people in common, all in group 1, and join."""
    group_of = np.repeat(np.array([1, 2], np.uint16), [mine, 30])
    rng = seeded(seed)
    laid = lay_out(people(mine + 30, 1), group_of, 20, NOISY, CTX, rng)
    own = people(theirs, 1).reshape(-1, 32)
    rows = np.concatenate([own, padding.added(theirs, range(NOISY.dummies), NOISY, CTX, rng)])
    rows = rows[permutation(rng(32), len(rows))]
    protocol = grouped(BLINDED_JOIN, laid.items.sizes)
    listed = [[row.tobytes() for row in side] for side in (laid.digests, rows)]
    return laid, rows, run_pair(protocol, NOISY, CTX, *listed, seed=seed)


def test_dummies_of_each_group_are_its_own_and_change_no_size_by_their_coins():
    laid, rows, played = noisy_run("a")
    assert laid.items.sizes == (1200, 1200)
    assert len(rows) == 1400
    known = {row.tobytes() for row in padding.dummies(CTX, 400)}
    halves = [{row.tobytes() for row in laid.digests[at : at + 1200]} & known for at in (0, 1200)]
    assert [len(half) for half in halves] == [200, 200]
    assert not halves[0] & halves[1]
    heads = [len(half & {row.tobytes() for row in rows}) for half in halves]
    assert played.receiver.output.matched == (40 + heads[0] - 100, heads[1] - 100)
    assert all(60 < n < 140 for n in heads)
    assert heads != [100, 100]


def test_a_dummy_is_nobody_so_nothing_is_said_of_it():
    laid, _, _ = noisy_run("a")
    dummies = {row.tobytes() for row in padding.dummies(CTX, 400)}
    here = [row.tobytes() in dummies for row in laid.digests]
    assert set(laid.people[here]) == {NOBODY}
    assert sum(laid.people != NOBODY) == 90


@pytest.mark.parametrize(
    "change",
    [{"dummies": 2}, {"dummies": -4}, {"dummies": 2**17 + 4}, {"dummies": 4, "per_person": 2}],
)
def test_dummies_that_make_no_noise_for_each_group_are_refused(change):
    with pytest.raises(InvalidParameter):
        JoinParams(**{"max_items": 1000, "groups": 2, **change})
