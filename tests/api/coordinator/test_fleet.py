"""What of Flower's interfaces the coordinator passes on, to whom, and what never."""

import httpx2
import pytest

from coordinator.errors import FlowerUnavailable, NodeKeyRefused
from coordinator.fleet import CALLS, Fleet
from coordinator.settings import build
from coordinator.wire import SuperNodeKey

KEY = SuperNodeKey(public_key=b"-----BEGIN PUBLIC KEY-----\n")


class Link:
    """Stands in for a SuperLink's Control API."""

    def __init__(self):
        self.registered = []

    def register(self, party, public_key):
        if public_key != KEY.public_key:
            raise NodeKeyRefused("no key")
        self.registered.append((party, public_key))


class Running:
    def __init__(self):
        self.link, self.stopped = Link(), False

    def stop(self):
        self.stopped = True


def with_flower(world, answer=lambda request: httpx2.Response(200, content=b"answer")):
    """Give the coordinator a stand-in for its SuperLink; return it and the requests it got."""
    seen = []

    def handle(request):
        seen.append(request)
        return answer(request)

    fleet: Fleet = world.app.state.services.fleet
    fleet._running = Running()
    fleet._http = httpx2.AsyncClient(
        base_url="https://127.0.0.1:1", transport=httpx2.MockTransport(handle)
    )
    return fleet._running, seen


def test_switched_off_nothing_is_registered_or_passed_on(world):
    answer = world.brand.put("/v1/federated/node", KEY)
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "urn:accord:error:flower-unavailable",
    )
    assert world.http.post("/v1/fleet/pull-messages", content=b"").status_code == 503


def test_a_party_registers_the_key_of_its_own_node(world):
    running, _ = with_flower(world)
    assert world.brand.put("/v1/federated/node", KEY).status_code == 204
    assert running.link.registered == [("brand", KEY.public_key)]


def test_a_key_that_is_none_is_refused(world):
    with_flower(world)
    answer = world.brand.put("/v1/federated/node", SuperNodeKey(public_key=b"x"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:accord:error:node-key-refused")


def test_a_stranger_registers_nothing(world):
    running, _ = with_flower(world)
    answer = world.http.put("/v1/federated/node", content=KEY.model_dump_json())
    assert answer.status_code == 401
    assert running.link.registered == []


@pytest.mark.parametrize("call", sorted(CALLS))
def test_calls_of_nodes_are_passed_on_with_the_headers_that_flower_reads(world, call):
    _, seen = with_flower(world)
    answer = world.http.post(
        f"/v1/fleet/{call}",
        content=b"question",
        headers={"flwr-signature": "s", "cookie": "c", "accord-party": "brand"},
    )
    assert (answer.status_code, answer.content) == (200, b"answer")
    (request,) = seen
    assert (request.url.path, request.content) == (f"/v1/fleet/{call}", b"question")
    assert request.headers["flwr-signature"] == "s"
    assert not {"cookie", "accord-party"} & set(request.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/fleet/register-node",
        "/v1/fleet/unregister-node",
        "/v1/fleet/pull-messages/x",
        "/v1/fleet/..%2Fcontrol%2Flist-nodes",
        "/v1/control/list-nodes",
        "/v1/control/start-run",
        "/v1/runtime/acquire-task",
        "/v1/runtime/pull-messages",
    ],
)
def test_nothing_else_of_flower_is_reached(world, path):
    _, seen = with_flower(world)
    assert 400 <= world.http.post(path, content=b"").status_code < 500
    assert seen == []


def test_what_flower_refuses_is_passed_back(world):
    with_flower(world, lambda request: httpx2.Response(401, content=b"no"))
    assert world.http.post("/v1/fleet/pull-messages").status_code == 401


def test_a_superlink_that_is_gone_is_said_to_be(world):
    def gone(request):
        raise httpx2.ConnectError("refused")

    with_flower(world, gone)
    answer = world.http.post("/v1/fleet/pull-messages")
    assert answer.json()["type"] == "urn:accord:error:flower-unavailable"


def test_a_call_that_is_too_large_is_refused(world):
    _, seen = with_flower(world)
    body = bytes(world.settings.max_envelope_bytes + 1)
    assert world.http.post("/v1/fleet/push-object", content=body).status_code == 413
    assert seen == []


def test_stopping_the_coordinator_stops_the_superlink(tmp_path):
    from tests.support.coordinator import running_world

    with running_world(tmp_path / "home") as world:
        running, _ = with_flower(world)
    assert running.stopped


async def start_nothing():
    fleet = Fleet()
    await fleet.start(build({}), lambda: 0)
    return fleet


def test_without_a_port_no_superlink_is_started():
    import asyncio

    fleet = asyncio.run(start_nothing())
    with pytest.raises(FlowerUnavailable):
        _ = fleet.superlink
