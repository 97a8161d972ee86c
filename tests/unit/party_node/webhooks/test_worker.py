"""The threads: woken by a commit, one for each receiver, ended in order, outliving a failure."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from party_node.errors import DiskFull
from party_node.webhooks import worker as worker_module
from party_node.webhooks.courier import Courier
from tests.support.webhooks import ANN, BOB, Rig, receiving

SECONDS = 20


@contextmanager
def working(hooks: Rig) -> Iterator[None]:
    worker = hooks.hooks.worker(hooks.node.clock)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def until(holds: Callable[[], object]) -> None:
    """Wait for something that another thread does."""
    limit = time.monotonic() + SECONDS
    tick = threading.Event()
    while not holds():
        assert time.monotonic() < limit, "it did not happen"
        tick.wait(0.005)


def test_a_commit_is_delivered_without_anybody_asking(
    hooks: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", SECONDS)  # only a wake can be so fast
    hooks.add()
    with working(hooks):
        for number in range(3):
            hooks.tell(f"{number:032x}")
            until(lambda n=number: len(hooks.receiver.received) == n + 1)
        until(lambda: len(hooks.log()) == 3 and {s for s, *_ in hooks.log()} == {"delivered"})


def test_what_an_earlier_process_left_is_delivered_at_the_start(hooks: Rig) -> None:
    hooks.add()
    told = [hooks.tell(ANN), hooks.tell(ANN), hooks.tell(BOB)]
    hooks.restart()
    with working(hooks):
        until(lambda: len(hooks.receiver.received) == 3)
    assert sorted(hooks.receiver.indices) == told


def test_a_receiver_that_hangs_holds_up_nobody_else(hooks: Rig) -> None:
    go = threading.Event()
    hooks.add("hanging")
    hooks.receiver.answers = lambda _got: (200 if go.wait(SECONDS) else 500, {})
    with receiving() as quick:
        hooks.add("quick", quick.url)
        with working(hooks):
            hooks.tell(ANN)
            until(lambda: hooks.receiver.received)
            hooks.tell(BOB)
            until(lambda: len(quick.received) == 2)
            assert len(hooks.receiver.received) == 1
            go.set()
            until(lambda: len(hooks.receiver.received) == 2)


def test_what_cannot_be_recorded_is_not_sent_in_a_loop(
    hooks: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks.add()
    full = threading.Event()

    def record(*_: object) -> int:
        full.set()
        raise DiskFull

    monkeypatch.setattr(Courier, "_record", record)
    with capture_logs() as logs, working(hooks):
        hooks.tell()
        assert full.wait(SECONDS)
        for _ in range(20):
            hooks.hooks.woken.set()
    assert len(hooks.receiver.received) == 1
    assert [log["cause"] for log in logs if log["event"] == "webhooks-waiting"] == ["disk-full"]


def test_a_crash_of_the_look_is_logged_and_outlived(
    hooks: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_PAUSE_SECONDS", 0.01)
    hooks.add()
    crashed: list[int] = []
    due = Courier.due

    def failing(self: Courier, now_ms: int) -> list[str]:
        crashed.append(now_ms)
        if len(crashed) == 1:
            raise KeyError("ann@example.com")
        return due(self, now_ms)

    monkeypatch.setattr(Courier, "due", failing)
    with capture_logs() as logs, working(hooks):
        hooks.tell()
        until(lambda: hooks.receiver.received)
    assert "webhooks-crashed" in [log["event"] for log in logs]


def test_stopping_waits_for_nobody_who_hangs(hooks: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_GRACE_SECONDS", 0.05)
    go = threading.Event()
    hooks.add()
    hooks.receiver.answers = lambda _got: (200 if go.wait(SECONDS) else 500, {})
    began = time.monotonic()
    with working(hooks):
        hooks.tell()
        until(lambda: hooks.receiver.received)
    assert time.monotonic() - began < SECONDS / 2
    go.set()
    until(lambda: not [t for t in threading.enumerate() if t.name == "webhook-crm"])
