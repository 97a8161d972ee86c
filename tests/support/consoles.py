"""The console of a node in this process: signed in to, by requests or over a loopback port."""

import html
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn
from sqlmodel import select

from party_node.app import create_app
from party_node.readiness import Readiness
from party_node.running import RunningNode
from party_node.services import Services
from party_node.tables import UsePermissionRow
from tests.support.coordinator import TestClient
from tests.support.two_nodes import Node

TOKEN = "t" * 43
ORIGIN = {"Origin": "http://localhost"}


def _running(node: Node) -> RunningNode:
    return RunningNode(node.services, node.driver, Readiness(node.services), TOKEN)


@contextmanager
def signed_in(node: Node) -> Iterator[TestClient]:
    """Return a client that has a session of the node's console and sends forms from its pages."""
    app = create_app(_running(node))
    with TestClient(app, "http://localhost", headers=ORIGIN, follow_redirects=False) as client:
        assert client.post("/sign-in", data={"token": TOKEN}).status_code == 303
        yield client


@contextmanager
def served(node: Node) -> Iterator[str]:
    """Serve the console on a loopback port; return its address."""
    config = uvicorn.Config(
        create_app(_running(node)),
        "127.0.0.1",
        0,
        log_config=None,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the console does not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def plain(answer: httpx2.Response, status: int = 200) -> str:
    """Return what a page says, without its tags."""
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def recorded(parts: Services) -> tuple[int, int]:
    """Return how long the ledger is, and how many uses were permitted."""
    with parts.db.reading() as session:
        return parts.ledger.head()[0], len(session.exec(select(UsePermissionRow)).all())
