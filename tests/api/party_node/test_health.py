"""Health: alive whatever happens, ready only when everything holds."""

import pytest

from coordinator.wire import CoordinatorInfo
from party_node.errors import CoordinatorUnreachable
from party_node.readiness import KEPT_MS
from tests.support.running_node import Node, Pair


def test_alive_and_ready(node: Node) -> None:
    assert node.stranger.get("/healthz").json() == {"status": "alive"}
    answer = node.stranger.get("/readyz")
    assert answer.status_code == 200
    assert [c["name"] for c in answer.json()["checks"]] == [
        "database",
        "coordinator",
        "clock",
        "ledger",
        "witnesses",
    ]


def test_a_silent_coordinator_makes_it_unready_and_not_dead(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_self: object) -> CoordinatorInfo:
        raise CoordinatorUnreachable("no answer")

    monkeypatch.setattr("party_node.coordinator_client.CoordinatorClient.info", silent)
    answer = node.stranger.get("/readyz")
    assert answer.status_code == 503
    wrong = [c for c in answer.json()["checks"] if not c["ok"]]
    assert [(c["name"], c["code"]) for c in wrong] == [("coordinator", "coordinator-unreachable")]
    assert node.stranger.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wire_version": 2}, "wire-mismatch"),
        ({"witness_vkey": "another"}, "coordinator-mismatch"),
        ({"time_ms": 0}, "clock-skewed"),
    ],
)
def test_a_coordinator_that_does_not_fit_is_named(
    node: Node, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], code: str
) -> None:
    info = node.services.client.info().model_copy(update=changes)
    monkeypatch.setattr("party_node.coordinator_client.CoordinatorClient.info", lambda _self: info)
    answer = node.stranger.get("/readyz")
    assert answer.status_code == 503
    assert code in [c["code"] for c in answer.json()["checks"]]


def test_strangers_cannot_make_the_node_call_out_at_will(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, calls = pair.shop.services.client.info(), []

    def counted(_self: object) -> CoordinatorInfo:
        calls.append(1)
        return info

    monkeypatch.setattr("party_node.coordinator_client.CoordinatorClient.info", counted)
    for _ in range(5):
        pair.shop.stranger.get("/readyz")
    assert len(calls) == 1
    pair.world.clock.advance(seconds=KEPT_MS / 1000)
    pair.shop.stranger.get("/readyz")
    assert len(calls) == 2


def test_health_says_nothing_of_the_party(pair: Pair) -> None:
    text = pair.shop.stranger.get("/readyz").text + pair.shop.stranger.get("/healthz").text
    assert "shop" not in text
    assert "spring" not in text
