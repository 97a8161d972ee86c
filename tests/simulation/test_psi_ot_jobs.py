"""An audience matched by OT extension, between two nodes."""

import dataclasses
from collections.abc import Iterator

import pytest

from party_node import job_checks
from party_node.costs import Speed
from party_node.errors import JobRefused
from party_node.job_views import job_view
from party_node.jobs import strictly
from protocols import job_params
from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.job import JobDescription
from protocols.psi.params import OtParams, PsiParams
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    DOCUMENT,
    NOISE,
    PUBLISHER,
    TwoNodes,
    consenting,
    two_nodes,
)

PLAIN = consenting(BRAND) & consenting(PUBLISHER)
BY_OT = DOCUMENT.replace("version: 1", "version: 2").replace(
    "receiver: publisher, ", "receiver: publisher, protocol: psi-ot-members/1, "
)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    """Both have agreed to match by OT extension."""
    with two_nodes() as found:
        found.brand.services.collaborations.propose(BY_OT)
        found.publisher.services.collaborations.countersign(COLLABORATION, 2)
        found.brand.services.collaborations.sync()
        yield found


def asked(world: TwoNodes) -> tuple[str, JobDescription]:
    job = world.brand.ask("audience")
    return job, world.brand.services.jobs.description(job)


def as_plain(world: TwoNodes, job: str) -> None:
    """Require the plain answer at both sides, under one receipt."""
    assert world.job(job) == ("completed", "")
    assert world.publisher.activate(job) == PLAIN
    for node in world.nodes.values():
        assert abs(node.result(job)["size"]["value"] - len(PLAIN)) <= NOISE
    assert world.brand.receipt(job) == world.publisher.receipt(job)


def test_two_nodes_run_it_to_the_plain_answer(world: TwoNodes) -> None:
    job, description = asked(world)
    assert description.protocol == "psi-ot-members/1"
    assert decode(OtParams, description.params) == OtParams.for_job()
    world.settle(job)
    as_plain(world, job)


def test_nodes_that_are_killed_after_every_step_get_the_same(world: TwoNodes) -> None:
    job, _ = asked(world)
    world.settle(job, each=lambda: [node.restart() for node in world.nodes.values()])
    as_plain(world, job)


@pytest.mark.parametrize(
    "params",
    [
        OtParams(1000, chunk_items=4095),
        OtParams(1000, bucket_items=4095),
        OtParams(1000, tag_bytes=11),
        OtParams(1000, label_bytes=1),
        PsiParams(1000),
    ],
)
def test_parameters_that_weaken_or_wear_out_the_other_side_are_refused(
    world: TwoNodes, params: OtParams | PsiParams
) -> None:
    _, description = asked(world)
    agreed = world.brand.services.jobs.agreement(description)
    now = world.clock()
    assert job_checks.check(description, agreed, now).protocol == description.protocol
    with pytest.raises(JobRefused):
        job_checks.check(dataclasses.replace(description, params=encode(params)), agreed, now)


def test_a_small_set_needs_no_stricter_parameters(world: TwoNodes) -> None:
    _, description = asked(world)
    assert strictly(description) == description
    job_checks.check_sizes(description, 5)
    with pytest.raises(JobRefused):
        job_checks.check_sizes(description, 2**24 + 1)


def test_its_time_is_estimated_without_blinding(world: TwoNodes, monkeypatch) -> None:
    slow = Speed(blinding=1.0, hashing=1.0, strict_hashing=1.0, cores=1)
    monkeypatch.setattr("party_node.preflight.speed_of", lambda _preference: slow)
    job, _ = asked(world)
    world.settle(job, until=lambda: world.brand.phase(job) == "agree")
    assert job_view(world.brand.services, job)["estimate"]["seconds"] < 10
    world.settle(job)
    as_plain(world, job)


def test_an_unknown_protocol_has_no_parameters() -> None:
    with pytest.raises(InvalidParameter):
        job_params.kind_of_params("psi-ot-members/9")
