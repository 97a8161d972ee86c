"""Faults as a caller of the local API meets them: the status, the code, and what goes on."""

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from party_node.demo import processes
from party_node.demo.network import start_node
from tests.support.lives import compile_shim
from tests.support.network import accord, connect, start_coordinator
from tests.support.running_node import AUDIENCE, Node, running_pair

ROUNDS, ASKERS = 10, 3
WHO = {"email": "person0@example.com", "purpose": AUDIENCE}
CONTACT = "/v1/decisions/contact"

Http = httpx2.Client


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_pair(tmp_path) as made:
        yield made.shop


def say(http: Http, state: str, key: str, email: str = WHO["email"]) -> httpx2.Response:
    """Post one consent event about one person."""
    body, named = WHO | {"email": email, "state": state}, {"Idempotency-Key": key}
    return http.post("/v1/consent/events", json=body, headers=named)


def decided(http: Http, email: str = WHO["email"]) -> str:
    """Return the answer about that person; nothing is set aside, so nothing is written."""
    body = WHO | {"email": email, "channel": "email", "reserve_seconds": 0}
    answer = http.post(CONTACT, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["decision"])


def size(http: Http) -> int:
    answer = http.get("/v1/ledger")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["size"])


# -- a full disk -----------------------------------------------------------------------------------


def require_full_and_free_again(
    http: Http, fill: Callable[[], None], free: Callable[[], None]
) -> None:
    """Fill the disk below a node that answers, and free it again; require what is promised."""
    assert say(http, "given", "before").status_code == 201
    fill()
    acknowledged = ["before"]
    refused: httpx2.Response | None = None
    for n in range(200):  # what lies ready in the files may still be used up
        answer = say(http, "given", f"full-{n}")
        if answer.status_code != 201:
            refused = answer
            break
        acknowledged.append(f"full-{n}")
    assert refused is not None
    problem: dict[str, Any] = refused.json()
    assert (refused.status_code, problem["type"]) == (507, "urn:accord:error:disk-full")
    assert "free some space" in problem["hint"]
    at = size(http)
    assert decided(http) == "allow"
    explained = http.post("/v1/consent/explanations", json=WHO | {"operation": "psi"})
    assert explained.status_code == 200, explained.text
    assert http.get("/v1/status").status_code == 200
    assert size(http) == at

    free()
    for state, key, answer in (
        ("given", f"full-{len(acknowledged) - 1}", "allow"),
        ("withdrawn", "withdrawal", "deny"),
    ):
        said = say(http, state, key)
        assert said.status_code == 201, said.text
        # Where only the checkpoint had found no room, the event itself was there already.
        at += not said.json()["repeated"]
        assert (size(http), decided(http)) == (at, answer)
    for known in acknowledged:
        again = say(http, "given", known)
        assert (again.status_code, again.json()["repeated"]) == (201, True), again.text
    assert size(http) == at


def test_a_full_database_is_said_and_the_rest_goes_on(node: Node) -> None:
    """SQLite's own limit of pages stands for the disk."""
    engine = node.services.db._engine
    limit = ["2147483646"]

    def bound(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")

    def fill() -> None:
        limit[0] = "1"  # which SQLite takes for as many as there are

    def free() -> None:
        limit[0] = "2147483646"

    event.listen(engine, "checkout", bound)
    require_full_and_free_again(node.http, fill, free)
    assert node.services.ledger.verify().size == size(node.http)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_process_whose_disk_is_full_goes_on_without_a_restart(tmp_path: Path) -> None:
    """Everything that the process writes meets the full disk: database, files, its own log."""
    shim, space = compile_shim(tmp_path), tmp_path / "space"
    space.write_bytes(bytes(ctypes.c_long(-1)))

    def leave(bytes_left: int) -> None:
        with space.open("r+b") as file:
            file.write(bytes(ctypes.c_long(bytes_left)))

    with contextlib.ExitStack() as stack:
        home, hub, port = tmp_path / "brand", tmp_path / "hub", processes.free_port()
        url = f"http://127.0.0.1:{port}"
        words = ("--home", str(hub), "--name", "hub.example", "--url", url)
        processes.command("coordinator", "init", *words)
        stack.callback(start_coordinator(hub, port).stop)
        at_home = ("--home", str(home))
        assert accord("node", "create", "--party", "brand", "--port", "0", *at_home).code == 0
        invited = processes.command("coordinator", "invite", "--home", str(hub), "--party", "brand")
        assert accord("node", "enrol", invited["text"], *at_home).code == 0
        shimmed = {"LD_PRELOAD": str(shim), "ACCORD_TEST_SPACE": str(space)}
        service = start_node(home, "brand", **shimmed)
        stack.callback(service.stop)
        processes.await_ready(service)
        http = stack.enter_context(connect(service))
        require_full_and_free_again(http, lambda: leave(0), lambda: leave(-1))
        said = accord(
            "consent", "give", "--email", "p@example.com", "--purpose", AUDIENCE, *at_home
        )
        assert said.code == 0, said.err
        leave(0)
        said = accord("node", "status", *at_home)
        assert said.code == 0, said.out + said.err
        leave(-1)
        service.process.kill()
        service.process.wait()
        service = start_node(home, "brand")
        stack.callback(service.stop)
        processes.await_ready(service)
        said = accord("ledger", "verify", *at_home)
        assert said.code == 0, said.out + said.err


# -- read your writes ------------------------------------------------------------------------------


def test_an_acknowledged_withdrawal_is_seen_by_the_next_decision_of_anybody(node: Node) -> None:
    """One caller gives and takes back, others ask as soon as that is acknowledged."""
    said, asked = (threading.Barrier(1 + ASKERS, timeout=60) for _ in range(2))
    steps = [
        (f"p{n}@example.com", state) for n in range(ROUNDS) for state in ("given", "withdrawn")
    ]

    def tell() -> list[int]:
        statuses = []
        for n, (email, state) in enumerate(steps):
            statuses.append(say(node.http, state, f"step-{n}", email).status_code)
            said.wait()
            asked.wait()
        return statuses

    def ask() -> list[str]:
        http = TestClient(node.http.app, str(node.http.base_url), headers=node.http.headers)
        answers = []
        for email, _ in steps:
            said.wait()
            answers.append(decided(http, email))
            asked.wait()
        return answers

    # FastAPI builds a route when it is first asked for. A node does so in its one event loop; here
    # each client has its own, and two must not build at once.
    assert say(node.http, "given", "first", "first@example.com").status_code == 201
    assert decided(node.http, "first@example.com") == "allow"
    with ThreadPoolExecutor(1 + ASKERS) as pool:
        askers = [pool.submit(ask) for _ in range(ASKERS)]
        assert tell() == [201] * len(steps)
        for asker in askers:
            assert asker.result() == ["allow", "deny"] * ROUNDS
