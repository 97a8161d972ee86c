"""Jobs of the kind `joint` between two nodes: one score for each of the asker's own people."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consent.uses import UseRecord
from party_node import preflight
from party_node.errors import InvalidCollaboration, JobRefused, NotFound
from party_node.scoring import again, cards, kept
from protocols.codec import encode
from protocols.dp.queries.scalars import InvalidQuery
from tests.support.joint_nodes import (
    COMMON,
    DOCUMENT,
    PURPOSE,
    QUESTION,
    SILENT,
    churned,
    joint_nodes,
    the_model,
    trained_nodes,
    withdrawn_meanwhile,
)
from tests.support.two_nodes import BRAND, NOISE, PARTIES, PUBLISHER, TwoNodes, email, key


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with joint_nodes() as found:
        yield found


@pytest.fixture
def trained() -> Iterator[TwoNodes]:
    """A world in which one job has completed."""
    with trained_nodes() as found:
        yield found


def run(world: TwoNodes, question: str = QUESTION, **more: object) -> str:
    return world.complete("joint", question=question, **{"route": "cot"} | more)


def scores_of(world: TwoNodes, job: str) -> dict[str, float]:
    return dict(again.score(world.brand.services, job, BRAND).rows())


def test_a_score_for_each_of_the_brands_people_whom_both_have(trained: TwoNodes) -> None:
    job = the_model(trained)
    found = scores_of(trained, job)
    assert set(found) == {key(BRAND, n) for n in COMMON}
    pairs = [
        (found[key(BRAND, a)], found[key(BRAND, b)])
        for a in COMMON for b in COMMON if churned(a) and not churned(b)
    ]  # fmt: skip
    assert sum(a > b for a, b in pairs) / len(pairs) > 0.9
    result = trained.brand.result(job)
    assert result is not None
    told = result["joint"]
    assert told["people"] == len(COMMON)
    assert told["auc"] > 0.8
    assert set(told["weights"]["theirs"]) == {"age", "tier"}
    assert told["trained_on"] + told["judged_on"] == len(COMMON)


def test_the_partner_learns_a_noisy_size_and_the_weights(trained: TwoNodes) -> None:
    job = the_model(trained)
    told = trained.publisher.result(job)
    assert told is not None
    assert abs(told["size"]["value"] - len(COMMON)) <= NOISE
    assert set(told["joint"]["weights"]["own"]) == {"age", "tier"}
    assert "people" not in told["joint"]
    with pytest.raises(NotFound):
        trained.publisher.services.scores.load(job)


def test_what_there_is_to_score_by_is_listed_where_it_is(trained: TwoNodes) -> None:
    job = the_model(trained)
    (one,) = kept.listed(trained.brand.services)
    assert (one.job, one.kind) == (job, "joint")
    what, how_good = cards.in_short(one.kind, one.card)
    assert what == f"the label of {len(COMMON)} people of both"
    assert how_good.startswith("AUC ")
    assert next(cards.everything[one.kind](one.card)).startswith("a score for each of")
    assert kept.listed(trained.publisher.services) == []


def test_both_sign_and_the_receipt_commits_to_the_scores(trained: TwoNodes) -> None:
    job = the_model(trained)
    receipts = [trained.nodes[party].receipt(job) for party in PARTIES]
    assert receipts[0] == receipts[1]
    assert receipts[0] is not None
    whole, signatures = receipts[0]
    assert set(signatures) == set(PARTIES)
    brand = whole.part_of(BRAND)
    assert brand is not None
    kept = trained.brand.services.scores.load(job)
    assert brand.released[-1].commitment == hashlib.sha256(encode(kept)).digest()
    charged = {p: [(c.to_party, c.what) for c in trained.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {BRAND: [(PUBLISHER, "noisy-size")], PUBLISHER: [(BRAND, "members")]}


def test_who_withdraws_later_has_no_score_any_more(trained: TwoNodes) -> None:
    job = the_model(trained)
    gone = sorted(COMMON)[:5]
    for person in gone:
        trained.brand.say("withdrawn", person, PURPOSE)
    found = scores_of(trained, job)
    assert set(found) == {key(BRAND, n) for n in COMMON - set(gone)}


def test_who_withdrew_before_the_release_has_none(world: TwoNodes) -> None:
    gone = sorted(COMMON)[:5]
    job = withdrawn_meanwhile(world, "release", BRAND, gone)
    people, _ = world.brand.services.scores.load(job).read()
    assert len(people) == len(COMMON) - len(gone)


@pytest.mark.slow
def test_who_withdraws_at_the_partner_meanwhile_is_scored_still_and_a_use_record_says_so(
    world: TwoNodes,
) -> None:
    """Known, and said in docs/concepts/joint-score.md: what was laid down is what is added up."""
    gone = sorted(COMMON)[:5]
    job = withdrawn_meanwhile(world, "protocol", PUBLISHER, gone)
    assert set(scores_of(world, job)) == {key(BRAND, n) for n in COMMON}
    entries = (entry.record for entry in world.publisher.services.ledger.entries())
    uses = [r for r in entries if isinstance(r, UseRecord) and r.job == job]
    assert uses[0].allowed - uses[-1].allowed == len(gone)


def test_a_route_may_be_forced(world: TwoNodes) -> None:
    """The other one: each test else forces `cot`."""
    job = run(world, route="bfv")
    result = world.brand.result(job)
    assert result is not None
    assert result["provenance"]["protocol"] == "joint-bfv/3"
    assert result["joint"]["auc"] > 0.8


def test_the_route_is_chosen_by_how_many_people_the_asker_has(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = world.brand.services.jobs
    few = jobs.description(world.brand.ask("joint", question=QUESTION))
    monkeypatch.setattr(preflight, "likely", lambda _step: 100_000)
    many = jobs.description(world.brand.ask("joint", question=QUESTION))
    assert (few.protocol, many.protocol) == ("joint-cot/3", "joint-bfv/3")


def test_a_job_whose_route_is_chosen_is_described_once(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, collaborations = world.brand.services.jobs, world.brand.services.collaborations
    done: list[str] = []
    for owner, name in ((jobs, "describe"), (collaborations, "sync")):
        monkeypatch.setattr(owner, name, _noted(getattr(owner, name), name, done))
    world.brand.look_ahead("joint", question=QUESTION)
    assert done == ["describe", "sync"]


def _noted(act: Callable[..., Any], name: str, done: list[str]) -> Callable[..., Any]:
    def noting(*given: Any) -> Any:
        done.append(name)
        return act(*given)

    return noting


def test_with_noise_the_moments_are_private_and_the_score_still_ranks(world: TwoNodes) -> None:
    job = run(world, QUESTION + "noise: true\n")
    result = world.brand.result(job)
    assert result is not None
    assert result["joint"]["noise"] is True
    assert len(scores_of(world, job)) == len(COMMON)


def test_nodes_that_die_after_every_step_bring_it_to_its_end(world: TwoNodes) -> None:
    job = world.brand.ask("joint", question=QUESTION, route="cot")

    world.settle(job, each=world.restart)
    assert world.job(job) == ("completed", "")
    assert len(scores_of(world, job)) == len(COMMON)
    assert all(len(world.nodes[party].charges(job)) == 1 for party in PARTIES)


def test_an_erased_person_has_no_score(trained: TwoNodes) -> None:
    job = the_model(trained)
    parts, gone = trained.brand.services, min(COMMON)
    dense = int(parts.identity.resolve([email(gone)], [None]).dense[0])
    parts.aftermath.erasing.erase(dense, "request-1")
    people, scores = parts.scores.load(job).read()
    assert len(people) == len(scores) == len(COMMON) - 1
    assert dense not in people


def test_only_who_gets_the_scores_asks(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="gets it"):
        world.publisher.ask("joint", question=QUESTION)


def test_columns_that_are_not_offered_are_refused(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="income"):
        world.brand.ask("joint", question=QUESTION.replace("column: age", "column: income"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (QUESTION.replace("  label:", "  labels:"), "labels is not a key"),
        (QUESTION.replace('price: {rho: "8"}', ""), "price: is missing"),
        (QUESTION + "noise: perhaps\n", "true or false"),
        (QUESTION.replace("kind: numeric", "kind: number", 1), "kind"),
    ],
)
def test_a_question_that_cannot_be_read_says_where(world: TwoNodes, wrong: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        world.brand.ask("joint", question=wrong)


def test_an_agreement_must_say_that_it_reveals(world: TwoNodes) -> None:
    silent = DOCUMENT.replace(", reveal: true", "").replace("version: 1", "version: 2")
    with pytest.raises(InvalidCollaboration, match="reveal"):
        world.brand.services.collaborations.propose(silent)


def test_before_it_is_asked_it_says_who_learns_what(world: TwoNodes) -> None:
    ahead = world.brand.look_ahead("joint", question=QUESTION)
    said = {one["who"]: one["what"] for one in ahead["who_learns"]}
    assert "which of its own people publisher has too" in said[BRAND]
    assert "never which people" in said[PUBLISHER]
    assert SILENT[BRAND]
