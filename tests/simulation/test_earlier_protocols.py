"""What earlier versions left stays of use when their protocols are gone: jobs are listed and shown,
receipts verify, models score. What had not ended ends, and says what to do.
"""

import json
from collections.abc import Callable, Iterator

import pytest

from consent.audit import Outcome
from party_node import job_words, results
from party_node.cli.job import _show
from party_node.evidence.bundle import bundle
from party_node.evidence.bundle_audit import audit_bundle
from party_node.hints import hint_for
from party_node.job_views import job_list, job_view
from party_node.scoring import again, cards, kept
from protocols.errors import UnknownProtocol
from tests.support import federated_nodes, joint_nodes, lookalike_nodes, trained_nodes
from tests.support.earlier_protocols import EARLIER, agree_on_earlier, earlier_version
from tests.support.evidence import unpacked
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, TwoNodes


def joint_ended() -> Iterator[tuple[TwoNodes, str]]:
    with joint_nodes.joint_nodes() as world:
        with earlier_version():
            agree_on_earlier(world, joint_nodes.DOCUMENT, "joint")
            job = world.complete("joint", question=joint_nodes.QUESTION)
        yield world, job


def lookalike_ended() -> Iterator[tuple[TwoNodes, str]]:
    with lookalike_nodes.lookalike_nodes() as world:
        with earlier_version():
            agree_on_earlier(world, lookalike_nodes.DOCUMENT, "lookalike")
            job = world.complete("lookalike", question=lookalike_nodes.QUESTION)
        yield world, job


def federated_ended() -> Iterator[tuple[TwoNodes, str]]:
    with trained_nodes.trained_nodes() as world:
        with earlier_version():
            document = federated_nodes.agreement(trained_nodes.DOCUMENT, PARTIES)
            agree_on_earlier(world, document, "federated")
            job = federated_nodes.train(world)
        yield world, job


ENDED = {"joint": joint_ended, "lookalike": lookalike_ended, "federated": federated_ended}


@pytest.fixture(params=ENDED)
def ended(request: pytest.FixtureRequest) -> Iterator[tuple[TwoNodes, str, str]]:
    """A world with a job that ended under the old protocol of its kind."""
    for world, job in ENDED[request.param]():
        world.restart()
        yield world, job, request.param


def test_what_has_ended_is_shown_proved_and_scored_by(
    ended: tuple[TwoNodes, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    world, job, kind = ended
    for node in world.nodes.values():
        parts = node.services
        assert (job, "completed") in [(one["job"], one["state"]) for one in job_list(parts)]
        shown = job_view(parts, job)
        assert (shown["protocol"], shown["outdated"]) == (EARLIER[kind], True)
        _show(shown)
        said = f"by {EARLIER[kind]}, which this version of Accord does not run"
        assert said in capsys.readouterr().out
        assert list(job_words.result(results.load(node.db, job)))
        checks = audit_bundle(unpacked(bundle(parts)))
        assert not [check for check in checks if check.outcome is Outcome.FAILED]
        assert [c for c in checks if EARLIER[kind] in c.detail and c.outcome is Outcome.PASSED]
    scorers = {"joint": [BRAND], "lookalike": [PUBLISHER], "federated": PARTIES}[kind]
    for party in scorers:
        parts = world.nodes[party].services
        model = next(one for one in kept.listed(parts) if one.job == job)
        assert all(cards.in_short(model.kind, model.card))
        assert list(cards.everything[model.kind](model.card))
        assert len(again.score(parts, job, party).people) > 50


@pytest.fixture
def joint() -> Iterator[TwoNodes]:
    with joint_nodes.joint_nodes() as world:
        yield world


def begun(world: TwoNodes, until: Callable[[str], bool]) -> str:
    """Begin a job of the old protocol, and stop the nodes once something holds of it."""
    with earlier_version():
        agree_on_earlier(world, joint_nodes.DOCUMENT, "joint")
        job = world.brand.ask("joint", question=joint_nodes.QUESTION)
        world.settle(job, until=lambda: until(job))
    world.restart()
    return job


def test_a_run_that_had_begun_ends_for_both_with_the_cause(joint: TwoNodes) -> None:
    job = begun(joint, lambda job: all(n.phase(job) == "protocol" for n in joint.nodes.values()))
    for node in joint.nodes.values():
        assert job_view(node.services, job)["outdated"], "it is shown before it ends, too"
    joint.settle(job)
    assert joint.job(job) == ("failed", "unknown-protocol")
    for node in joint.nodes.values():
        assert node.state(job) == ("failed", "unknown-protocol")
        assert node.result(job) is None
        shown = job_view(node.services, job)
        assert (shown["ended"], shown["cause"]) == (True, "unknown-protocol")


def test_what_was_asked_is_refused_by_whom_it_was_asked_of(joint: TwoNodes) -> None:
    job = begun(joint, lambda _job: True)
    joint.publisher.turn()
    assert joint.job(job) == ("declined", "unknown-protocol")
    joint.settle(job)
    assert joint.brand.state(job) == ("declined", "unknown-protocol")


def test_a_run_that_one_has_signed_is_signed_and_filed(joint: TwoNodes) -> None:
    job = begun(joint, lambda job: all(n.phase(job) == "sign" for n in joint.nodes.values()))
    joint.settle(job)
    assert joint.job(job) == ("completed", "")
    assert len(again.score(joint.brand.services, job, BRAND).people) > 50


def test_a_training_that_had_begun_ends_with_the_cause() -> None:
    with federated_nodes.federated_nodes() as (world, line):
        with earlier_version():
            document = federated_nodes.agreement(federated_nodes.DOCUMENT, PARTIES)
            agree_on_earlier(world, document, "federated")
            job = world.brand.ask("federated", question=federated_nodes.QUESTION)
            world.settle(
                job, until=lambda: all(n.phase(job) == "train" for n in world.nodes.values())
            )
        world.restart()
        world.settle(job, each=lambda: line.turn(job))
        assert world.job(job) == ("failed", "unknown-protocol")


def test_other_kinds_of_job_of_the_same_agreement_go_on(joint: TwoNodes) -> None:
    overlap = "  - {kind: overlap, purpose: audience-measurement, receiver: brand}\n"
    with earlier_version():
        agree_on_earlier(joint, joint_nodes.DOCUMENT, "joint", overlap)
    joint.restart()
    joint.brand.services.collaborations.sync()
    ahead = joint.brand.look_ahead("overlap")
    assert (ahead["version"], ahead["outdated"]) == (2, False)
    job = joint.brand.ask("overlap")
    joint.publisher.turn()
    assert joint.publisher.state(job) == ("proposed", ""), "it is taken up, and waits for a yes"


def test_a_new_version_of_the_agreement_is_all_that_it_takes_to_ask_again(joint: TwoNodes) -> None:
    with earlier_version():
        agree_on_earlier(joint, joint_nodes.DOCUMENT, "joint")
        model = joint.complete("joint", question=joint_nodes.QUESTION)
    joint.restart()
    with pytest.raises(UnknownProtocol, match="joint-cot/1") as refused:
        joint.brand.look_ahead("joint", question=joint_nodes.QUESTION)
    assert "new version of the collaboration" in hint_for(refused.value)
    # By the old model, under the old agreement, today's people are scored.
    by_old = joint.complete("joint", question=json.dumps({"by_job": model}))
    assert job_view(joint.brand.services, by_old)["protocol"] == "joint-again/2"
    newer = joint_nodes.DOCUMENT.replace("version: 1", "version: 3")
    joint.brand.services.collaborations.propose(newer)
    joint.publisher.services.collaborations.countersign("spring", 3)
    ahead = joint.brand.look_ahead("joint", question=joint_nodes.QUESTION)
    assert (ahead["protocol"], ahead["outdated"]) == ("joint-cot/3", False)
