"""A lookalike model beside later outcomes: asked as a job, paid once, refused where it is not one's
own.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from party_node import job_words
from party_node.api.jobs import result_chart, result_table
from party_node.errors import JobRefused, NotFound
from party_node.evidence import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.job_views import job_view
from party_node.tables import UsePermissionRow
from party_node.tracking import reached, words
from protocols.dp.queries.reach import LABELS
from tests.support.evidence import failed, unpacked
from tests.support.tracking_nodes import (
    LARGE,
    MEASURING,
    PURPOSE,
    SILENT,
    SMALL,
    by_chance,
    fill,
    model_of,
    of_brand,
    question,
    tracking_nodes,
    wanted,
)
from tests.support.two_nodes import BRAND, NOISE, PUBLISHER, TwoNodes

BUYERS = {n for n in of_brand(SMALL) if wanted(n) and n < SMALL} - SILENT


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with tracking_nodes() as found:
        yield found


def track(world: TwoNodes, **more: Any) -> str:
    """Ask how far the model reaches; return the job, which has completed."""
    asked = {"purpose": PURPOSE, "dataset": "customers", "question": question(model_of(world))}
    world.clock.advance(seconds=1)
    job = world.brand.ask("insight", **asked | more)
    world.settle(job)
    assert world.job(job) == ("completed", ""), world.brand.state(job)
    return job


def numbers(world: TwoNodes, job: str) -> list[int]:
    result = world.brand.result(job)
    assert result is not None
    rows = result["statistics"]["rows"]
    assert [row["key"] for row in rows] == [[label] for label in LABELS]
    return [0 if row["value"] is None else row["value"] for row in rows]


def test_who_has_the_outcome_is_counted_by_rank_among_the_partners_people(world: TwoNodes) -> None:
    job = track(world)
    found = numbers(world, job)
    assert abs(found[-1] - len(BUYERS)) <= 3 * NOISE
    # The model knows what makes a seed, so the best people are nearly all buyers.
    best = -(-50 * (SMALL - len(SILENT)) // 1000)
    assert best - 6 <= found[2] <= best + 3 * NOISE
    assert abs(found[5] - len(BUYERS)) <= 3 * NOISE
    (told,) = reached.tracked(world.brand.services, model_of(world))["tracked"]
    assert told["job"] == job
    assert told["verdict"] == "cannot-be-told", "few seeds were held out"
    assert told["people"] == found[-1]
    assert told["curve"][3]["now"]["recall"] == round(found[3] / found[-1], 3)


def test_it_is_said_in_plain_words(world: TwoNodes) -> None:
    model = model_of(world)
    assert [*words.reach(reached.tracked(world.brand.services, model))] == [
        "no outcome has been asked about yet: `accord model track JOB --outcomes FILE`"
    ]
    ahead = world.brand.look_ahead(
        "insight", purpose=PURPOSE, dataset="customers", question=question(model)
    )
    said = {one["who"]: one["what"] for one in ahead["who_learns"]}
    assert "best 1 %, 2 %, 5 %" in said[BRAND]
    assert model in said[BRAND]
    assert "not who matches" in said[PUBLISHER]
    job = track(world)
    told = [*words.reach(reached.tracked(world.brand.services, model))]
    assert told[0].startswith("by outcomes of ")
    assert job[:12] in told[0]
    assert told[-1] == "  cannot be told: too few outcomes for this noise"
    assert any("in the best 10%" in line and "at training" in line for line in told)
    result = world.brand.result(job)
    assert result is not None
    assert any("reach of people in common" in line for line in job_words.result(result))


def test_the_partner_pays_once_and_is_told_no_answer(world: TwoNodes) -> None:
    job = track(world)
    (charge,) = world.publisher.charges(job)
    assert (charge.what, charge.rho_nano) == ("statistics", 10_000_000_000)
    assert world.brand.charges(job) == []
    assert reached.tracked(world.publisher.services, model_of(world))["tracked"] == []


def test_consent_to_matching_and_scoring_is_asked_and_recorded(world: TwoNodes) -> None:
    job = track(world)
    use = world.publisher.use(job)
    assert isinstance(use, UsePermissionRow)
    said = world.publisher.services.ledger.entry(use.use_entry).record
    assert said.operation == "psi/lookalike.score"  # type: ignore[union-attr]
    assert said.purpose == PURPOSE  # type: ignore[union-attr]
    for node in world.nodes.values():
        checks = audit_bundle(unpacked(evidence.bundle(node.services, job)))
        assert failed(checks) == set()
        assert any("the use record of this ledger is about this job" in c.what for c in checks)


@pytest.mark.slow
def test_the_answer_as_a_table_and_as_a_chart(world: TwoNodes) -> None:
    job, here = track(world), world.brand._running()
    lines = bytes(result_table(job, here).body).decode().splitlines()
    assert lines[0] == "reach,value,low,high,people,hidden"
    assert lines[-1].startswith("everybody,")
    assert "best 10 %" in bytes(result_chart(job, here).body).decode()


def test_the_same_question_again_is_answered_from_the_first_release(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.least_change = 2
        node.restart()
    first, second = track(world), track(world)
    assert numbers(world, first) == numbers(world, second)
    assert world.publisher.charges(second) == []
    newest, _ = reached.tracked(world.brand.services, model_of(world))["tracked"]
    assert newest["earlier"]["job"] == first


def test_who_withdraws_is_in_no_audience_any_more(world: TwoNodes) -> None:
    leaving = sorted(BUYERS)[::2]
    for person in leaving:
        world.publisher.say("withdrawn", person, PURPOSE)
    found = numbers(world, track(world))
    assert abs(found[-1] - (len(BUYERS) - len(leaving))) <= 3 * NOISE


@pytest.mark.slow
def test_nodes_that_die_after_every_step_bring_it_to_its_end(world: TwoNodes) -> None:
    job = world.brand.ask(
        "insight", purpose=PURPOSE, dataset="customers", question=question(model_of(world))
    )

    world.settle(job, each=world.restart)
    assert world.job(job) == ("completed", "")
    assert len(world.publisher.charges(job)) == 1
    assert abs(numbers(world, job)[-1] - len(BUYERS)) <= 3 * NOISE


def test_a_model_that_no_job_has_made_is_refused(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="no job here has made"):
        world.brand.ask("insight", purpose=PURPOSE, question=question("0" * 32))
    with pytest.raises(NotFound):
        reached.tracked(world.brand.services, "0" * 32)


def test_a_job_that_has_made_no_model_is_refused(world: TwoNodes) -> None:
    tracked = track(world)
    with pytest.raises(JobRefused, match="has made no model"):
        world.brand.ask("insight", purpose=PURPOSE, question=question(tracked))
    with pytest.raises(NotFound, match="has left no model at this node"):
        reached.tracked(world.brand.services, tracked)


def test_a_model_does_not_score_for_another_purpose(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="for the purpose that it was made for"):
        world.brand.ask("insight", purpose=MEASURING, question=question(model_of(world)))


def test_only_who_brought_the_seeds_asks(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="gets the answer"):
        world.publisher.ask("insight", purpose=PURPOSE, question=question(model_of(world)))


def test_a_dataset_that_the_agreement_does_not_name_is_refused(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="dataset private of brand"):
        world.brand.ask(
            "insight", purpose=PURPOSE, dataset="private", question=question(model_of(world))
        )


def test_a_model_that_the_partner_has_removed_is_said_before_anything_is_paid(
    world: TwoNodes,
) -> None:
    model = model_of(world)
    (world.publisher.services.home.models / f"{model}.model").unlink()
    job = world.brand.ask("insight", purpose=PURPOSE, dataset="customers", question=question(model))
    world.settle(job)
    assert world.job(job) == ("declined", "model-gone")
    assert world.publisher.charges(job) == []


def test_a_hostile_asker_who_skips_its_own_checks_is_declined(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names a model that was made for another collaboration, or for nobody."""
    monkeypatch.setattr(world.brand.services.jobs, "_check_model", lambda _job: None)
    theirs, model = world.publisher.services.jobs, model_of(world)
    made, true = theirs.description(model), theirs.description
    others = {
        model: dataclasses.replace(made, collaboration="autumn"),
        "e" * 32: None,  # nobody's
    }
    for named, found in others.items():
        shown = {} if found is None else {named: found}
        monkeypatch.setattr(theirs, "description", lambda job, by=shown: by.get(job) or true(job))
        job = world.brand.ask(
            "insight", purpose=PURPOSE, dataset="customers", question=question(named)
        )
        world.settle(job)
        assert world.job(job) == ("declined", "job-refused")
        assert world.publisher.use(job) is None
        assert theirs.get(job).state == "declined"


@pytest.mark.slow
def test_where_buyers_are_as_the_model_says_it_is_as_good_and_where_not_it_is_worse() -> None:
    with tracking_nodes(LARGE) as world:
        model = model_of(world)
        track(world)
        (good,) = reached.tracked(world.brand.services, model)["tracked"]
        assert good["verdict"] == "as-good"
        assert good["command"] is None
        world.clock.advance(seconds=60)
        fill(world.brand, world.folder, LARGE, by_chance)
        track(world)
        worse, _ = reached.tracked(world.brand.services, model)["tracked"]
        assert worse["verdict"] == "worse"
        assert worse["command"] == (
            f"accord job lookalike spring --purpose {PURPOSE} --query QUESTION.yaml"
        )
        # Fewer than ten are never compared, and noise of scale 0.66 would have to add seven.
        few = [n for n in of_brand(LARGE) if wanted(n) and n not in SILENT][:3]
        world.clock.advance(seconds=60)
        fill(world.brand, world.folder, LARGE, set(few).__contains__)
        track(world)
        unknown = reached.tracked(world.brand.services, model)["tracked"][0]
        assert unknown["verdict"] == "cannot-be-told"
        assert unknown["command"] is None
        told = job_view(world.publisher.services, unknown["job"])
        assert told["state"] == "completed"
