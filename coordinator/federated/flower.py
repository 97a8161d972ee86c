"""The only file of the coordinator that touches Flower: a SuperLink, its nodes, and one run.

Flower carries bytes, and no more: the round machine is `protocols/federated/aggregator.py`, and
nothing that comes from Flower is believed but what partners signed. The coordinator claims the task
of the ServerApp itself, so no process runs the app's bundle, which holds no code.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from flwr.app import ConfigRecord, Message, Metadata, RecordDict
from flwr.app.message import make_message
from flwr.cli.build import build_fab_from_files
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.common.serde import run_from_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    RegisterNodeRequest,
    StartRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.fab_pb2 import Fab
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullTaskInputRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.supercore.app_utils import start_parent_process_monitor
from flwr.supercore.control.control_http_client import ControlHttpClient
from flwr.supercore.interceptors import (
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.superlink.cli import flower_superlink
from flwr.superlink.grid import HttpGrid

from coordinator.errors import FlowerUnavailable, NodeKeyRefused
from protocols.federated import bundle

SERVER_APP = "flwr-serverapp"
ACQUIRE = "/flwr.proto.Runtime/AcquireTask"
BEAT_SECONDS = 15
"""Flower gives a task up when it has not heard of it for 60 seconds."""
POLL_SECONDS = 0.1
_CLAIM_SECONDS = 30

for chatty in ("flwr", "httpx", "httpcore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


def run_superlink(parent_pid: int) -> None:
    """Be a SuperLink, by the options in `sys.argv`, until the parent process ends."""
    start_parent_process_monitor(parent_pid)
    flower_superlink()


def make_bundle() -> bytes:
    """Return the app's bundle: the same bytes each time, with the same version of Flower."""
    made, _ = build_fab_from_files(bundle.FILES)
    return bytes(made)


class FlowerLink:
    """Speaks with the SuperLink of this machine."""

    def __init__(self, address: str, certificate: bytes, secret: bytes) -> None:
        self.address, self._certificate, self._secret = address, certificate, secret
        self._claiming = threading.Lock()
        self._control = ControlHttpClient.from_server_address(
            server_address=address,
            insecure=False,
            root_certificates=certificate,
            interceptors=[RuntimeVersionHttpInterceptor(component_name="coordinator")],
        )

    def close(self) -> None:
        """Drop all connections."""
        self._control.close()

    def answers(self) -> bool:
        """Return whether it answers yet."""
        try:
            self._control.ListNodes(ListNodesRequest())
        except httpx.HTTPError:
            return False
        return True

    def online(self) -> set[str]:
        """Return the parties whose nodes are there."""
        nodes = self._control.ListNodes(ListNodesRequest()).nodes_info
        return {node.name for node in nodes if node.status == "online"}

    def register(self, party: str, public_key: bytes) -> None:
        """Let a node with this key (PEM) be the one of that party, instead of any other.

        Raises: NodeKeyRefused, FlowerUnavailable.
        """
        try:
            known = list(self._control.ListNodes(ListNodesRequest()).nodes_info)
            mine = [n for n in known if n.name == party and n.status != "unregistered"]
            if any(n.public_key == public_key for n in mine):
                return
            self._control.RegisterNode(RegisterNodeRequest(public_key=public_key, name=party))
            for node in mine:
                self._control.UnregisterNode(UnregisterNodeRequest(node_id=node.node_id))
        except httpx.HTTPStatusError as e:
            raise NodeKeyRefused("a key of a NIST curve in PEM, of no other party") from e
        except httpx.HTTPError as e:
            raise FlowerUnavailable("its SuperLink does not answer") from e

    @contextmanager
    def run(self) -> Iterator["FlowerRun"]:
        """Open a run of the app and hold the task of its ServerApp. Raises: FlowerUnavailable."""
        try:
            made = make_bundle()
            fab = Fab(hash_str=hashlib.sha256(made).hexdigest(), content=made)
            with self._claiming:  # so that a task that waits and is not ours is a lost one's
                run_id = self._control.StartRun(StartRunRequest(fab=fab)).run_id
                opened = self._claim(run_id)
        except httpx.HTTPError as e:
            raise FlowerUnavailable("its SuperLink does not open a run") from e
        outcome = "failed"
        try:
            yield opened
            outcome = "completed"
        finally:
            opened.close(outcome)

    def _claim(self, run_id: int) -> "FlowerRun":
        """Claim tasks until it is the one of this run; those of earlier, lost runs are ended."""
        client = RuntimeHttpClient.from_server_address(
            server_address=self.address,
            insecure=False,
            root_certificates=self._certificate,
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="SuperExec"),
                SuperExecAuthHttpInterceptor(
                    master_secret=self._secret, protected_methods={ACQUIRE}
                ),
            ],
        )
        limit = time.monotonic() + _CLAIM_SECONDS
        try:
            while time.monotonic() < limit:
                claimed = client.AcquireTask(AcquireTaskRequest(supported_task_types=[SERVER_APP]))
                if not claimed.token:
                    time.sleep(POLL_SECONDS)
                    continue
                run = FlowerRun(
                    HttpGrid(self.address, False, self._certificate, token=claimed.token)
                )
                if claimed.task.run_id == run_id:
                    run.begin()
                    return run
                run.close("failed")
        finally:
            client.close()
        raise FlowerUnavailable("the task of a run did not come")


@dataclass(slots=True)
class FlowerRun:
    """One run, as its ServerApp has it."""

    grid: HttpGrid
    _beat: float = field(default_factory=time.monotonic)
    _task_id: int = 0
    _run_id: int = 0

    def begin(self) -> None:
        """Take up the task."""
        given = self.grid._runtime_client.PullTaskInput(PullTaskInputRequest())  # noqa: SLF001
        self.grid.set_run(run_from_proto(given.run))
        self._task_id, self._run_id = given.task_id, given.run.run_id

    def ask(
        self, questions: Mapping[str, bytes], seconds: float, away_seconds: float
    ) -> dict[str, bytes]:
        """Ask each party's node, and return what has come when all have, or the time is up.

        A node that is away is asked when it comes, and waited for no longer than `away_seconds`.
        Raises: FlowerUnavailable.
        """
        began, unsent = time.monotonic(), dict(questions)
        awaited: dict[str, str] = {}
        answers: dict[str, bytes] = {}
        try:
            while (unsent or awaited) and (left := began + seconds - time.monotonic()) > 0:
                self._keep_alive()
                nodes = self._nodes()
                if seconds - left > away_seconds and not nodes.keys() & set(awaited.values()):
                    break
                for party, node_id in nodes.items():
                    if party in unsent:
                        sent = self._message(node_id, unsent.pop(party), left)
                        awaited |= {str(name): party for name in self.grid.push_messages([sent])}
                for message in self.grid.pull_messages(list(awaited)) if awaited else ():
                    party = awaited.pop(message.metadata.reply_to_message_id, "")
                    body = _body(message)
                    if party and body is not None:
                        answers[party] = body
                time.sleep(POLL_SECONDS)
        except httpx.HTTPError as e:
            raise FlowerUnavailable("its SuperLink does not answer") from e
        return answers

    def close(self, outcome: str) -> None:
        """End the task: `completed` or `failed`."""
        try:
            self.grid._runtime_client.PushTaskOutput(  # noqa: SLF001
                PushTaskOutputRequest(sub_status=outcome, details="")
            )
        except httpx.HTTPError:  # it is ended by its time then
            pass
        finally:
            self.grid.close()

    def _nodes(self) -> dict[str, int]:
        """Return the nodes that are there, by party."""
        return {node.name: node.node_id for node in self.grid.get_nodes() if node.name}

    def _keep_alive(self) -> None:
        if time.monotonic() - self._beat > BEAT_SECONDS:
            self._beat = time.monotonic()
            self.grid._runtime_client.SendTaskHeartbeat(SendTaskHeartbeatRequest())  # noqa: SLF001

    def _message(self, node_id: int, body: bytes, seconds: float) -> Message:
        metadata = Metadata(
            run_id=self._run_id,
            message_id="",
            src_node_id=SUPERLINK_NODE_ID,
            dst_node_id=node_id,
            reply_to_message_id="",
            group_id="",
            created_at=time.time(),
            ttl=seconds,
            message_type=bundle.MESSAGE_TYPE,
            src_task_id=self._task_id,
        )
        content = RecordDict({bundle.RECORD: ConfigRecord({bundle.FIELD: body})})
        return make_message(metadata, content)


def _body(message: Message) -> bytes | None:
    """Return the answer in a message, None where a node refused or Flower lost it."""
    if message.has_error():
        return None
    record = message.content.get(bundle.RECORD)
    body = record.get(bundle.FIELD) if isinstance(record, ConfigRecord) else None
    return body if isinstance(body, bytes) else None
