"""The SuperNode of this node, and the thread that answers the tasks that come through it.

The SuperNode opens connections to the coordinator only, and listens on loopback for this process,
which has a secret. It proves itself with a key of its own, which the party registers at the
coordinator under its signature.
"""

import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from party_node import durable_file
from party_node.federated import SWITCHED_OFF
from party_node.federated.errors import SuperNodeUnavailable
from party_node.federated.flower import Answer, Tasks
from protocols.session import Rng

LOOPBACK = "127.0.0.1"
BRISK_SECONDS, IDLE_SECONDS = 0.1, 0.5
"""Between two looks for a task: while a round is on, and else."""
BRISK_TIMES = 300
_STOP_SECONDS = 3

log = logging.getLogger(__name__)


def node_key(folder: Path) -> bytes:
    """Return the public key (PEM) of this node's SuperNode; it is made the first time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = key_file(folder)
    if not path.exists():
        made = ec.generate_private_key(ec.SECP384R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        durable_file.replace_by(path, made)
    private = serialization.load_ssh_private_key(path.read_bytes(), None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_file(folder: Path) -> Path:
    """Return where the key of the SuperNode lies."""
    return folder / "supernode.key"


def address_of(coordinator_url: str) -> str:
    """Return host and port of the coordinator, as Flower wants them.

    Raises: SuperNodeUnavailable for a URL without TLS or with a path.
    """
    parts = urlsplit(coordinator_url)
    if parts.scheme != "https" or parts.path.strip("/"):
        raise SuperNodeUnavailable("Flower needs a coordinator with https, and not behind a path")
    port = parts.port or 443
    return (
        f"[{parts.hostname}]:{port}"
        if ":" in (parts.hostname or "")
        else f"{parts.hostname}:{port}"
    )


def command(folder: Path, coordinator_url: str, authority: Path | None, port: int) -> list[str]:
    """Return the options of the SuperNode. Raises: SuperNodeUnavailable."""
    trust = ["--root-certificates", str(authority)] if authority else []
    return [
        *("--superlink", address_of(coordinator_url)),
        *trust,
        *("--auth-supernode-private-key", str(key_file(folder))),
        # This process runs the ClientApp: Flower starts none with a bundle's code.
        *("--isolation", "process"),
        *("--superexec-auth-secret-file", str(folder / "secret")),
        *("--host", LOOPBACK, "--port", str(port)),
    ]


@dataclass(slots=True)
class SuperNode:
    """A running SuperNode with its thread."""

    process: subprocess.Popen[bytes]
    _thread: threading.Thread
    _stopping: threading.Event

    def stop(self) -> None:
        """End both; a question that is being answered is answered first."""
        self._stopping.set()
        self._thread.join()
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(
    folder: Path,
    coordinator_url: str,
    answer: Answer,
    port: int,
    rng: Rng,
    authority: Path | None = None,
) -> SuperNode:
    """Start a SuperNode, and answer what comes through it until it is stopped.

    `authority` is the certificate (PEM) that the coordinator's is checked by; None for those of the
    system. Raises: SuperNodeUnavailable.
    """
    node_key(folder)
    secret = rng(32)
    durable_file.replace_by(folder / "secret", secret)
    tasks, stopping = Tasks(f"{LOOPBACK}:{port}", secret), threading.Event()
    words = [sys.executable, "-m", "party_node.federated.supernode_process", str(os.getpid())]
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    flower = {"FLWR_HOME": str(folder / "flower"), "HOME": str(folder)}
    with (folder / "supernode.log").open("ab") as out:
        process = subprocess.Popen(
            [*words, *command(folder, coordinator_url, authority, port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**kept, **SWITCHED_OFF, **flower},
        )
    thread = threading.Thread(
        target=_answer_all, args=(tasks, answer, stopping), name="federated", daemon=True
    )
    thread.start()
    return SuperNode(process, thread, stopping)


def _answer_all(tasks: Tasks, answer: Answer, stopping: threading.Event) -> None:
    idle = 0
    try:
        while not stopping.wait(BRISK_SECONDS if idle < BRISK_TIMES else IDLE_SECONDS):
            idle += 1
            try:
                outcome = tasks.take(answer)
            except httpx.HTTPError:
                continue  # it starts, or is gone: its process tells which
            except Exception as e:  # noqa: BLE001, one bad task must not end the others
                log.warning("a federated task failed: %s", type(e).__name__)
                continue
            if outcome is not None:
                idle = 0
            if outcome not in (None, "answered"):
                log.info("a federated question was refused: %s", outcome)
    finally:
        tasks.close()
