"""The process: starts, says where it listens, and ends promptly on SIGTERM."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from coordinator import parties
from coordinator.clock import system_clock
from coordinator.database import Database
from coordinator.settings import Settings
from tests.support.coordinator import Party, as_bytes, enrolment, party, prepare_home

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from coordinator.cli import main; main()"]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return prepare_home(tmp_path / "home")


@pytest.fixture
def served(home: Settings) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--home", str(home.home), "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "ACCORD_COORDINATOR_LOG_FORMAT": "json"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == "listening":
                break
        yield process, f"http://{event['host']}:{event['port']}"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _enrolled(home: Settings, url: str) -> Party:
    database = Database(home.effective_database_url)
    with database.writing() as session:
        secret = parties.invite(session, "brand", system_clock(), 7, lambda n: bytes(n))
    database.close()
    who = party("brand", system_clock)  # type: ignore[arg-type]
    answer = httpx2.post(f"{url}/v1/enrolments", content=as_bytes(enrolment(who, secret)))
    assert answer.status_code == 201, answer.text
    return who


def test_sigterm_ends_waiting_requests_at_once(
    home: Settings, served: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = served
    who, target = _enrolled(home, url), "/v1/jobs?after=0&wait=25"
    poll = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    poll.request("GET", "/healthz")  # from here on the connection is accepted
    assert poll.getresponse().read()
    poll.request("GET", target, headers=who.headers("GET", target))
    assert httpx2.get(f"{url}/readyz").status_code == 200
    process.send_signal(signal.SIGTERM)
    answer = poll.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, [])
    poll.close()
    assert process.wait(20) == 0
    assert process.stderr is not None
    assert [json.loads(line)["event"] for line in process.stderr][-1] == "stopped"


def test_an_address_that_is_taken_is_an_error(
    home: Settings, served: tuple[subprocess.Popen[str], str]
) -> None:
    port = served[1].rsplit(":", 1)[1]
    done = subprocess.run(
        [*COMMAND, "serve", "--home", str(home.home), "--port", port],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("accord-coordinator: error: address already")
