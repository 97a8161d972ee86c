"""The process between a node and a Ray cluster: `python -m party_node.workers.ray_driver ADDRESS`.

Ray ends the process that uses it when it loses its cluster for long, takes over signals, and writes
log files. So the node never imports it: this process does. It cuts rows into shares so small that
Ray sends them inside its messages: larger ones would lie in its object store, which moves to disk
what does not fit. Shares are never repeated by Ray; the node repeats the whole step.
"""

import os
import socket
import sys
from typing import Any

from party_node.workers.computing import Answer, compute
from party_node.workers.errors import WorkerLost, WorkersUnavailable
from party_node.workers.pipes import serve

LOCAL = "local"
"""An address: a Ray of its own on this machine."""
SHARE_BYTES = 32 * 3_000
"""Below 100 KiB, from where on Ray puts arguments and results into its object store."""
KNOCK_SECONDS = 5
SWITCHES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_PROMPT_ENABLED": "0"}
"""Ray reports its use to its makers unless this is in the environment before it is imported."""


class Cluster:
    """A connection to Ray, made when it is first needed."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._ray: Any = None
        self._compute: Any = None

    def compute(self, errand: bytes, rows: bytes) -> Answer:
        """Do an errand for all rows, on the whole cluster."""
        if self._ray is None:
            try:
                _knock(self._address)
                self._connect()
            except ImportError:
                return WorkersUnavailable.code, b"Ray is not installed; install accord[ray]"
            except Exception:  # noqa: BLE001 - Ray raises what it likes; none of it may be shown
                self._disconnect()
                return (
                    WorkersUnavailable.code,
                    b"the Ray cluster does not answer, or not to this node",
                )
        shares = [rows[i : i + SHARE_BYTES] for i in range(0, len(rows), SHARE_BYTES)]
        waiting: list[Any] = []
        try:
            waiting += [self._compute.remote(errand, share) for share in shares]
            answers: list[Answer] = self._ray.get(waiting)
        except self._ray.exceptions.RayTaskError:
            return WorkersUnavailable.code, b"a machine of the cluster cannot run this software"
        except Exception:  # noqa: BLE001 - as above: the machine, its worker or the way there is gone
            self._forget(waiting)
            return WorkerLost.code, b"a worker of the Ray cluster ended before it had answered"
        failed = next((answer for answer in answers if answer[0]), None)
        return failed or ("", b"".join(content for _, content in answers))

    def _connect(self) -> None:
        import ray

        self._ray = ray
        options: dict[str, Any] = {"include_dashboard": False} if self._address == LOCAL else {}
        ray.init(address=self._address, log_to_driver=False, configure_logging=False, **options)
        self._compute = ray.remote(num_cpus=1, max_retries=0)(compute)

    def _forget(self, waiting: list[Any]) -> None:
        """Take back what nobody waits for, and connect anew if the connection is gone."""
        try:
            for one in waiting:
                self._ray.cancel(one)
        except Exception:  # noqa: BLE001 - then there is nothing left to be taken back
            self._disconnect()
        if self._ray is not None and not self._ray.is_initialized():
            self._disconnect()

    def _disconnect(self) -> None:
        if self._ray is not None:
            self._ray.shutdown()
        self._ray = self._compute = None


def _knock(address: str) -> None:
    """Raise OSError if nobody listens there: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if address != LOCAL:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def main() -> None:
    """Answer the node's questions with the cluster at the address that was given."""
    os.environ.update(SWITCHES)
    serve(Cluster(sys.argv[1]).compute)


if __name__ == "__main__":
    main()
