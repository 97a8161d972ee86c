"""What can be done in the console's pages of models: in two steps, by whom it may be, explained."""

import json
from typing import Any

import pytest

from tests.support import common_models, joint_nodes, tracking_nodes
from tests.support.consoles import plain, recorded, signed_in
from tests.support.coordinator import TestClient
from tests.support.tracking_nodes import PURPOSE, model_of, question
from tests.support.trained_nodes import the_job
from tests.support.two_nodes import PARTIES, TwoNodes

# -- an audience ---------------------------------------------------------------------------------


def test_an_audience_is_made_in_two_steps(world: TwoNodes, partner: TestClient) -> None:
    job, node = model_of(world), world.publisher
    before = recorded(node.services)
    ahead = partner.post(f"/models/{job}/audience/look", data={"size": "60"})
    text = plain(ahead)
    assert "the audience has the best 60 of 398 people whom consent covers now" in text
    assert "not scored: 2 no-evidence" in text
    assert f'action="/models/{job}/audience#audience"' in ahead.text
    assert recorded(node.services) == before
    assert not node.has_audience(job)
    made = partner.post(f"/models/{job}/audience", data={"size": "60"})
    assert (made.status_code, made.headers["location"]) == (303, f"/models/{job}#audience")
    assert recorded(node.services)[1] == before[1] + 1, "one use of people"
    said = [
        record
        for record in (node.services.ledger.entry(n).record for n in range(*ledger_since(before)))
        if getattr(record, "action", "") == "audience-made"
    ]
    assert [(one.by, one.detail) for one in said] == [("administrator", f"job {job}, 60 people")]  # type: ignore[union-attr]
    members = node.activate(job)
    assert len(members) == 60
    leaving = next(iter(members))
    node.say("withdrawn", leaving, PURPOSE)
    page = plain(partner.get(f"/models/{job}"))
    assert "60 people Of the dataset audience" in page
    assert "Consent covers 59 of them now; the others are left out" in page
    again = plain(partner.post(f"/models/{job}/audience/look", data={"size": "50"}))
    assert "it takes the place of the audience of 60 people" in again


def ledger_since(before: tuple[int, int]) -> tuple[int, int]:
    """Return the range of entries that the making of an audience may have written."""
    return before[0], before[0] + 3


@pytest.mark.parametrize("size", ["1", "399", "16777216"])
def test_an_audience_of_too_few_or_too_many_is_explained(
    world: TwoNodes, partner: TestClient, size: str
) -> None:
    job = model_of(world)
    for path in ("audience/look", "audience"):
        answer = partner.post(f"/models/{job}/{path}", data={"size": size})
        assert "an audience here has 2 to 398 people" in plain(answer, 409)
        assert f'value="{size}"' in answer.text, "what was typed stays"
    assert not world.publisher.has_audience(job)


@pytest.mark.parametrize("size", ["0", "-3", "many", ""])
def test_what_is_no_size_is_refused(world: TwoNodes, partner: TestClient, size: str) -> None:
    answer = partner.post(f"/models/{model_of(world)}/audience", data={"size": size})
    assert answer.status_code == 422
    assert not world.publisher.has_audience(model_of(world))


# -- later outcomes ------------------------------------------------------------------------------


def test_the_brand_asks_how_its_people_rank_and_reads_the_answer(world: TwoNodes) -> None:
    job, node = model_of(world), world.brand
    with signed_in(node) as client:
        form = {"outcomes": tracking_nodes.OUTCOMES}
        text = plain(client.post(f"/models/{job}/outcomes/look", data=form))
        assert "insight for lookalike-audience under spring version 1" in text
        assert "price: rho" in text
        assert "Ask publisher" in text
        assert len(node.services.jobs.all()) == 1, "nothing is asked yet"
        asked = client.post(f"/models/{job}/outcomes", data=form)
        assert (asked.status_code, asked.headers["location"]) == (303, "/")
        world.clock.advance(seconds=5)
        newest = next(row.job for row in node.services.jobs.all() if row.job != job)
        assert node.services.jobs.description(newest).question
        world.settle(newest)
        assert world.job(newest) == ("completed", "")
        page = plain(client.get(f"/models/{job}"))
        assert newest[:12] in page
        assert "Cannot be told" in page
    with signed_in(world.publisher) as client:
        text = plain(client.get(f"/models/{job}"))
        assert "The answers are brand’s alone." in text
        assert "Asked once" in text
        assert newest[:12] not in text
    assert json.loads(question(job))["model"] == job


def test_outcomes_that_cannot_be_read_are_explained_and_stay(world: TwoNodes) -> None:
    job = model_of(world)
    with signed_in(world.brand) as client:
        for path in ("outcomes/look", "outcomes"):
            answer = client.post(f"/models/{job}/{path}", data={"outcomes": "colours: {}"})
            assert "colours is not a key" in plain(answer, 422)
            assert "colours: {}</textarea>" in answer.text
    assert len(world.brand.services.jobs.all()) == 1


def test_a_joint_score_is_compared_here_and_nothing_of_it_is_kept() -> None:
    outcomes = {"outcomes": 'columns: {churned: {categories: ["yes", "no"]}}\n'
                            'where: {eq: {churned: "yes"}}\n'}  # fmt: skip
    with joint_nodes.trained_nodes() as world, signed_in(world.brand) as client:
        node = world.brand
        (job,) = node.services.scores.listed()
        text = plain(client.get("/models"))
        assert "People of both, by how likely it is that churned is yes" in text
        assert "Joint score with publisher" in text
        page = plain(client.get(f"/models/{job}"))
        assert "A joint score makes no audience." in page
        assert "visits" in page
        assert "yours" in page
        no = client.post(f"/models/{job}/audience/look", data={"size": "5"})
        assert "makes no audience" in plain(no, 409)
        before = recorded(node.services)
        ahead = plain(client.post(f"/models/{job}/outcomes/look", data=outcomes))
        assert "237 of 237 people may be compared now" in ahead
        assert "nothing leaves this party, and nothing is charged" in ahead
        assert recorded(node.services) == before
        told = plain(client.post(f"/models/{job}/outcomes", data=outcomes))
        assert "As good as at training" in told
        assert "fifth 5, lowest scores first" in told
        assert recorded(node.services)[1] == before[1] + 1
        assert "fifth 5" not in plain(client.get(f"/models/{job}"))
        with signed_in(world.publisher) as other:
            text = plain(other.get("/models"))
            assert "Scores that a partner has joint for joint-scoring with brand" in text
            assert "scored by these of this side's columns" in text
            assert "No model yet" not in text


def test_each_partner_reads_and_uses_a_common_model() -> None:
    with common_models.common_model() as world:
        job = the_job(world)
        for party in PARTIES:
            with signed_in(world.nodes[party]) as client:
                text = plain(client.get(f"/models/{job}"))
                assert "People whose renewed is likely to be yes" in text
                assert "999 of 1,000 people" in text
                assert "Round 2 brand, publisher" in text
                assert "No curve of reach is measured for this kind." in text
                assert "Weights follow from counts that are each within ±" in text
                made = client.post(f"/models/{job}/audience", data={"size": "100"})
                assert made.status_code == 303
                assert len(world.nodes[party].activate(job)) == 100
                outcomes: dict[str, Any] = {"outcomes": common_models.OUTCOMES}
                told = plain(client.post(f"/models/{job}/outcomes", data=outcomes))
                assert "nothing has left this party" in told
