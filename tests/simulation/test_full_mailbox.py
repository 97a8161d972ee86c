"""Sets larger than the mailbox: both sides speak at once, and neither waits for the other for ever.

The receiver of psi-dh sends its whole set before it hears anything, and the sender answers chunk by
chunk. With a mailbox that holds two or three chunks of both directions together, both find it full.
"""

from collections.abc import Iterator

import pytest

from party_node.mail import Mail
from tests.support.two_nodes import (
    BRAND,
    PARTIES,
    PUBLISHER,
    TwoNodes,
    consenting,
    two_nodes,
)

PLAIN = consenting(BRAND) & consenting(PUBLISHER)
CHUNK_ITEMS = 4
ROOM = 6_000
"""Bytes: a few messages of both sides together; a run has dozens."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    """Small chunks, and a coordinator that keeps little."""
    monkeypatch.setattr("party_node.job_checks.MIN_CHUNK_ITEMS", CHUNK_ITEMS)
    monkeypatch.setattr("protocols.psi.params.JOB_CHUNK_ITEMS", CHUNK_ITEMS)
    with two_nodes() as made:
        shrink(made)
        yield made


def shrink(world: TwoNodes) -> None:
    services = world.app.state.services
    small = services.settings.model_copy(update={"max_pending_bytes": ROOM})
    object.__setattr__(services, "settings", small)


def waiting(world: TwoNodes, job: str) -> int:
    return sum(len(row.body) for row in world.bodies(job))


def spooled(world: TwoNodes, job: str) -> dict[str, int]:
    """Return how many envelopes each side has taken out and not yet heard."""
    folders = {party: world.nodes[party].chunk_folder(job) for party in PARTIES}
    return {party: len(list(folder.glob("inbound-*"))) for party, folder in folders.items()}


def as_plain(world: TwoNodes, job: str) -> None:
    assert world.job(job) == ("completed", "")
    assert world.publisher.activate(job) == PLAIN
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert not any(spooled(world, job).values())


def test_a_run_larger_than_the_mailbox_ends(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    most = dict.fromkeys(PARTIES, 0)

    def look() -> None:
        assert waiting(world, job) <= ROOM
        for party, count in spooled(world, job).items():
            most[party] = max(most[party], count)

    world.settle(job, each=look)
    as_plain(world, job)
    assert max(most.values()) > 1


def test_both_sides_would_wait_for_ever_if_nothing_were_taken_out(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above is about something: without it the run stands still."""
    monkeypatch.setattr("tests.support.two_nodes.MOST_TURNS", 60)
    monkeypatch.setattr(Mail, "_make_room", lambda _self, _job: False)
    job = world.brand.ask("audience")
    with pytest.raises(AssertionError, match="the jobs do not end"):
        world.settle(job)
    assert {node.phase(job) for node in world.nodes.values()} == {"protocol"}


def test_what_was_taken_out_survives_a_kill(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    world.settle(job, until=lambda: max(spooled(world, job).values()) > 1)
    before = spooled(world, job)
    for node in world.nodes.values():
        node.restart()
    assert spooled(world, job) == before
    world.settle(job)
    as_plain(world, job)


@pytest.mark.slow
def test_what_was_taken_out_survives_a_kill_after_every_step(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    most = 0

    def kill() -> None:
        nonlocal most
        most = max(most, *spooled(world, job).values())
        for node in world.nodes.values():
            node.restart()

    world.settle(job, each=kill)
    as_plain(world, job)
    assert most > 1


@pytest.mark.slow
def test_a_count_ends_too(world: TwoNodes) -> None:
    job = world.complete("overlap")
    for node in world.nodes.values():
        assert node.result(job) is not None


def test_a_side_without_room_on_its_disk_waits_for_its_peer(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a peer may leave on this side's disk is bounded."""
    monkeypatch.setattr("party_node.spool.MOST_BYTES", 3_000)
    monkeypatch.setattr("tests.support.two_nodes.MOST_TURNS", 60)
    job, largest = world.brand.ask("audience"), 0

    def look() -> None:
        nonlocal largest
        for party in PARTIES:
            found = world.nodes[party].chunk_folder(job).glob("inbound-*")
            largest = max(largest, sum(path.stat().st_size for path in found))

    with pytest.raises(AssertionError, match="the jobs do not end"):
        world.settle(job, each=look)
    assert 3_000 <= largest < 3_000 + ROOM
