"""Scores and audiences by a common model: at each partner, of its own people, asked anew."""

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from party_node import audiences
from party_node.api import models
from party_node.cli import model as cli_model
from party_node.cli.main import app
from party_node.errors import (
    ExpiredCollaboration,
    IllegalState,
    MissingColumn,
    NotFound,
    ScoringNotAgreed,
)
from party_node.job_views import job_list
from party_node.roles.callers import ADMINISTRATOR
from party_node.scoring import again
from party_node.scoring.purposes import purpose_for
from party_node.scoring.scored import Scored
from protocols.federated import fixed_point
from tests.support.federated_nodes import HELD, PURPOSE, SHOP, THREE, TIERS, age, tier, uses_of
from tests.support.trained_nodes import (
    SCORED,
    TRAINING_ALONE,
    UNLABELLED,
    the_job,
    to_be_scored,
    trained_nodes,
)
from tests.support.two_nodes import BRAND, PUBLISHER, Node, TwoNodes, email, key

EDGES = (30, 40, 50, 60)
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with trained_nodes() as found:
        yield found


def plain_score(node: Node, job: str, person: int) -> float:
    """Add a person's weights up by hand."""
    made = node.services.trained.load(job)
    weights = fixed_point.read_weights(made.terms, made.weights)
    of_age = sum(age(person) > edge for edge in EDGES)
    of_tier = TIERS.index(tier(person))
    return float(weights[0] + weights[1 + of_age] + weights[1 + len(EDGES) + 2 + of_tier])


def scores_of(node: Node, found: Scored) -> dict[int, float]:
    rows = list(found.rows())
    assert [s for _, s in rows] == sorted((s for _, s in rows), reverse=True)
    assert all(row.startswith(f"{node.party}-row-") for row, _ in rows)
    return {int(row.rsplit("-", 1)[1]): s for row, s in rows}


@pytest.mark.parametrize("party", [BRAND, PUBLISHER])
def test_each_partner_scores_its_own_people_by_weights_and_rows(
    world: TwoNodes, party: str
) -> None:
    node, job = world.nodes[party], the_job(world)
    ahead = again.foreseen(node.services, job, party)
    assert uses_of(node, job, "score") == [], "to look ahead is no use of anybody"
    found = again.score(node.services, job, party)
    scores = scores_of(node, found)
    assert set(scores) == to_be_scored(party)
    assert (ahead.asked, len(ahead.allowed)) == (len(HELD[party]), len(scores))
    assert sum(ahead.denied.values()) == found.withheld
    assert scores.keys() & UNLABELLED, "a missing label keeps nobody from being scored"
    for person, got in scores.items():
        assert got == pytest.approx(plain_score(node, job, person), abs=1e-9)
    assert found.withheld == len(set(HELD[party]) & TRAINING_ALONE)
    (use,) = uses_of(node, job, "score")
    assert (use.purpose, use.operation) == (SCORED, "lookalike.score")
    assert (use.asked, use.allowed) == (len(HELD[party]), len(scores))


def test_who_withdraws_from_either_purpose_is_in_no_later_score_and_no_audience(
    world: TwoNodes,
) -> None:
    job, node = the_job(world), world.publisher
    members = best(node, job, 50)
    leaving = sorted(members)[:3]
    node.say("withdrawn", leaving[0], SCORED, recipient=BRAND)
    node.say("withdrawn", leaving[1], PURPOSE, recipient=BRAND)
    node.say("withdrawn", leaving[2], "partner-marketing", recipient=BRAND)
    assert node.activate(job) == members - set(leaving)
    scores = scores_of(node, again.score(node.services, job, PUBLISHER))
    assert set(scores) == to_be_scored(PUBLISHER) - set(leaving)
    assert not best(node, job, 50) & set(leaving)


def best(node: Node, job: str, size: int, **more: Any) -> set[int]:
    """Make an audience and hand it out."""
    again.make_audience(node.services, job, size, node.party, **more)
    return node.activate(job)


def test_an_audience_has_the_best_of_a_chosen_size_and_is_handed_out(world: TwoNodes) -> None:
    job, node = the_job(world), world.publisher
    assert not node.has_audience(job)
    members = best(node, job, 55)
    scores = scores_of(node, again.score(node.services, job, PUBLISHER))
    assert len(members) == 55
    worst = min(scores[n] for n in members)
    assert all(scores[n] <= worst for n in scores.keys() - members)
    smaller = best(node, job, 50)
    assert len(smaller) == 50
    assert smaller < members, "it is in the place of the earlier one"


def test_people_of_a_list_are_left_out_and_not_even_asked_about(world: TwoNodes) -> None:
    job, node = the_job(world), world.publisher
    before = best(node, job, 50)
    listed = {*sorted(before)[:7], *sorted(TRAINING_ALONE & set(HELD[PUBLISHER]))[:2]}
    keys = [key(PUBLISHER, n) for n in sorted(listed)]
    unknown = ["no-such-row", key(BRAND, 1), "no-such-row"]
    made = again.make_audience(node.services, job, 50, PUBLISHER, [*keys, keys[0], *unknown])
    assert (made.left_out, made.unknown_keys) == (9, 2)
    members = node.activate(job)
    assert len(members) == 50
    assert not members & listed
    assert before - listed <= members
    assert len(made.scored.people) == len(to_be_scored(PUBLISHER)) - 7
    assert uses_of(node, job, "score")[-1].asked == len(HELD[PUBLISHER]) - 9


def test_an_audience_below_the_agreed_size_or_above_the_people_is_refused(
    world: TwoNodes,
) -> None:
    job, node = the_job(world), world.publisher
    many = len(to_be_scored(PUBLISHER))
    for size in (1, 49, many + 1):
        with pytest.raises(IllegalState, match=f"50 to {many}"):
            again.make_audience(node.services, job, size, PUBLISHER)
    everybody = [key(PUBLISHER, n) for n in HELD[PUBLISHER]]
    with pytest.raises(IllegalState, match="nobody may be scored"):
        again.make_audience(node.services, job, 50, PUBLISHER, everybody)
    assert not node.has_audience(job)


def test_a_model_does_not_outlive_its_collaboration(world: TwoNodes) -> None:
    job, node = the_job(world), world.publisher
    best(node, job, 50)
    node.clock.now_ms += 400 * DAY_MS
    for refused in (
        lambda: again.score(node.services, job, PUBLISHER),
        lambda: again.make_audience(node.services, job, 50, PUBLISHER),
        lambda: node.activate(job),
    ):
        with pytest.raises(ExpiredCollaboration):
            refused()


def test_a_partner_without_the_model_is_told_so_and_nothing_is_asked(world: TwoNodes) -> None:
    job, node = the_job(world), world.publisher
    (kept,) = node.services.home.models.glob("*.trained")
    kept.unlink()
    with pytest.raises(NotFound, match="has trained no model here"):
        again.score(node.services, job, PUBLISHER)
    assert uses_of(node, job, "score") == []
    assert models.listed(node._running()) == []


def test_an_agreement_on_training_alone_lets_nobody_be_scored(world: TwoNodes) -> None:
    job, node = the_job(world), world.publisher
    description = node.services.jobs.description(job)
    agreed = node.services.jobs.agreement(description)
    assert description.purpose == PURPOSE
    assert purpose_for(description, agreed, node.services.vocabulary) == SCORED
    alone = agreed.permitted[:1]
    assert [clause.purpose for clause in alone] == [PURPOSE]
    narrow = dataclasses.replace(agreed, permitted=alone)
    with pytest.raises(ScoringNotAgreed):
        purpose_for(description, narrow, node.services.vocabulary)
    both = dataclasses.replace(description, purpose=SCORED)  # one purpose that covers it all
    one = dataclasses.replace(agreed, permitted=agreed.permitted[1:])
    assert purpose_for(both, one, node.services.vocabulary) == SCORED


def test_rows_are_read_as_they_are_registered_now_and_without_the_label(
    world: TwoNodes, tmp_path: Path
) -> None:
    job, node = the_job(world), world.publisher
    file = tmp_path / "now.csv"
    people = list(HELD[PUBLISHER])[:60]
    rows = [f"{key(PUBLISHER, n)},{email(n)},{age(n)},gold" for n in people]
    file.write_text("\n".join(["id,email,age,tier", *rows]) + "\n")
    node.services.datasets.register("people", file, "id", "email", None, None)
    scores = scores_of(node, again.score(node.services, job, PUBLISHER))
    assert set(scores) == set(people) & to_be_scored(PUBLISHER)
    gold = {n: s for n, s in scores.items() if tier(n) == "gold"}
    assert all(s == pytest.approx(plain_score(node, job, n)) for n, s in gold.items())
    assert len({round(s, 9) for n, s in scores.items() if age(n) <= 30}) == 1
    file.write_text(
        "\n".join(
            [
                "id,email,tier",
                *[r.replace(f",{age(n)}", "") for n, r in zip(people, rows, strict=True)],
            ]
        )
        + "\n"
    )
    node.services.datasets.register("people", file, "id", "email", None, None)
    with pytest.raises(MissingColumn):
        again.score(node.services, job, PUBLISHER)


def test_another_offered_dataset_can_be_scored_and_no_other(
    world: TwoNodes, tmp_path: Path
) -> None:
    job, node = the_job(world), world.publisher
    file = tmp_path / "prospects.csv"
    people = sorted(to_be_scored(PUBLISHER))[:70]
    rows = [f"prospect-{n:03},{email(n)},{age(n)},{tier(n)}" for n in people]
    file.write_text("\n".join(["id,email,age,tier", *rows]) + "\n")
    for name in ("prospects", "not-offered"):
        node.services.datasets.register(name, file, "id", "email", None, None)
    found = again.score(node.services, job, PUBLISHER, "prospects")
    assert dict(found.rows()) == {
        f"prospect-{n:03}": pytest.approx(plain_score(node, job, n)) for n in people
    }
    (use,) = uses_of(node, job, "score")
    assert use.datasets == ("prospects",)
    made = again.make_audience(
        node.services, job, 50, PUBLISHER, [f"prospect-{people[0]:03}"], "prospects"
    )
    assert (made.left_out, made.scored.dataset) == (1, "prospects")
    keys = audiences.activate(node.services, job, PUBLISHER).keys
    assert len(keys) == 50
    assert all(row.startswith("prospect-") for row in keys)
    with pytest.raises(IllegalState, match="does not offer not-offered"):
        again.score(node.services, job, PUBLISHER, "not-offered")


@pytest.mark.slow
def test_of_three_parties_consent_towards_one_is_not_enough() -> None:
    with trained_nodes(THREE) as world:
        job, node = the_job(world), world.publisher
        first = world.brand.services.jobs.description(job).others(PUBLISHER)[0]
        assert first == BRAND
        found = again.score(node.services, job, PUBLISHER)
        scores = scores_of(node, found)
        assert set(scores) == to_be_scored(PUBLISHER, THREE)
        ahead = again.foreseen(node.services, job, PUBLISHER)
        assert (len(ahead.allowed), sum(ahead.denied.values())) == (len(scores), found.withheld)
        for person, got in scores.items():
            assert got == pytest.approx(plain_score(node, job, person), abs=1e-9)
        towards = {use.recipient: use for use in uses_of(node, job, "score")}
        assert set(towards) == {BRAND, SHOP}
        assert towards[SHOP].allowed == len(scores) < towards[BRAND].allowed
        assert best(node, job, 50) <= set(scores)


# -- the interface and the command ---------------------------------------------------------------


@pytest.fixture
def commands(world: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> TwoNodes:
    """Let `accord model` call the publisher's routes, without a socket."""
    running = world.publisher._running()

    class Client:
        def list(self, path: str) -> list[dict[str, Any]]:
            if path == "/v1/jobs":
                return job_list(running.services)
            assert path == "/v1/models"
            return models.listed(running)

        def get(self, path: str) -> dict[str, Any]:
            return models.stands(path.split("/")[3], running)

        def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            job = path.split("/")[3]
            asked = models.AudienceBody.model_validate(body)
            return models.make_audience(job, asked, running, ADMINISTRATOR)

        def download(self, path: str, method: str = "GET", **asked: str) -> bytes:
            assert method == "POST"
            answer = models.scores(path.split("/")[3], running, ADMINISTRATOR, **asked)
            return bytes(answer.body)

    monkeypatch.setattr(cli_model, "client_of", lambda _home: Client())
    return world


def accord(*words: str) -> str:
    found = CliRunner().invoke(app, ["model", *words])
    assert found.exit_code == 0, found.output
    return found.output


def test_the_command_lists_and_shows_a_common_model_in_plain_words(commands: TwoNodes) -> None:
    job = the_job(commands)
    told = accord("list")
    assert job[:12] in told
    assert "federated" in told
    assert "renewed (yes)" in told
    assert "AUC 0." in told
    shown = accord("show", job[:6])
    assert "round 2: brand, publisher; AUC 0." in shown
    assert "tier: basic " in shown
    assert "note: It ranks." in shown
    people = HELD[PUBLISHER]
    assert f"can be scored now: {len(to_be_scored(PUBLISHER))} of {len(people)} people" in shown
    assert "withdrawn since it was made, or consent has ended: 0 of" in shown
    assert "audience: " not in shown
    (card,) = json.loads(accord("list", "--json"))
    assert card["card"]["signed_by"] == [BRAND, PUBLISHER]


def test_the_command_writes_scores_best_first_for_its_owner_only(
    commands: TwoNodes, tmp_path: Path
) -> None:
    job, out = the_job(commands), tmp_path / "scores.csv"
    accord("scores", job[:8], "--out", str(out))
    assert out.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {int(r["id"].rsplit("-", 1)[1]) for r in rows} == to_be_scored(PUBLISHER)
    assert [float(r["score"]) for r in rows] == sorted(float(r["score"]) for r in rows)[::-1]


def test_the_command_makes_an_audience_without_the_rows_of_a_file(
    commands: TwoNodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job, file = the_job(commands), tmp_path / "bought.txt"
    listed = sorted(to_be_scored(PUBLISHER))[:5]
    file.write_text("".join(f"{key(PUBLISHER, n)}\n" for n in listed) + "stranger-77\n")
    told = accord("audience", job[:8], "--size", "50", "--without", str(file))
    assert "left out by the list: 5 people" in told
    assert "keys of the list that no row has: 1" in told
    assert "stranger-77" not in told + capsys.readouterr().err
    assert not commands.publisher.activate(job) & set(listed)
