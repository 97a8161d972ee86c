"""Joint jobs that look first: what the partner is shown of it, what it keeps, how it is named."""

from collections.abc import Iterator

import numpy as np
import pytest

from party_node.joint.sides import TabledSide
from party_node.scoring.again import score
from protocols.joint import refining, table_learning
from protocols.joint.tables import NONE
from tests.support.joint_nodes import COMMON, QUESTION, joint_nodes, weighed
from tests.support.two_nodes import BRAND, PARTIES, TwoNodes


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    """Few people, but all that is looked at becomes a table, whatever it is worth; no trees add to
    it.
    """
    monkeypatch.setattr(table_learning, "EARNED", -np.inf)
    monkeypatch.setattr(table_learning, "LEAST_IN_A_CELL", 1)
    monkeypatch.setattr(refining, "LEAST", np.inf)
    with joint_nodes() as found:
        yield found


def side_of(world: TwoNodes, job: str) -> TabledSide:
    side = world.publisher.services.sides.load(job)
    assert isinstance(side, TabledSide)
    return side


def weights_of(world: TwoNodes, job: str) -> list[dict[str, float]]:
    """What either side is told of the partner's features: the brand, then the partner."""
    brand, publisher = (world.nodes[party].result(job) for party in PARTIES)
    assert brand is not None
    assert publisher is not None
    return [brand["joint"]["weights"]["theirs"], publisher["joint"]["weights"]["own"]]


def test_a_pair_that_has_a_table_is_named_to_both_and_a_later_job_scores_by_it(
    world: TwoNodes,
) -> None:
    job = world.complete("joint", question=QUESTION, route="cot")
    theirs = side_of(world, job)
    assert {table.number for table in theirs.tables.tables} == {0, 1, 2}
    for told in weights_of(world, job):
        assert set(told) == {"age", "tier", "age with tier"}
        assert told["age with tier"] > 0
    scores = dict(score(world.brand.services, job, BRAND).rows())
    mine = world.brand.services.sides.load(job)
    assert scores == pytest.approx(weighed(mine, theirs, sorted(COMMON)), abs=1e-6)

    again = world.complete("joint", question=f"{{by_job: {job}}}")
    assert dict(score(world.brand.services, again, BRAND).rows()) == pytest.approx(scores, abs=1e-6)
    for told in weights_of(world, again):
        assert set(told) == {"age", "tier", "age with tier"}


def test_with_noise_the_partner_is_shown_no_table(world: TwoNodes) -> None:
    job = world.complete("joint", question=QUESTION + "noise: true\n", route="cot")
    theirs = side_of(world, job)
    assert theirs.tables == NONE
    assert theirs.cells.fine == theirs.cells.coarse == ()
    for told in weights_of(world, job):
        assert set(told) == {"age", "tier"}
    assert len(world.brand.services.scores.load(job).read()[0]) == len(COMMON)
    again = world.complete("joint", question=f"{{by_job: {job}}}")
    assert len(world.brand.services.scores.load(again).read()[0]) == len(COMMON)


@pytest.mark.slow
def test_nodes_that_die_after_every_step_keep_the_same_tables(world: TwoNodes) -> None:
    job = world.brand.ask("joint", question=QUESTION, route="cot")
    world.settle(job, each=world.restart)
    assert world.job(job) == ("completed", "")
    theirs = side_of(world, job)
    assert len(theirs.tables.tables) == 3
    assert set(theirs.about.columns[-3:]) == {(0,), (1,), (0, 1)}
    assert all("age with tier" in told for told in weights_of(world, job))
