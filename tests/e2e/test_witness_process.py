"""A witness in a process of its own: killed at any moment it forgets nothing that it has said."""

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from typing_extensions import override

from consent.checkpoint import open_checkpoint, with_cosignatures
from consent.note import parse_vkey
from coordinator.witness_node import home
from tests.support.witness import (
    COMMAND,
    ORIGIN,
    GrowingLedger,
    WitnessProcess,
    make_home,
)

pytestmark = pytest.mark.e2e

DIGEST = hashlib.sha256(ORIGIN.encode()).hexdigest()


@pytest.fixture
def ledger() -> GrowingLedger:
    return GrowingLedger().grow(40)


@pytest.fixture
def folder(tmp_path: Path, ledger: GrowingLedger) -> Path:
    make_home(tmp_path / "witness", key_type="ml-dsa-44")
    command(tmp_path / "witness", "add-log", ledger.vkey)
    return tmp_path / "witness"


@pytest.fixture
def running(folder: Path) -> Iterator[list[WitnessProcess]]:
    """The processes that a test starts; the last one is ended with the test."""
    started = [WitnessProcess.start(folder)]
    yield started
    if started[-1].process.poll() is None:
        started[-1].kill()


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, words[0], "--home", str(folder), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )


def post(process: WitnessProcess, body: str) -> httpx2.Response:
    return process.http.post("/add-checkpoint", content=body.encode())


def test_what_it_has_cosigned_survives_kill_9(
    running: list[WitnessProcess], folder: Path, ledger: GrowingLedger
) -> None:
    answer = post(running[0], ledger.request(0, 7))
    assert answer.status_code == 200
    key = parse_vkey(home.witness_of(make_home(folder, key_type="ml-dsa-44")).vkey)
    note = with_cosignatures(ledger.note(7), answer.text)
    assert open_checkpoint(note, ledger.signer.verifier, [key], 1).size == 7
    running[0].kill()
    running.append(WitnessProcess.start(folder))
    fork = GrowingLedger("another past").grow(9)
    assert post(running[1], fork.request(0, 9)).text == "7\n"
    assert post(running[1], fork.request(7, 9)).status_code == 422
    assert post(running[1], ledger.request(7, 9)).status_code == 200
    assert "unproven" in command(folder, "conflicts").stdout


class Asker(threading.Thread):
    """Asks for one size after the other until the witness is gone."""

    def __init__(self, process: WitnessProcess, ledger: GrowingLedger, answers: int) -> None:
        super().__init__()
        self._process, self._ledger, self._answers = process, ledger, answers
        self.heard: list[int] = []
        self.enough = threading.Event()

    @override
    def run(self) -> None:
        told = post(self._process, self._ledger.request(0, 40))
        try:
            for size in range(int(told.text) + 1, 40):
                answer = post(self._process, self._ledger.request(size - 1, size))
                self.heard.append(size if answer.status_code == 200 else -1)
                if len(self.heard) == self._answers:
                    self.enough.set()
        except httpx2.TransportError:
            pass


@pytest.mark.parametrize(
    "answers", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(5, marks=pytest.mark.slow)]
)
def test_killed_between_two_answers_it_never_goes_back(
    running: list[WitnessProcess], folder: Path, ledger: GrowingLedger, answers: int
) -> None:
    """Somebody asks as fast as they can while the process is killed: what was heard, it knows."""
    post(running[0], ledger.request(0, 1))
    asker = Asker(running[0], ledger, answers)
    asker.start()
    assert asker.enough.wait(60)
    running[0].process.kill()
    asker.join()
    running[0].kill()
    running.append(WitnessProcess.start(folder))
    known = running[-1].http.get(f"/{DIGEST}/checkpoint").text
    said = open_checkpoint(known, ledger.signer.verifier)
    assert -1 not in asker.heard
    assert asker.heard[-1] <= said.size <= asker.heard[-1] + 1
    assert said.root == ledger.tree.root(said.size)


def test_two_processes_cannot_serve_one_witness(
    running: list[WitnessProcess], folder: Path
) -> None:
    second = command(folder, "serve", "--port", "0")
    assert second.returncode == 75
    assert "another process holds" in second.stderr
    assert running[0].http.get("/readyz").is_success
    assert running[0].stop() == 0
    running.append(WitnessProcess.start(folder))
    assert running[1].http.get("/healthz").is_success


def test_a_ledger_is_added_while_it_serves(running: list[WitnessProcess], folder: Path) -> None:
    other = GrowingLedger(origin="accord.example/publisher").grow(3)
    assert post(running[0], other.request(0, 3)).status_code == 404
    assert command(folder, "add-log", other.vkey).returncode == 0
    assert post(running[0], other.request(0, 3)).status_code == 200
