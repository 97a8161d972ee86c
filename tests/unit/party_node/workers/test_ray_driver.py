"""Ray, behind a process of its own: its switches, and what is said where it fails."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from party_node.workers import ray_driver
from party_node.workers.errors import WorkerLost, WorkersUnavailable
from party_node.workers.pool import Pool
from party_node.workers.ray_driver import LOCAL, SWITCHES, Cluster
from party_node.workers.spreading import spread
from protocols import groups
from tests.support.seeded import points
from tests.support.workers import children_of, needs_ray

SCALAR = bytes(range(1, 33))


def in_python(code: str) -> str:
    """Run code where Ray's switches are set; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | SWITCHES,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_node_never_imports_ray() -> None:
    code = "import sys, party_node.app, party_node.workers.choosing; print('ray' in sys.modules)"
    assert in_python(code) == "False"


def test_without_ray_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, said = Cluster(LOCAL).compute(b"", b"")
    assert code == WorkersUnavailable.code
    assert b"accord[ray]" in said


@pytest.mark.slow
@needs_ray
def test_ray_reports_its_use_to_nobody() -> None:
    code = "from ray._common.usage import usage_lib; print(usage_lib.usage_stats_enabled())"
    assert in_python(code) == "False"


@pytest.mark.slow
@needs_ray
def test_no_share_lies_in_the_store_of_ray_which_may_move_to_disk() -> None:
    """Beside it one that is too large, so that the test would see it."""
    code = """
from party_node.version import software
from party_node.workers.computing import HASH, Errand
from party_node.workers.ray_driver import LOCAL, SHARE_BYTES, Cluster
from protocols.codec import encode
cluster = Cluster(LOCAL)
errand = encode(Errand(software(), HASH, "pynacl", bytes(32), False))
assert cluster.compute(errand, bytes(64))[0] == ""
refs = [cluster._compute.remote(errand, bytes(n)) for n in (SHARE_BYTES, 2 * SHARE_BYTES)]
assert all(code == "" for code, _ in cluster._ray.get(refs))
where = cluster._ray.experimental.get_object_locations(refs)
print([len(where[ref]["node_ids"]) for ref in refs])
"""
    assert in_python(code).splitlines()[-1] == "[0, 1]"


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_does_not_answer_is_a_named_error() -> None:
    pool = Pool([ray_driver.__name__, "127.0.0.1:1"], 1)
    try:
        with pytest.raises(WorkersUnavailable, match="does not answer"):
            pool.compute(b"", [b""])
    finally:
        pool.close()


@pytest.mark.slow
@needs_ray
def test_a_ray_worker_that_is_killed_gives_a_named_error_and_the_next_step_goes_on() -> None:
    pool = Pool([ray_driver.__name__, LOCAL], 1)
    backend, rows, caught = spread(pool, "pynacl", "ray"), points(60_000), []

    def work() -> None:
        try:
            groups.evaluate(SCALAR, rows, backend=backend)
        except WorkerLost as e:
            caught.append(e)

    try:
        groups.evaluate(SCALAR, rows[:1_000], backend=backend)  # connected
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            busy = [p for p, words in _ray_workers(pool).items() if "ray::compute" in words]
            if busy:
                os.kill(busy[0], signal.SIGKILL)
                break
        thread.join()
        assert [e.code for e in caught] == ["worker-lost"]
        few = rows[:4_000]
        found = groups.evaluate(SCALAR, few, backend=backend)
        assert found.tobytes() == groups.evaluate(SCALAR, few).tobytes()
    finally:
        pool.close()


def _ray_workers(pool: Pool) -> dict[int, str]:
    return children_of(pool._workers[0].pid)
