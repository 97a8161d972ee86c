"""Jobs that score by the model of an earlier joint job: today's rows, whom consent covers now."""

import dataclasses
import hashlib
import json

import pytest

from consent.audit import Outcome
from consent.uses import UseRecord
from party_node import job_words
from party_node.earlier_models import check
from party_node.errors import JobRefused, ModelGone
from party_node.evidence import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.job_requests import Request
from party_node.joint import earlier
from party_node.joint.sides import ReceiverSide, SenderSide
from party_node.scoring.again import score
from party_node.services import Services
from protocols.codec import encode
from protocols.dp.queries.scalars import InvalidQuery
from protocols.job import JobDescription
from protocols.joint.basis import Basis
from protocols.lookalike.features import FeatureSpecification
from tests.support.evidence import failed, unpacked
from tests.support.joint_nodes import (
    COMMON,
    DOCUMENT,
    PURPOSE,
    fill,
    the_model,
    trained_nodes,
    weighed,
)
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    NOISE,
    PARTIES,
    PUBLISHER,
    Node,
    TwoNodes,
)

LATER = 3


@pytest.fixture
def world():
    with trained_nodes() as found:
        yield found


def again(job: str, **more: object) -> str:
    return json.dumps({"by_job": job} | more)


def run(world: TwoNodes, question: str) -> str:
    job = world.brand.ask("joint", question=question)
    world.settle(job)
    assert world.job(job) == ("completed", "")
    return job


def kept(services: Services, job: str) -> ReceiverSide | SenderSide:
    return services.sides.load(job)


def by_hand(world: TwoNodes, job: str, people: list[int], later: int = 0) -> dict[str, float]:
    """Scores as the model says, from the rows as they are `later`."""
    mine, theirs = (kept(world.nodes[party].services, job) for party in PARTIES)
    return weighed(mine, theirs, people, later)


def scores_of(world: TwoNodes, job: str) -> dict[str, float]:
    return dict(score(world.brand.services, job, BRAND).rows())


def register_later(world: TwoNodes) -> None:
    for node in world.nodes.values():
        fill(node, world.folder, LATER)


def operation(node: Node, job: str) -> str:
    """What the use record of a job says, which its keeper's ledger holds."""
    use = node.use(job)
    assert use is not None
    record = node.services.ledger.entry(use.use_entry).record
    assert isinstance(record, UseRecord)
    return record.operation


def described(world: TwoNodes, **changes: object) -> JobDescription:
    """A job that the brand could sign, with a question that its own node would not make."""
    jobs = world.brand.services.jobs
    question = earlier.question_by(jobs, the_model(world), None)
    job = jobs.describe(Request(COLLABORATION, "joint", question=question)).job
    return dataclasses.replace(job, question=encode(dataclasses.replace(question, **changes)))


def test_rows_and_consents_of_today_by_the_model_of_before(world: TwoNodes) -> None:
    model = the_model(world)
    # The agreement has had a new version since, which offers a column more.
    newer = DOCUMENT.replace("version: 1", "version: 2").replace("[age, tier]", "[age, tier, zip]")
    world.brand.services.collaborations.propose(newer)
    world.publisher.services.collaborations.countersign(COLLABORATION, 2)
    register_later(world)
    gone, come = {90, 91, 200}, {100, 300}
    world.brand.say("withdrawn", 90, PURPOSE)
    world.publisher.say("withdrawn", 91, PURPOSE)
    world.publisher.say("withdrawn", 200, PURPOSE)
    world.brand.say("given", 100, PURPOSE, "came-100")
    world.publisher.say("given", 300, PURPOSE, "came-300")
    job = run(world, again(model))
    people = sorted(COMMON - gone | come)
    wanted = by_hand(world, model, people, LATER)
    assert scores_of(world, job) == pytest.approx(wanted, abs=1e-6)
    assert scores_of(world, model) != pytest.approx(wanted, abs=1e-3)


def test_what_each_side_is_told_both_sign_and_an_auditor_finds_it_in_order(world: TwoNodes) -> None:
    model = the_model(world)
    job = run(world, again(model))
    brand, publisher = world.brand.result(job), world.publisher.result(job)
    assert brand is not None
    assert publisher is not None
    assert brand["joint"]["by_job"] == publisher["joint"]["by_job"] == model
    assert brand["joint"]["people"] == len(COMMON)
    assert "auc" not in brand["joint"]
    assert abs(publisher["size"]["value"] - len(COMMON)) <= NOISE
    assert "people" not in publisher["joint"]
    said = [" ".join(job_words.result(found)) for found in (brand, publisher)]
    assert all(f"by the model of job {model}" in words for words in said)
    whole, signatures = world.brand.receipt(job) or (None, {})
    assert whole is not None
    assert set(signatures) == set(PARTIES)
    part = whole.part_of(BRAND)
    assert part is not None
    scores = world.brand.services.scores.load(job)
    assert part.released[-1].commitment == hashlib.sha256(encode(scores)).digest()
    for node in world.nodes.values():
        # Nobody's consent to be trained on is asked for, or recorded as used.
        assert operation(node, model) == "psi/lookalike.train/lookalike.score"
        assert operation(node, job) == "psi/lookalike.score"
    about = f"run {job[:8]}: the use record of this ledger is about this job"
    checks = audit_bundle(unpacked(evidence.bundle(world.publisher.services)))
    assert not failed(checks)
    assert about in {check.what for check in checks if check.outcome is Outcome.PASSED}
    charged = {p: [(c.what, c.rho_nano) for c in world.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {
        BRAND: [("noisy-size", 8 * 10**9)], PUBLISHER: [("members", 8 * 10**9)]
    }  # fmt: skip


def test_a_model_is_found_through_a_job_that_scored_by_it_too(world: TwoNodes) -> None:
    model = the_model(world)
    first = run(world, again(model, price={"rho": "9"}))
    second = run(world, again(first))
    result = world.brand.result(second)
    assert result is not None
    assert result["joint"]["by_job"] == model
    assert result["cost"]["rho"] == "9"
    assert scores_of(world, second) == scores_of(world, first)
    for node in world.nodes.values():
        assert node.services.sides.listed() == [model]
        # A node resolves it where it asks; a job that names one all the same is refused.
        jobs = node.services.jobs
        with pytest.raises(JobRefused, match="by the model of another one"):
            check(described(world, by=first), jobs.description(first), jobs.get(first).state)


@pytest.mark.slow
def test_nodes_that_die_after_every_step_bring_it_to_its_end(world: TwoNodes) -> None:
    job = world.brand.ask("joint", question=again(the_model(world)))

    world.settle(job, each=world.restart)
    assert world.job(job) == ("completed", "")
    assert len(scores_of(world, job)) == len(COMMON)
    assert all(len(world.nodes[party].charges(job)) == 1 for party in PARTIES)


def test_who_withdraws_while_it_runs_has_no_score_and_dying_changes_nothing(
    world: TwoNodes,
) -> None:
    job = world.brand.ask("joint", question=again(the_model(world)))
    world.settle(job, until=lambda: world.brand.phase(job) == "protocol")
    for node in world.nodes.values():
        node.restart()
    world.settle(job, until=lambda: world.brand.phase(job) == "release")
    gone = sorted(COMMON)[:5]
    for person in gone:
        world.brand.say("withdrawn", person, PURPOSE)
    world.settle(job)
    people, _ = world.brand.services.scores.load(job).read()
    assert len(people) == len(COMMON) - len(gone)


def test_before_it_is_asked_it_says_the_price_and_who_learns_what(world: TwoNodes) -> None:
    model = the_model(world)
    ahead = world.brand.look_ahead("joint", question=again(model, price={"rho": "7.5"}))
    assert ahead["rho"] == "7.5"
    assert ahead["protocol"] == "joint-again/2"
    said = {one["who"]: one["what"] for one in ahead["who_learns"]}
    assert f"the model is that of job {model}" in said[BRAND]
    assert "by no others" in said[PUBLISHER]
    assert "age, tier" in said[BRAND]


def test_below_the_minimum_nobody_has_a_score(world: TwoNodes) -> None:
    model = the_model(world)
    job = world.brand.ask("joint", question=again(model), minimum_size=1000)
    world.settle(job)
    result = world.brand.result(job)
    assert result is not None
    assert result["withheld"] is not None
    assert result["joint"] is None
    assert world.brand.services.scores.listed() == [model]


# What is refused


def lose(node: Node, job: str) -> None:
    """What a home that was restored from an older backup is like."""
    (node.services.home.models / f"{job}.side").unlink()


def test_a_job_that_is_not_there_and_one_without_a_model_are_refused(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="no earlier job"):
        world.brand.ask("joint", question=again("0f" * 16))


def test_a_route_is_refused_where_nothing_is_added_up(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="there is no route"):
        world.brand.ask("joint", question=again(the_model(world)), route="cot")


def test_only_who_has_the_model_asks(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="gets it"):
        world.publisher.ask("joint", question=again(the_model(world)))


def test_where_the_asker_has_lost_the_model_nothing_is_asked(world: TwoNodes) -> None:
    model = the_model(world)
    lose(world.brand, model)
    with pytest.raises(ModelGone) as refused:
        world.brand.ask("joint", question=again(model))
    assert "train" in refused.value.hint
    # A record that this version does not read, or that of the other side, is as good as none.
    services, folder = world.brand.services, world.brand.services.home.models
    (folder / f"{model}.side").write_bytes(services.vault.seal(f"joint-side/{model}", b"\x80"))
    with pytest.raises(ModelGone):
        world.brand.ask("joint", question=again(model))
    theirs = kept(world.publisher.services, model)
    services.sides.keep(model, theirs)
    with pytest.raises(ModelGone):
        world.brand.ask("joint", question=again(model))


def test_where_the_other_side_has_lost_its_basis_the_job_ends_before_anything_is_read(
    world: TwoNodes,
) -> None:
    model = the_model(world)
    lose(world.publisher, model)
    job = world.brand.ask("joint", question=again(model))
    world.settle(job)
    assert world.job(job) == ("declined", "model-gone")
    assert all(not world.nodes[party].charges(job) for party in PARTIES)
    assert all(world.nodes[party].use(job) is None for party in PARTIES)


def test_other_weights_than_it_was_shown_are_refused_by_the_partner(world: TwoNodes) -> None:
    """A brand that wants to read one column puts a model of its own making in its place."""
    model = the_model(world)
    mine = kept(world.brand.services, model)
    assert isinstance(mine, ReceiverSide)
    probing = type(mine.model)(0, mine.model.own, (1, *[0] * (len(mine.model.weights) - 1)), 1)
    world.brand.services.sides.keep(model, ReceiverSide(model, mine.basis, probing))
    job = world.brand.ask("joint", question=again(model))
    world.settle(job)
    assert world.publisher.state(job) == ("failed", "other-weights")
    assert world.brand.result(job) is None


def test_by_sides_of_an_earlier_protocol_everybody_is_scored_as_by_it(world: TwoNodes) -> None:
    """They know no tables, and fewer columns than there is room for now."""
    model = the_model(world)
    mine, theirs = (kept(world.nodes[party].services, model) for party in PARTIES)
    assert isinstance(mine, ReceiverSide)
    assert isinstance(theirs, SenderSide)
    known = theirs.weights[: sum(part.columns for part in theirs.basis.parts)]
    assert len(known) < len(theirs.weights)
    then = dataclasses.replace(mine.model, weights=known)
    world.brand.services.sides.keep(model, ReceiverSide(model, mine.basis, then))
    world.publisher.services.sides.keep(model, SenderSide(model, theirs.basis, known))
    people = sorted(COMMON)
    found = scores_of(world, run(world, again(model)))
    assert found == pytest.approx(by_hand(world, model, people), abs=1e-6)


def test_other_columns_than_the_model_has_are_refused_at_both_nodes(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, question = (
        world.brand.services.jobs,
        earlier.question_by(world.brand.services.jobs, the_model(world), None),
    )
    fewer = FeatureSpecification(question.theirs.features[:1])
    wrong = Request(COLLABORATION, "joint", question=dataclasses.replace(question, theirs=fewer))
    with pytest.raises(JobRefused, match="features"):
        jobs.describe(wrong)
    # A brand whose node does not look.
    monkeypatch.setattr(jobs, "_check_model", lambda _job: None)
    job = jobs.describe(wrong).job
    jobs.submit(job)
    world.settle(job.job)
    assert world.job(job.job) == ("declined", "job-refused")
    assert all(world.nodes[party].use(job.job) is None for party in PARTIES)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (again("0f" * 16, noise="true"), "noise is not a key"),
        (again("0f" * 16, price={"rho": "much"}), "rho"),
        (json.dumps({"by_job": ["0f"]}), "by_job"),
    ],
)
def test_a_question_that_cannot_be_read_says_where(world: TwoNodes, wrong: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        world.brand.ask("joint", question=wrong)


def test_what_is_kept_names_nobody(world: TwoNodes) -> None:
    """A few quantiles, tables and the stated categories, however many people there were."""
    for node in world.nodes.values():
        side = kept(node.services, the_model(world))
        assert isinstance(side.basis, Basis)
        assert len(encode(side)) < 1_500
        assert b"example" not in encode(side)
