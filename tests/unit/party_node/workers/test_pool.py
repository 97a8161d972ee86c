"""Worker processes: what happens when one dies, and what never leaves the pipes."""

import dataclasses
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from party_node.workers import pool as pools
from party_node.workers import worker
from party_node.workers.computing import MULTIPLY, Errand, compute
from party_node.workers.errors import WorkerLost, WorkersUnavailable
from party_node.workers.pool import Pool, Worker
from protocols import groups
from protocols.codec import Record, encode
from protocols.errors import InvalidElement, LocalError
from protocols.psi.dh import PsiParams, members
from protocols.session import Fetch, Rng, Transition
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests, points
from tests.support.workers import Doomed

SCALAR = bytes(range(1, 33))
ROWS = points(1_600)


@pytest.fixture
def doomed() -> Iterator[Doomed]:
    found = Doomed()
    yield found
    found.pool.close()


def test_a_worker_that_dies_in_the_middle_gives_a_named_error_and_no_result(doomed: Doomed) -> None:
    pid, caught = doomed.stop_one(), []

    def work() -> None:
        try:
            groups.evaluate(SCALAR, ROWS, backend=doomed.backend)
        except WorkerLost as e:
            caught.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    os.kill(pid, signal.SIGKILL)
    thread.join()
    assert [e.code for e in caught] == ["worker-lost"]


def test_the_next_errand_finds_a_new_worker_in_its_place(doomed: Doomed) -> None:
    doomed.kill_one()
    before = doomed.pids()
    with pytest.raises(WorkerLost):
        groups.evaluate(SCALAR, ROWS, backend=doomed.backend)
    found = groups.evaluate(SCALAR, ROWS, backend=doomed.backend)
    assert np.array_equal(found, groups.evaluate(SCALAR, ROWS))
    assert doomed.pids()[0] not in (0, before[0])
    assert doomed.pids()[1] == before[1]


def test_a_run_goes_on_at_the_chunk_where_a_worker_died(doomed: Doomed) -> None:
    """A step that fails has changed nothing, so the same one is taken again."""
    protocol, steps, lost = members(doomed.backend), [], []

    def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        steps.append(type(state).__name__)
        if len(steps) % 3 == 0:
            doomed.kill_one()
        try:
            return protocol.step(state, message, fetch, rng)
        except WorkerLost:
            lost.append(len(steps))
            return protocol.step(state, message, fetch, rng)

    watched = dataclasses.replace(protocol, step=step)
    params = PsiParams(max_items=4_000, chunk_items=1_024, tag_bytes=12, strict=False)
    mine, theirs = digests(range(1_600)), digests(range(700, 2_300))
    played = run_pair(watched, params, CTX, mine, theirs)
    plain = run_pair(members(), params, CTX, mine, theirs)
    assert len(lost) >= 3
    assert played.matched() == plain.matched() == list(range(700, 1_600))
    assert played.receiver.sent == plain.receiver.sent


def test_no_secret_stands_in_an_error_of_a_lost_worker(doomed: Doomed) -> None:
    doomed.kill_one()
    with pytest.raises(WorkerLost) as caught:
        groups.evaluate(SCALAR, ROWS, backend=doomed.backend)
    told = "".join(traceback.format_exception(caught.value))
    assert SCALAR.hex() not in told
    assert repr(SCALAR)[2:20] not in told
    assert SCALAR.hex() not in repr(Errand("", MULTIPLY, "auto", SCALAR, False))
    assert repr(SCALAR) not in repr(Errand("", MULTIPLY, "auto", SCALAR, False))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_no_secret_stands_on_a_command_line_or_in_an_environment(doomed: Doomed) -> None:
    groups.evaluate(SCALAR, ROWS, backend=doomed.backend)
    for pid in doomed.pids():
        seen = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        assert SCALAR not in seen
        assert SCALAR.hex().encode() not in seen


def test_a_point_of_small_order_is_refused_by_workers_too(doomed: Doomed) -> None:
    rows = ROWS.copy()
    rows[1_000] = 0
    with pytest.raises(InvalidElement):
        groups.evaluate(SCALAR, rows, backend=doomed.backend)
    assert len(groups.evaluate(SCALAR, ROWS, backend=doomed.backend)) == len(ROWS)


def test_a_worker_of_another_release_is_not_used() -> None:
    errand = encode(Errand("0.0.0-other", MULTIPLY, "auto", SCALAR, False))
    assert compute(errand, ROWS.tobytes())[0] == "workers-unavailable"
    pool = Pool([worker.__name__], 1)
    with pytest.raises(WorkersUnavailable, match="another release"):
        pool.compute(errand, [ROWS.tobytes()])
    pool.close()


def test_a_worker_that_says_too_little_is_not_believed(monkeypatch) -> None:
    monkeypatch.setattr(Worker, "ask", lambda _self, _errand, rows: ("", rows[:-32]))
    pool = Pool(["unused"], 2)
    monkeypatch.setattr(pool, "warm_up", lambda: None)
    with pytest.raises(LocalError):
        pool.compute(b"", [ROWS[:8].tobytes(), ROWS[8:16].tobytes()])


def test_a_process_that_does_not_start_is_a_named_error(monkeypatch) -> None:
    monkeypatch.setattr(pools.sys, "executable", "/nonexistent/python")
    with pytest.raises(WorkersUnavailable):
        Pool([worker.__name__], 1).compute(b"", [b""])


def test_a_program_that_is_not_there_is_a_lost_worker() -> None:
    with pytest.raises(WorkerLost):
        Pool(["party_node.workers.nothing"], 1).compute(b"", [b""])


def test_workers_end_when_their_node_is_killed() -> None:
    """They see their input end: nothing else tells them."""
    code = (
        "import sys\n"
        "from party_node.workers import worker\n"
        "from party_node.workers.pool import Pool\n"
        "pool = Pool([worker.__name__], 2)\n"
        "pool.warm_up()\n"
        "print(*[w.pid for w in pool._workers], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as node:
        assert node.stdout is not None
        pids = [int(word) for word in node.stdout.readline().split()]
        handles = [os.pidfd_open(pid) for pid in pids]
        node.kill()
    for handle in handles:
        assert select.select([handle], [], [], 30)[0], "a worker outlived its node"
        os.close(handle)


def test_closing_ends_all_workers(doomed: Doomed) -> None:
    doomed.pool.warm_up()
    assert all(doomed.pids())
    doomed.pool.close()
    assert doomed.pids() == [0, 0]
    began = time.monotonic()
    doomed.pool.close()
    assert time.monotonic() - began < 5, "it waited for workers that had ended"


def test_what_a_library_prints_does_not_stand_among_the_answers() -> None:
    code = (
        "from party_node.workers.pipes import serve\n"
        "def compute(errand, rows):\n"
        "    print('a word', flush=True)\n"
        "    return '', rows\n"
        "serve(compute)\n"
    )
    one = Worker([])
    one._words = [sys.executable, "-c", code]
    assert one.ask(b"", b"rows") == ("", b"rows")
    assert one.ask(b"", b"more") == ("", b"more")
    one.end(10)
