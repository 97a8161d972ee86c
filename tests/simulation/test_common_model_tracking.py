"""A common model beside later outcomes, at each partner that has it: nothing leaves it."""

from collections.abc import Iterator

import pytest

from party_node import results
from party_node.errors import ExpiredCollaboration, IllegalState, MissingColumn, NotFound
from party_node.scoring import again
from party_node.tables import BudgetChargeRow
from party_node.tracking import by_scores
from party_node.tracking.outcomes_file import parse
from tests.support.common_models import (
    HELD,
    OUTCOMES,
    PURPOSE,
    SILENT,
    by_chance,
    by_model,
    common_model,
    fill,
)
from tests.support.federated_nodes import uses_of
from tests.support.trained_nodes import THREE, the_job, to_be_scored, trained_nodes
from tests.support.two_nodes import BRAND, COLLABORATION, PUBLISHER, Node, TwoNodes

YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with common_model() as found:
        yield found


def track(node: Node, job: str, outcomes: str = OUTCOMES) -> dict[str, object]:
    return by_scores.track(node.services, job, parse(outcomes), node.party)


@pytest.mark.parametrize("party", [BRAND, PUBLISHER])
def test_each_partner_compares_its_own_people_and_nothing_leaves(
    world: TwoNodes, party: str
) -> None:
    node, job = world.nodes[party], the_job(world)
    charged, sent = len(node.rows(BudgetChargeRow)), len(world.brand.services.jobs.all())
    fill(node, world.folder, by_model)
    good = track(node, job)
    assert good["verdict"] == "as-good"
    assert (good["people"], good["withheld"]) == (len(HELD[party]) - 1, 1)
    assert good["with_outcome"] == sum(by_model(n) for n in set(HELD[party]) - SILENT)
    told = results.load(node.services.db, job)["model"]["rounds"][-1]
    assert good["before"]["auc"] == pytest.approx(told["auc"], abs=1e-4)
    assert 60 <= told["judged_on"] <= 150, "a tenth of a thousand"
    assert 0 < told["with_label"] < told["judged_on"]
    fill(node, world.folder, by_chance)
    worse = track(node, job)
    assert worse["verdict"] == "worse"
    assert worse["command"] == (
        f"accord job federated {COLLABORATION} --purpose {PURPOSE} --query QUESTION.yaml"
    )
    fill(node, world.folder, lambda n: n in (1, 2, 1001, 1002))
    assert track(node, job)["verdict"] == "cannot-be-told"
    assert len(node.rows(BudgetChargeRow)) == charged
    assert len(world.brand.services.jobs.all()) == sent
    first, *_ = made = uses_of(node, job, "track")
    assert len(made) == 3
    assert (first.purpose, first.operation) == (PURPOSE, "lookalike.score")
    assert (first.asked, first.allowed) == (len(HELD[party]), len(HELD[party]) - 1)


def test_who_has_no_outcome_or_has_withdrawn_is_not_compared(world: TwoNodes) -> None:
    node, job = world.publisher, the_job(world)
    gone = {1010, 1011, 1020}
    for person in gone:
        node.say("withdrawn", person, PURPOSE)
    fill(node, world.folder, lambda n: None if n % 10 == 0 else by_model(n))
    left = {n for n in HELD[PUBLISHER] if n % 10} - SILENT - gone
    found = track(node, job)
    assert (found["people"], found["withheld"]) == (len(left), 4)
    assert found["without_outcome"] == 100 - len({1010, 1020})
    assert found["with_outcome"] == sum(by_model(n) for n in left)
    # Who says that missing means yes has said what it means.
    where = OUTCOMES.replace('{eq: {renewed: "yes"}}', "{is_null: renewed}")
    assert track(node, job, where)["with_outcome"] == found["without_outcome"]


def test_what_cannot_be_compared_is_refused_and_nobody_is_asked_about(world: TwoNodes) -> None:
    node, job = world.publisher, the_job(world)
    with pytest.raises(MissingColumn, match="bought"):
        track(node, job, OUTCOMES.replace("renewed", "bought"))
    with pytest.raises(IllegalState, match="does not offer others"):
        track(node, job, "dataset: others\n" + OUTCOMES)
    with pytest.raises(NotFound):
        track(node, "0" * 32)
    (kept,) = node.services.home.models.glob("*.trained")
    content = kept.read_bytes()
    kept.unlink()
    with pytest.raises(NotFound, match="has trained no model here"):
        track(node, job)
    kept.write_bytes(content)
    node.clock.now_ms += YEAR_MS
    with pytest.raises(ExpiredCollaboration):
        track(node, job)
    assert uses_of(node, job, "track") == []


def test_where_nobody_may_be_scored_there_is_nothing_to_compare(world: TwoNodes) -> None:
    node, job = world.publisher, the_job(world)
    file = world.folder / "silent.csv"
    file.write_text("id,email,age,tier,renewed\nrow,person.1005@example.com,30,gold,yes\n")
    node.services.datasets.register("people", file, "id", "email", None, None)
    with pytest.raises(IllegalState, match="nobody may be scored"):
        track(node, job)
    (use,) = uses_of(node, job, "track")
    assert (use.asked, use.allowed) == (1, 0)


def test_results_of_before_do_not_say_how_many_judged(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, job = world.publisher, the_job(world)
    told = results.load(node.services.db, job)
    for at in told["model"]["rounds"]:
        del at["judged_on"], at["with_label"]
    monkeypatch.setattr(by_scores.results, "load", lambda _db, _job: told)
    found = track(node, job)
    assert (found["verdict"], found["before"]) == ("cannot-be-told", None)
    assert found["now"] is not None


@pytest.mark.slow
def test_of_three_parties_consent_is_asked_towards_each_other_one() -> None:
    with trained_nodes(THREE) as world:
        job, node = the_job(world), world.publisher
        assert len(to_be_scored(PUBLISHER, THREE)) == track(node, job)["people"] + sum(
            n % 10 == 1 for n in to_be_scored(PUBLISHER, THREE)
        )
        assert len(uses_of(node, job, "track")) == 2
        scored = again.score(node.services, job, PUBLISHER)
        assert len(scored.people) == len(to_be_scored(PUBLISHER, THREE))
