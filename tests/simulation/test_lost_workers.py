"""A worker that dies in the middle of a job: the node says so, goes on, and the answer is the plain
one.
"""

from collections.abc import Iterator

import pytest

from party_node.settings import NodeSettings
from party_node.workers import choosing, spreading
from protocols.ladder import Backend
from tests.support.two_nodes import BRAND, PUBLISHER, TwoNodes, consenting, two_nodes
from tests.support.workers import Doomed

PLAIN = consenting(BRAND) & consenting(PUBLISHER)


@pytest.fixture
def doomed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doomed]:
    """Both nodes work with the same two processes, and send them even a single point."""
    found = Doomed()
    monkeypatch.setattr(spreading, "FEWEST", 1)

    def backend(_preference: str, workers: str, _address: str) -> Backend:
        assert workers == "processes"
        return found.backend

    monkeypatch.setattr("party_node.execution.backend_of", backend)
    yield found
    found.pool.close()


def worked_by_processes(world: TwoNodes) -> None:
    for node in world.nodes.values():
        home = node.services.home
        home.save(NodeSettings(**home.settings.model_dump() | {"workers": "processes"}))


def test_a_job_survives_workers_that_die_and_says_meanwhile_what_is_wrong(doomed: Doomed) -> None:
    with two_nodes() as world:
        worked_by_processes(world)
        job, troubles, turns = world.brand.ask("audience"), [], []

        def kill_now_and_then() -> None:
            turns.append(len(turns))
            troubles.extend(node.driver.trouble for node in world.nodes.values())
            if len(turns) % 7 == 0 and len(turns) < 60:
                doomed.kill_one()

        world.settle(job, each=kill_now_and_then)
        assert "worker-lost" in troubles
        assert world.job(job) == ("completed", "")
        assert world.publisher.activate(job) == PLAIN
        assert world.brand.receipt(job) == world.publisher.receipt(job)


def test_workers_that_are_not_to_be_had_keep_a_job_waiting(monkeypatch) -> None:
    """An operator repairs the setting, and the job goes on where it stood."""
    with two_nodes() as world:
        monkeypatch.setattr(spreading, "FEWEST", 1)
        home = world.publisher.services.home
        before = home.settings
        nobody = {"workers": "ray", "ray_address": "127.0.0.1:1"}
        home.save(NodeSettings(**before.model_dump() | nobody))
        job = world.brand.ask("audience")
        world.settle(job, until=lambda: world.publisher.driver.trouble == "workers-unavailable")
        assert world.publisher.phase(job) == "protocol"
        assert world.job(job) == ("running", "")
        home.save(before)
        world.settle(job)
        assert world.job(job) == ("completed", "")
        assert world.publisher.activate(job) == PLAIN
    choosing.close()
