"""A receiver of webhooks on loopback, and a node's webhooks over its storage; nothing sleeps."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from party_node.webhooks.addresses import AddressRules, networks_of
from party_node.webhooks.events import EventType
from party_node.webhooks.parts import Webhooks, assemble_webhooks
from party_node.webhooks.registrations import Definition
from party_node.webhooks.sending import Resolver, Sender, system_resolver
from tests.support.node import NodeStorage, open_storage

ANN, BOB = "a" * 32, "b" * 32
DAY_MS = 86_400_000


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Check a message as a receiver does, independently of our code; return its id."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    return headers["webhook-id"]


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Answering = Callable[[Received], "tuple[int, Mapping[str, str]]"]


@dataclass
class Receiver:
    """What came in, and what is answered."""

    url: str
    port: int
    received: list[Received] = field(default_factory=list)
    answers: Answering = lambda _received: (200, {})
    connections: int = 0
    cut: bool = False
    """Drop the connection instead of answering."""

    @property
    def messages(self) -> list[str]:
        return [each.message for each in self.received]

    @property
    def indices(self) -> list[int]:
        return [each.content["data"]["index"] for each in self.received]

    def answer(self, status: int, **headers: str) -> None:
        """Answer like this from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers = lambda _received: (status, named)


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Serve a receiver on a free port."""
    receiver = Receiver("", 0)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with lock:
                receiver.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            with lock:
                receiver.received.append(got)
            if receiver.cut:
                self.close_connection = True
                return
            status, headers = receiver.answers(got)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that hangs up is no news

    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    receiver.port = server.server_address[1]
    receiver.url = f"http{'s' if tls else ''}://{host}:{receiver.port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server that has a certificate for `name`, and of who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "accord test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    both = folder / f"{name.replace(':', '_')}.pem"
    both.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    client = ssl.create_default_context(cadata=pem.decode())
    return server, client


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Rig:
    """A node's storage with its webhooks, and a receiver."""

    node: NodeStorage
    hooks: Webhooks
    receiver: Receiver
    sender: Sender
    secrets: dict[str, str] = field(default_factory=dict)
    told: int = 0

    def add(self, name: str = "crm", url: str = "", *events: EventType) -> str:
        """Set up a webhook that goes to the receiver."""
        definition = Definition(url or self.receiver.url, frozenset(events), loopback=True)
        secret = self.hooks.registrations.add(name, definition, self.node.clock())
        self.secrets[name] = secret
        return secret

    def tell(self, subject: str = ANN, state: str = "given") -> int:
        """Write one change of consent in a transaction of its own; return its index."""
        self.told += 1
        with self.node.db.writing() as session:
            self.hooks.outbox.enqueue(
                session,
                EventType.CONSENT_CHANGED,
                consent(subject, self.told, state),
                self.node.clock(),
            )
        return self.told

    def deliver(self) -> int:
        """Send what is due now."""
        return self.hooks.courier.deliver_due(self.node.clock())

    def after(self, ms: int) -> int:
        """Let time pass, then send what is due."""
        self.node.clock.advance(ms)
        return self.deliver()

    def restart(self) -> None:
        """Go on as a new process would: with what is in the database."""
        self.hooks = assemble_webhooks(
            self.node.db, self.node.vault, self.node.rng, sender=self.sender
        )

    def log(self, name: str = "crm", **how: Any) -> list[tuple[str, int, int, str]]:
        """Return state, attempts, status and cause of each delivery, the oldest first."""
        found = self.hooks.log.listed(name, 1_000, **how)
        return [(d.state, d.attempts, d.status, d.cause) for d in reversed(found)]

    def standing(self, name: str = "crm") -> Any:
        return self.hooks.registrations.get(name)


def consent(subject: str, index: int, state: str = "given") -> dict[str, str | int]:
    """Return the data of one change of consent."""
    return {
        "subject": subject,
        "purpose": "partner-marketing",
        "recipient": "shop",
        "channel": "*",
        "state": state,
        "index": index,
        "event_time": "2026-09-21T13:46:40.000Z",
    }


@contextlib.contextmanager
def rig(
    folder: Path,
    url: str | None = None,
    resolve: Resolver = system_resolver,
    allowed: str = "",
    deadline_seconds: float = 5.0,
) -> Iterator[Rig]:
    """Open a storage with webhooks; `url` names another database than SQLite in the home."""
    node = open_storage(folder, url=url)
    sender = Sender(AddressRules(networks_of(allowed)), resolve, deadline_seconds=deadline_seconds)
    hooks = assemble_webhooks(node.db, node.vault, node.rng, sender=sender)
    with receiving() as receiver:
        yield Rig(node, hooks, receiver, sender)
    node.db.close()
