"""Joint jobs whose scores are more than a straight line: trees at the brand, and nowhere else."""

import numpy as np
import pytest

from party_node import job_words
from party_node.joint import refined
from party_node.joint.sides import ModelSide, SenderSide
from party_node.scoring.again import score
from protocols.codec import encode
from protocols.joint import refining, table_learning, trees
from tests.support.joint_nodes import COMMON, QUESTION, joint_nodes, weighed, withdrawn_meanwhile
from tests.support.two_nodes import BRAND, PUBLISHER, TwoNodes


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch):
    """Few people, of whom trees are grown all the same, and kept whatever they are worth; without
    tables, which would leave them nothing to say.
    """
    monkeypatch.setattr(table_learning, "EARNED", np.inf)
    monkeypatch.setattr(refining, "LEAST", 50)
    monkeypatch.setattr(refining, "_BETTER", -10.0)
    monkeypatch.setattr(trees, "TREES", 10)
    with joint_nodes() as found:
        yield found


def scores_of(world: TwoNodes, job: str) -> dict[str, float]:
    return dict(score(world.brand.services, job, BRAND).rows())


def test_trees_add_to_scores_and_a_later_job_adds_the_same(world: TwoNodes) -> None:
    job = world.complete("joint", question=QUESTION, route="cot")
    mine, theirs = (world.nodes[party].services.sides.load(job) for party in (BRAND, PUBLISHER))
    assert isinstance(mine, ModelSide)
    assert mine.refinement is not None
    assert isinstance(theirs, SenderSide)
    people = sorted(COMMON)
    straight = weighed(mine, theirs, people)
    found = scores_of(world, job)
    assert found != pytest.approx(straight, abs=1e-3)
    result = world.brand.result(job)
    assert result is not None
    told = result["joint"]
    less = {"joint": told | {"auc_of_straight_line": told["auc"] - 0.1}}
    assert "a straight line alone has" in " ".join(job_words.result(result | less))
    # Nothing of trees is at the partner.
    assert b"trees" not in encode(theirs)
    again = world.brand.ask("joint", question=f"{{by_job: {job}}}")
    world.settle(again)
    assert world.job(again) == ("completed", "")
    later = scores_of(world, again)
    assert set(later) == set(found)
    # Who trained has been scored by trees that had not seen it, and is now by all of them.
    judged = [key for key in later if later[key] == pytest.approx(found[key], abs=1e-6)]
    assert len(judged) == told["judged_on"]
    assert later != pytest.approx(straight, abs=1e-3)


def test_who_has_withdrawn_grows_no_trees(world: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plainly = refining.refine

    def noted(basis, own, theirs, left, trains, draws):
        seen.append(int(trains.sum()))
        return plainly(basis, own, theirs, left, trains, draws)

    monkeypatch.setattr(refined, "refine", noted)
    job = withdrawn_meanwhile(world, "release", BRAND, sorted(COMMON)[:60])
    result = world.brand.result(job)
    assert result is not None
    assert 0 < seen[-1] < result["joint"]["trained_on"]
