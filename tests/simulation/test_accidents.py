"""One accident at one place of a job: whatever is lost or dies there, the job ends as it should.

The named ones are those that once did not.
"""

from collections.abc import Iterator

import httpx2
import pytest

from consent.checkpoint import checkpoint_of
from tests.support.two_nodes import (
    BRAND,
    NOISE,
    PARTIES,
    PUBLISHER,
    RHO_NANO,
    Node,
    TwoNodes,
    consenting,
    two_nodes,
)

PLAIN = consenting(BRAND) & consenting(PUBLISHER)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


def as_if_nothing_had_happened(world: TwoNodes, job: str, kind: str) -> None:
    """Require the one right end: completed, paid once, witnessed, the plain answer."""
    assert world.job(job) == ("completed", "")
    for node in world.nodes.values():
        assert node.state(job) == ("completed", "")
        assert [c.rho_nano for c in node.charges(job)] == [RHO_NANO]
        assert abs(node.result(job)["size"]["value"] - len(PLAIN)) <= NOISE
        note = node.services.ledger.checkpoints.latest_published()
        assert note is not None
        assert checkpoint_of(note).size > node.use(job).use_entry
        assert node.services.ledger.verify().published >= 1
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert set(world.brand.receipt(job)[1]) == set(PARTIES)
    assert world.bodies(job) == []
    if kind == "audience":
        assert world.publisher.activate(job) == PLAIN


def changing(request: httpx2.Request) -> bool:
    return request.method != "GET"


def take_turns(world: TwoNodes, job: str) -> None:
    """Go on to the end; after an accident first without news from the board, some time later."""
    for node in world.nodes.values():
        world.clock.advance(seconds=1)
        for active in node.services.runs.active():
            node.driver.turn(active)
    world.settle(job)


LOSSES = [
    (BRAND, "PUT", "/messages/brand/publisher/0"),
    (PUBLISHER, "POST", "/events"),
    (PUBLISHER, "POST", "/witness/add-checkpoint"),
    (BRAND, "POST", "/witness/add-checkpoint"),
    (BRAND, "POST", "/events"),
    (PUBLISHER, "PUT", "/messages/publisher/brand/3"),
    (BRAND, "DELETE", "/messages/publisher/brand/5"),
    (PUBLISHER, "PUT", "/receipt"),
    (BRAND, "POST", "/mailbox/close"),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(loss).replace("/", "."))
def test_an_answer_that_is_lost_changes_nothing(
    world: TwoNodes, loss: tuple[str, str, str]
) -> None:
    party, method, place = loss
    node, job = world.nodes[party], world.brand.ask("audience")

    def lose(request: httpx2.Request) -> None:
        if request.method == method and request.url.path.endswith(place):
            node.wire.lose_answers, node.wire.on_request = 1, None

    node.wire.on_request = lose
    world.settle(job, until=lambda: node.wire.on_request is None)
    take_turns(world, job)
    as_if_nothing_had_happened(world, job, "audience")


def test_a_lost_answer_to_the_request_itself_loses_no_job(world: TwoNodes) -> None:
    world.brand.wire.lose_looks, world.brand.wire.lose_answers = False, 1
    with pytest.raises(Exception, match="no answer"):
        world.brand.ask("overlap")
    world.brand.turn()
    (row,) = world.brand.services.jobs.all()
    world.settle(row.job)
    as_if_nothing_had_happened(world, row.job, "overlap")


@pytest.mark.parametrize(
    "what",
    ["html", "object", *(pytest.param(w, marks=pytest.mark.slow) for w in ("number", "nothing"))],
)
def test_unreadable_answers_do_not_make_a_node_deaf(world: TwoNodes, what: str) -> None:
    """A proxy in maintenance answers 200 and anything: the node looks again later."""
    nonsense = {"html": b"<html>", "object": b'{"jobs": 1}', "number": b"[1]", "nothing": b""}[what]
    node = world.publisher
    node.wire.on_answer = lambda _request, _answer: httpx2.Response(200, content=nonsense)
    job = world.brand.ask("overlap")
    for _ in range(3):
        node.turn()
    assert node.driver.trouble
    node.wire.on_answer = None
    node.turn()
    assert not node.driver.trouble
    world.settle(job)
    as_if_nothing_had_happened(world, job, "overlap")


def kill_at(node: Node, number: int, *, heard: bool) -> list[int]:
    """Let a node die at its n-th changing request, before it leaves or before its answer."""
    died: list[int] = []
    left = number

    def on_request(request: httpx2.Request) -> None:
        nonlocal left
        left -= changing(request)
        if left < 0 and not heard:
            died.append(number)
            raise Killed

    def on_answer(_request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if left < 0:
            died.append(number)
            raise Killed
        return answer

    node.wire.on_request, node.wire.on_answer = on_request, on_answer
    return died


def dies_once(world: TwoNodes, kind: str, party: str, number: int, *, heard: bool) -> bool:
    """Run a job in which a node dies there and comes back; return whether it came to that."""
    node, job = world.nodes[party], world.brand.ask(kind)
    died = kill_at(node, number, heard=heard)
    try:
        world.settle(job)
    except Killed:
        node.wire.on_request = node.wire.on_answer = None
        node.restart()
        take_turns(world, job)
    as_if_nothing_had_happened(world, job, kind)
    return bool(died)


@pytest.mark.parametrize(
    ("kind", "party", "number", "heard"),
    [
        ("audience", PUBLISHER, 3, False),
        ("audience", BRAND, 3, True),
        ("overlap", BRAND, 16, False),
    ],
)
def test_a_node_that_dies_at_a_request_goes_on_after_it(
    world: TwoNodes, kind: str, party: str, number: int, heard: bool
) -> None:
    assert dies_once(world, kind, party, number, heard=heard)


@pytest.mark.slow
@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("kind", ["audience", "overlap"])
def test_a_node_may_die_at_any_request(kind: str, party: str, heard: bool) -> None:
    number, more = 0, True
    while more:
        with two_nodes() as world:
            more = dies_once(world, kind, party, number, heard=heard)
        number += 1
    assert number > 15
