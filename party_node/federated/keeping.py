"""The SuperNode of this node: started when the first federated job needs it, and stopped with the
node.

Flower is loaded only then.
"""

import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from party_node.coordinator_client import CoordinatorClient
from party_node.federated.trainings import Trainings
from protocols.session import Rng

if TYPE_CHECKING:
    from party_node.federated.supernode import SuperNode


@dataclass(slots=True)
class Keeper:
    """Keeps one SuperNode going."""

    folder: Path
    coordinator_url: str
    client: CoordinatorClient
    trainings: Trainings
    rng: Rng
    authority: Path | None = None
    _running: "SuperNode | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ensure(self) -> None:
        """Return when there is a SuperNode, which may still be on its way to the coordinator.

        Raises: SuperNodeUnavailable, CoordinatorUnreachable, CoordinatorRefused.
        """
        with self._lock:
            if self._running is not None:
                if self._running.process.poll() is None:
                    return
                self._running.stop()
                self._running = None
            from party_node.federated import supernode  # Flower takes a second and 80 MB to load

            supernode.address_of(self.coordinator_url)
            self.client.register_supernode(supernode.node_key(self.folder))
            self._running = supernode.start(
                self.folder,
                self.coordinator_url,
                self.trainings.answer,
                _free_port(),
                self.rng,
                self.authority,
            )

    def stop(self) -> None:
        """Stop it, if there is one."""
        with self._lock:
            if self._running is not None:
                self._running.stop()
            self._running = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
