"""Whoever withdraws is in no later output: whenever, and at whichever side, they say so."""

from collections.abc import Iterator

import pytest

from party_node.tables import UsePermissionRow
from tests.support.two_nodes import (
    BRAND,
    NOISE,
    PARTIES,
    PUBLISHER,
    PURPOSE,
    TwoNodes,
    consenting,
    two_nodes,
)

PLAIN = consenting(BRAND) & consenting(PUBLISHER)
SOME = set(sorted(PLAIN)[::2])
"""Enough people for their absence to show through the noise."""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


def withdraw(world: TwoNodes, party: str, kind: str, people: set[int]) -> None:
    world.clock.advance(seconds=1)
    for person in people:
        world.nodes[party].say("withdrawn", person, PURPOSE[kind])
    world.clock.advance(seconds=1)


def reach(world: TwoNodes, job: str, phase: str) -> None:
    """Go on until the publisher's run stands at the beginning of that phase."""
    node = world.publisher
    world.settle(job, until=lambda: bool(node.services.runs.active()) and node.phase(job) == phase)
    assert node.phase(job) == phase


@pytest.mark.parametrize("party", PARTIES)
def test_who_withdrew_before_the_job_is_not_in_the_audience(world: TwoNodes, party: str) -> None:
    withdraw(world, party, "audience", SOME)
    job = world.brand.ask("audience")
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN - SOME
    assert abs(world.brand.result(job)["size"]["value"] - len(PLAIN - SOME)) <= NOISE


@pytest.mark.parametrize("party", PARTIES)
def test_who_withdrew_before_the_job_is_not_counted(world: TwoNodes, party: str) -> None:
    withdraw(world, party, "overlap", SOME)
    job = world.brand.ask("overlap")
    world.settle(job)
    assert abs(world.brand.result(job)["size"]["value"] - len(PLAIN - SOME)) <= NOISE
    own = world.nodes[party].result(job)["own"]
    assert own["withheld"]["withdrawn"] == len(SOME)
    assert own["permitted"] == len(consenting(party) - SOME)


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("phase", ["greet", "agree", "permit"])
def test_who_withdraws_after_the_request_and_before_the_gate_is_not_in_it(
    world: TwoNodes, party: str, phase: str
) -> None:
    job = world.brand.ask("audience")
    reach(world, job, phase)
    withdraw(world, party, "audience", SOME)
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN - SOME


@pytest.mark.parametrize("phase", ["protocol", "release"])
def test_who_withdraws_at_the_activating_party_while_the_job_runs_is_not_in_it(
    world: TwoNodes, phase: str
) -> None:
    job = world.brand.ask("audience")
    reach(world, job, phase)
    withdraw(world, PUBLISHER, "audience", SOME)
    world.settle(job)
    assert world.publisher.result(job)["audience"] == {"people": len(PLAIN - SOME)}
    assert world.publisher.activate(job) == PLAIN - SOME


@pytest.mark.parametrize("phase", ["receipt", "sign", "file", "done"])
def test_who_withdraws_between_release_and_activation_is_not_activated(
    world: TwoNodes, phase: str
) -> None:
    job = world.brand.ask("audience")
    if phase == "done":
        world.settle(job)
    else:
        reach(world, job, phase)
    withdraw(world, PUBLISHER, "audience", SOME)
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN - SOME


def test_who_withdraws_between_two_activations_is_gone_from_the_second(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN
    withdraw(world, PUBLISHER, "audience", SOME)
    assert world.publisher.activate(job) == PLAIN - SOME
    uses = [row.job for row in world.publisher.rows(UsePermissionRow)]
    assert len([name for name in uses if name.startswith(f"{job}-")]) == 2


def test_who_withdraws_while_the_witness_is_away_is_not_read(world: TwoNodes) -> None:
    """The gate has decided, and must decide again before it reads."""
    job = world.brand.ask("audience")
    reach(world, job, "permit")
    world.publisher.wire.lose_looks, world.publisher.wire.lose_requests = False, 1
    world.publisher.driver.turn(job)
    assert world.publisher.use(job) is not None
    assert world.publisher.phase(job) == "permit"
    withdraw(world, PUBLISHER, "audience", SOME)
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN - SOME
    assert world.publisher.result(job)["own"]["matchable"] == len(consenting(PUBLISHER) - SOME)


def test_a_withdrawal_for_one_purpose_leaves_the_other(world: TwoNodes) -> None:
    withdraw(world, PUBLISHER, "overlap", SOME)
    job = world.brand.ask("audience")
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN


def test_who_consents_again_is_in_the_next_job_and_not_in_the_old_one(world: TwoNodes) -> None:
    withdraw(world, PUBLISHER, "audience", SOME)
    old = world.brand.ask("audience")
    world.settle(old)
    for person in SOME:
        world.publisher.say("given", person, PURPOSE["audience"], f"again-{person}")
    world.clock.advance(seconds=1)
    new = world.brand.ask("audience")
    world.settle(new)
    assert world.publisher.activate(old) == PLAIN - SOME
    assert world.publisher.activate(new) == PLAIN


def test_two_activations_at_the_same_moment_give_the_same_people(world: TwoNodes) -> None:
    """A standing clock must not make the second look like a use that has ended."""
    job = world.brand.ask("audience")
    world.settle(job)
    assert world.publisher.activate(job) == PLAIN
    world.clock.now_ms -= 1
    assert world.publisher.activate(job) == PLAIN
