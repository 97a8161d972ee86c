"""`accord webhook …`, against a node in this process and a receiver on loopback."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from party_node.webhooks.events import EventType
from party_node.webhooks.schedule import WAITS_SECONDS
from tests.support.running_node import Node, running_pair
from tests.support.webhooks import ANN, Receiver, consent, receiving, verified

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Shop:
    """A node with a receiver, spoken to by command."""

    def __init__(self, node: Node, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.receiver, self._capsys = node, receiver, capsys

    def accord(self, *words: str, code: int = 0) -> str:
        home = str(self.node.services.home.path)
        assert cli.run([*words, "--home", home]) == code
        captured = self._capsys.readouterr()
        return captured.out + captured.err

    def answer(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.accord(*words, "--json", code=code))

    def tell(self, index: int) -> None:
        parts = self.node.services
        with parts.db.writing() as session:
            data = consent(ANN, index)
            now = parts.clock_ms()
            parts.webhooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, now)

    def deliver(self) -> int:
        return self.node.services.webhooks.courier.deliver_due(self.node.services.clock_ms())


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shop]:
    with capture_logs(), running_pair(tmp_path) as made, receiving() as receiver:
        node = made.shop

        def found(_home: Path) -> LocalClient:
            return LocalClient("http://shop.test", node.running.token, node.stranger._transport)

        monkeypatch.setattr(LocalClient, "of", found)
        yield Shop(node, receiver, capsys)


def test_from_adding_to_removing(shop: Shop) -> None:
    assert shop.accord("webhook", "list") == "there is no webhook\n"
    said = shop.accord(
        "webhook", "add", "crm", shop.receiver.url, "--loopback", "--event", "consent.changed"
    )
    assert "told consent.changed from now on" in said
    secret = said.split("secret: ")[1].split()[0]
    assert "taken: status 200" in shop.accord("webhook", "test", "crm")
    got = shop.receiver.received[0]
    verified(secret, got.headers, got.body)
    shop.tell(1)
    shop.deliver()
    assert "delivered" in shop.accord("webhook", "deliveries", "crm")
    assert shop.accord("webhook", "deliveries", "crm", "--state", "failed") == (
        "there is no such delivery\n"
    )
    for words in (["list"], ["show", "crm"]):
        said = shop.accord("webhook", *words)
        assert "crm" in said
        assert secret not in said
    assert shop.accord("webhook", "remove", "crm") == "webhook crm is removed\n"
    assert "there is no webhook crm" in shop.accord("webhook", "show", "crm", code=1)


def test_pause_and_resume(shop: Shop) -> None:
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback")
    assert shop.answer("webhook", "pause", "crm")["state"] == "paused"
    shop.tell(1)
    assert shop.deliver() == 0
    said = shop.accord("webhook", "show", "crm")
    assert "wait: 1; failed: 0" in said
    assert "the oldest that waits happened at" in said
    assert "crm: active" in shop.accord("webhook", "resume", "crm")
    assert shop.deliver() == 1


def test_a_webhook_that_fails_says_since_when_and_why(shop: Shop) -> None:
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback")
    shop.receiver.answer(503)
    assert "not taken: not-taken, status 503" in shop.accord("webhook", "test", "crm", code=1)
    assert shop.answer("webhook", "test", "crm", code=1)["status"] == 503
    shop.tell(1)
    shop.deliver()
    assert "not-taken, status 503" in shop.accord("webhook", "show", "crm")
    shop.receiver.answer(410)
    shop.node.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    shop.deliver()
    assert "crm: disabled (gone)" in shop.accord("webhook", "show", "crm")
    status = shop.accord("node", "status")
    assert "webhook crm is DISABLED: gone" in status


def test_status_says_nothing_of_webhooks_where_there_are_none(shop: Shop) -> None:
    assert "webhook" not in shop.accord("node", "status")
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback")
    assert "webhooks: 1 active, 0 paused; 0 messages wait, 0 failed" in shop.accord(
        "node", "status"
    )


def test_a_change_keeps_what_it_does_not_name(shop: Shop) -> None:
    events = ["--event", "subject.erased"]
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback", *events)
    moved = shop.receiver.url + "/2"
    found = shop.answer("webhook", "update", "crm", "--url", moved)
    assert (found["url"], found["events"], found["loopback"]) == (moved, ["subject.erased"], True)
    found = shop.answer("webhook", "update", "crm", "--event", "ledger.alarm")
    assert (found["url"], found["events"]) == (moved, ["ledger.alarm"])
    assert shop.answer("webhook", "update", "crm", "--every-event")["events"] == []
    said = shop.accord("webhook", "update", "crm", "--no-loopback", code=1)
    assert said.startswith("accord: error: http is for receivers on this machine only")


def test_rotation_says_until_when_both_sign(shop: Shop) -> None:
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback")
    assert "signs too until" in shop.accord("webhook", "rotate", "crm")
    assert "the one before is gone" in shop.accord(
        "webhook", "rotate", "crm", "--overlap-hours", "0"
    )
    assert shop.accord("webhook", "rotate", "crm", "--overlap-hours", "200", code=1)


def test_what_failed_is_listed_and_sent_once_more(shop: Shop) -> None:
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback")
    shop.tell(1)
    shop.receiver.answer(500)
    for seconds in (*WAITS_SECONDS, 0):
        shop.deliver()
        shop.node.services.clock_ms.advance(seconds=seconds * 1.1)  # type: ignore[attr-defined]
    assert "not-taken, status 500" in shop.accord("webhook", "deliveries", "crm")
    shop.receiver.answer(200)
    shop.accord("webhook", "resume", "crm")
    shop.tell(2)
    shop.deliver()
    said = shop.accord("webhook", "retry", "crm")
    assert "queued again: 0" in said
    assert "may have something newer: 1" in said
    (failed,) = shop.answer("webhook", "deliveries", "crm", "--state", "failed")
    words = ["webhook", "retry", "crm", "--message", failed["message"]]
    assert "--overtaken" in shop.accord(*words, code=1)
    assert shop.answer(*words, "--overtaken") == {"queued": 1, "overtaken": 0}
    assert shop.deliver() == 1
    assert shop.receiver.indices[-2:] == [2, 1]


def test_usage_and_refusals(shop: Shop) -> None:
    assert "https" in shop.accord("webhook", "add", "crm", "http://127.0.0.1:1/", code=1)
    shop.accord("webhook", "add", "crm", shop.receiver.url, "--loopback", "--event", "x", code=1)
    assert shop.answer("webhook", "list") == []
    shop.accord("webhook", "retry", "crm", "--message", "nonsense", code=1)
