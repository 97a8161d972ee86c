"""The SuperLink: started beside the coordinator, on loopback only, and stopped with it.

It listens on one port with three interfaces, of which two have no authentication worth the name: so
nobody but this machine reaches it. What nodes need of it the coordinator passes on
(`coordinator/api/fleet.py`), under its own TLS. Everything that Flower keeps lies in one folder.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import FlowerUnavailable
from coordinator.federated import SWITCHED_OFF, certificate
from coordinator.federated.certificate import LOOPBACK, Shared
from coordinator.federated.flower import FlowerLink
from protocols.session import Rng

READY_SECONDS = 60
_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 3


def command(shared: Shared, database: Path, port: int) -> list[str]:
    """Return the words that start a SuperLink, without the program's name."""
    return [
        *("--host", LOOPBACK, "--port", str(port)),
        *("--ssl-certfile", str(shared.certificate_file)),
        *("--ssl-keyfile", str(shared.key_file)),
        *("--ssl-ca-certfile", str(shared.certificate_file)),
        # The coordinator holds the ServerApp itself: Flower starts no process with a bundle's code.
        *("--isolation", "process"),
        *("--superexec-auth-secret-file", str(shared.secret_file)),
        "--enable-supernode-auth",
        "--disable-runtime-dependency-installation",
        *("--database", str(database)),
    ]


def environment(folder: Path) -> dict[str, str]:
    """Return all the environment variables that a process of Flower gets."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return {**kept, **SWITCHED_OFF, "FLWR_HOME": str(folder / "flower"), "HOME": str(folder)}


@dataclass(slots=True)
class SuperLink:
    """A running SuperLink."""

    process: subprocess.Popen[bytes]
    link: FlowerLink
    shared: Shared
    port: int

    def stop(self) -> None:
        """End it. What it knows is in its database, so killing it loses nothing."""
        self.link.close()
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)  # it waits for nodes to hang up, which they do not
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder: Path, port: int, rng: Rng, now_ms: int) -> SuperLink:
    """Start a SuperLink and return when it answers. Raises: FlowerUnavailable."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shared = certificate.make(folder, rng, now_ms)
    words = [sys.executable, "-m", "coordinator.federated.superlink_process", str(os.getpid())]
    with (folder / "superlink.log").open("ab") as log:
        process = subprocess.Popen(
            [*words, *command(shared, folder / "superlink.db", port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(folder),
        )
    link = FlowerLink(f"{LOOPBACK}:{port}", shared.certificate, shared.secret)
    running = SuperLink(process, link, shared, port)
    limit = time.monotonic() + READY_SECONDS
    while not link.answers():
        if process.poll() is not None or time.monotonic() > limit:
            running.stop()
            raise FlowerUnavailable("its SuperLink does not start: see superlink.log in its folder")
        time.sleep(_PAUSE_SECONDS)
    return running
