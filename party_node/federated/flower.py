"""The only file of a party node that touches Flower: its SuperNode, and the tasks that it gets.

A SuperNode of Flower runs whatever code its SuperLink sends. This one runs none: it is told that
the app runs in another process, and that process is the party node itself, which takes the tasks,
refuses every bundle but the one without code, and answers with what is installed.
"""

import hashlib
import logging
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.cli.build import build_fab_from_files
from flwr.common.constant import ErrorCode
from flwr.common.serde import context_from_proto, fab_from_proto
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushTaskOutputRequest,
)
from flwr.supercore.app_utils import start_parent_process_monitor
from flwr.supercore.inflatable.inflatable_protobuf_utils import (
    make_confirm_message_received_fn_protobuf,
    make_pull_object_fn_protobuf,
)
from flwr.supercore.inflatable.inflatable_utils import pull_and_inflate_object_from_tree
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supernode import start_client_internal
from flwr.supernode.cli import flower_supernode
from flwr.supernode.runtime.run_clientapp import push_message

from consent.errors import ConsentError
from party_node.errors import NodeError
from party_node.federated.errors import AppRefused
from protocols.errors import ProtocolError
from protocols.federated import bundle

CLIENT_APP = "flwr-clientapp"
ACQUIRE = "/flwr.proto.Runtime/AcquireTask"
BRISK_SECONDS, IDLE_SECONDS = 0.2, 1.0
"""Between two questions of the SuperNode at the SuperLink: while a round is on, and else. Flower
itself waits 3 seconds, which of a round would be the largest part by far."""
BRISK_TIMES = 150

Answer = Callable[[bytes], bytes]
"""(question) → answer; what it raises is a refusal, of which the code alone is told."""

for chatty in ("flwr", "httpx", "httpcore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


def run_supernode(parent_pid: int) -> None:
    """Be a SuperNode, by the options in `sys.argv`, until the parent process ends.

    Its pauses are shortened.
    """
    pauses = types.SimpleNamespace(sleep=Pauses(time.sleep).sleep)
    start_client_internal.time = pauses  # type: ignore[attr-defined, assignment]
    start_parent_process_monitor(parent_pid)
    flower_supernode()


@dataclass(slots=True)
class Pauses:
    """How long the SuperNode's loop pauses: briefly for a while after each message."""

    pause: Callable[[float], None]
    idle: int = 0

    def sleep(self, seconds: float) -> None:
        """Pause instead of `seconds`: 3 where nothing came, less while a reply is made."""
        self.idle = self.idle + 1 if seconds > 1 else 0
        brisk = self.idle <= BRISK_TIMES
        self.pause(min(seconds, BRISK_SECONDS if brisk else IDLE_SECONDS))


def bundle_hash() -> str:
    """Return the SHA-256, in hexadecimal, of the one bundle that is not refused."""
    made, _ = build_fab_from_files(bundle.FILES)
    return hashlib.sha256(made).hexdigest()


class Tasks:
    """Takes the tasks of one SuperNode, at its Runtime API on loopback."""

    def __init__(self, address: str, secret: bytes) -> None:
        self._address, self._known = address, bundle_hash()
        self._client = RuntimeHttpClient.from_server_address(
            server_address=address,
            insecure=True,
            root_certificates=None,
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="SuperExec"),
                SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods={ACQUIRE}),
            ],
        )

    def close(self) -> None:
        """Drop all connections."""
        self._client.close()

    def take(self, answer: Answer) -> str | None:
        """Take one task, if there is one, and answer it; return how: `answered` or a code.

        Raises: httpx.HTTPError where the SuperNode does not answer.
        """
        asked = AcquireTaskRequest(supported_task_types=[CLIENT_APP])
        claimed = self._client.AcquireTask(asked)
        if not claimed.token:
            return None
        client = RuntimeHttpClient.from_server_address(
            server_address=self._address,
            insecure=True,
            root_certificates=None,
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="flwr-clientapp"),
                RuntimeTokenHttpInterceptor(claimed.token),
            ],
        )
        try:
            return _Task(client, self._known).work(answer)
        finally:
            client.close()


@dataclass(frozen=True, slots=True)
class _Task:
    client: RuntimeHttpClient
    known: str

    def work(self, answer: Answer) -> str:
        given = self.client.PullTaskInput(PullTaskInputRequest())
        context, fab = context_from_proto(given.context), fab_from_proto(given.fab)
        message = self._message(context.run_id, context.node_id)
        try:
            check_bundle(fab.content, self.known)
            reply, outcome = _reply(message, answer(_question(message))), "answered"
        except (ProtocolError, ConsentError, NodeError) as e:
            # Only a code leaves the node: a detail could say something of its people.
            failed = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, e.code)
            reply, outcome = Message(failed, reply_to=message), e.code
        except Exception:
            # The SuperNode takes no other task before this one has a reply.
            failed = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, "internal")
            push_message(self.client, Message(failed, reply_to=message), context)
            raise
        push_message(self.client, reply, context)
        self.client.PushTaskOutput(
            PushTaskOutputRequest(context=given.context, sub_status="completed", details="")
        )
        return outcome

    def _message(self, run_id: int, node_id: int) -> Message:
        pulled = self.client.PullMessages(PullAppMessagesRequest())
        tree, node = pulled.message_object_trees[0], Node(node_id=node_id)
        message: Message = pull_and_inflate_object_from_tree(
            tree,
            make_pull_object_fn_protobuf(self.client.PullObject, node, run_id),
            make_confirm_message_received_fn_protobuf(
                self.client.ConfirmMessageReceived, node, run_id
            ),
            return_type=Message,
        )
        message.metadata.__dict__["_message_id"] = tree.object_id
        return message


def check_bundle(content: bytes, known: str) -> None:
    """Return if an app's bundle is the one without code. Raises: AppRefused."""
    if hashlib.sha256(content).hexdigest() != known:
        raise AppRefused("its SHA-256 is not the known one")


def _question(message: Message) -> bytes:
    record = None if message.has_error() else message.content.get(bundle.RECORD)
    body = record.get(bundle.FIELD) if isinstance(record, ConfigRecord) else None
    if not isinstance(body, bytes):
        raise AppRefused("a message without a question")
    return body


def _reply(message: Message, body: bytes) -> Message:
    content = RecordDict({bundle.RECORD: ConfigRecord({bundle.FIELD: body})})
    return Message(content, reply_to=message)
