"""A node that is killed in the middle: what was committed is told by the next process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from party_node.clock import system_clock
from party_node.database import Database
from party_node.home import Home
from party_node.migrations import migrate
from party_node.services import assemble
from party_node.webhooks.events import EventType
from party_node.webhooks.registrations import Definition
from tests.support.node import SeededRng
from tests.support.webhooks import ANN, Receiver, consent, receiving, verified

SECONDS = 60

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is enrolled with a coordinator that nobody runs."""
    made = Home.create(tmp_path / "home", "shop", "Shop", listen_port=0, rng=SeededRng())
    vkey = "hub/witness+a0a36135+BOjWchw7jYoWaZ9bnbNeqbRqf8MKk9CLGH7w7ntuLEHu"
    made.save(
        made.settings.model_copy(
            update={"coordinator_url": "http://127.0.0.1:9", "witness_vkey": vkey}
        )
    )
    return made


@contextmanager
def serving(home: Home, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "party_node", "node", "serve", "--home", str(home.path)]
    with log.open("ab") as file, subprocess.Popen(words, stderr=file) as process:
        try:
            until(lambda: (home.path / "url").exists() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            process.kill()


def node_api(home: Home) -> httpx2.Client:
    url = (home.path / "url").read_text().strip()
    bearer = {"Authorization": f"Bearer {home.token}"}
    return httpx2.Client(base_url=url, headers=bearer, trust_env=False)


def until(holds) -> None:
    limit = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < limit, "it did not happen"
        os.sched_yield()


def prepare(home: Home, receiver: Receiver) -> str:
    """Set up a webhook and commit two events, as a process that then dies would have."""
    db = Database(home.database_url)
    migrate(db)
    parts = assemble(home, db)
    definition = Definition(receiver.url, loopback=True)
    secret = parts.webhooks.registrations.add("crm", definition, system_clock())
    for index in (1, 2):
        with db.writing() as session:
            now = system_clock()
            data = consent(ANN, index)
            parts.webhooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, now)
    parts.client.close()
    db.close()
    return secret


def test_what_was_committed_is_told_whatever_dies_when(home: Home, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiving() as receiver:
        secret = prepare(home, receiver)
        receiver.cut = True  # it has the message, and the node hears nothing
        with serving(home, log) as process:
            until(lambda: receiver.received)
            process.kill()
            process.wait(SECONDS)
        (home.path / "url").unlink()
        receiver.cut = False
        with serving(home, log) as process:
            until(lambda: len(receiver.indices) >= 3)
            with node_api(home) as http:
                until(lambda: http.get("/v1/webhooks/crm").json()["waiting"] == 0)
                assert http.post("/v1/webhooks/crm/test").json()["delivered"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
        changes = [r for r in receiver.received if r.content["type"] == "consent.changed"]
        indices = [r.content["data"]["index"] for r in changes]
        assert indices == sorted(indices)
        assert set(indices) == {1, 2}
        assert changes[0].message == changes[1].message
        for got in receiver.received:
            verified(secret, got.headers, got.body)
    text = log.read_text()
    assert "node-stopped" in [json.loads(line)["event"] for line in text.splitlines()]
    for word in (secret[6:], ANN, receiver.url, "partner-marketing"):
        assert word not in text
