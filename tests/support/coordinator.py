"""A coordinator in this process, with parties that sign their requests as nodes do."""

import base64
import dataclasses
import functools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from consent.checkpoint import LogSigner
from coordinator import parties, wire
from coordinator.app import create_app
from coordinator.database import Database
from coordinator.settings import Settings, build
from coordinator.witness_key import create_key
from protocols.codec import encode
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted, digest
from protocols.collaboration_terms import ledger_origin
from protocols.envelope import Header, seal
from protocols.job import (
    Acceptance,
    JobDescription,
    LedgerHead,
    ReceiptPart,
    RunReceipt,
    Source,
    job_hash,
)
from protocols.keys import PartyKeys
from protocols.psi.params import RowParams
from protocols.signed import sign
from tests.support.described import described
from tests.support.near_client import NearClient as TestClient
from tests.support.quick import quick_folder
from tests.support.seeded import seeded

START_MS = 1_800_000_000_000
DAY_MS = 24 * 60 * 60 * 1000
JOB = "0123456789abcdef0123456789abcdef"


class FakeClock:
    """A clock that tests advance."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, *, seconds: float = 0, hours: float = 0, days: float = 0) -> None:
        self.now_ms += round((seconds + hours * 3600 + days * 86400) * 1000)


@dataclasses.dataclass
class Party:
    """A party with its keys, and a signing client once it has a coordinator."""

    id: str
    keys: PartyKeys
    ledger: LogSigner
    clock: FakeClock
    http: TestClient | None = None

    def headers(
        self, method: str, target: str, body: bytes = b"", time_ms: int | None = None
    ) -> dict[str, str]:
        at = self.clock() if time_ms is None else time_ms
        signature = self.keys.sign(
            wire.SIGNATURE_LABEL, wire.signing_input(method, target, at, body)
        )
        return {
            wire.HEADER_PARTY: self.id,
            wire.HEADER_TIME: str(at),
            wire.HEADER_SIGNATURE: base64.b64encode(signature).decode(),
        }

    def call(self, method: str, target: str, body: Any = None) -> httpx2.Response:
        assert self.http is not None
        content = as_bytes(body)
        return self.http.request(
            method, target, content=content, headers=self.headers(method, target, content)
        )

    def get(self, target: str) -> httpx2.Response:
        return self.call("GET", target)

    def put(self, target: str, body: Any) -> httpx2.Response:
        return self.call("PUT", target, body)

    def post(self, target: str, body: Any) -> httpx2.Response:
        return self.call("POST", target, body)

    def delete(self, target: str) -> httpx2.Response:
        return self.call("DELETE", target)


def as_bytes(body: Any) -> bytes:
    """Return a request body: bytes as they are, models and plain values as JSON."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, wire.Wire):
        return body.model_dump_json().encode()
    return json.dumps(body).encode()


def party(name: str, clock: FakeClock) -> Party:
    rng = seeded(name)
    keys = PartyKeys.generate(name, rng)
    return Party(name, keys, LogSigner(ledger_origin(name), rng(32)), clock)


def enrolment(who: Party, secret: str, **changes: Any) -> wire.Enrolment:
    public, vkey = encode(who.keys.public()), who.ledger.vkey
    proof = wire.enrolment_input(secret, public, vkey)
    fields = {
        "invitation": secret,
        "party": who.id,
        "name": who.id.title(),
        "public": public,
        "ledger_vkey": vkey,
        "signature": who.keys.sign(wire.ENROLMENT_LABEL, proof),
    }
    return wire.Enrolment(**(fields | changes))


@dataclasses.dataclass
class World:
    """A running coordinator with a brand, a publisher and an outsider, all enrolled."""

    app: FastAPI
    settings: Settings
    clock: FakeClock
    http: TestClient
    brand: Party
    publisher: Party
    outsider: Party

    @property
    def database(self) -> Database:
        found: Database = self.app.state.services.database
        return found

    def invite(self, name: str, seed: str = "") -> str:
        with self.database.writing() as session:
            rng = seeded(f"invite {name} {seed}")
            return parties.invite(session, name, self.clock(), 7, rng)

    def enrol(self, who: Party) -> None:
        body = as_bytes(enrolment(who, self.invite(who.id)))
        answer = self.http.post("/v1/enrolments", content=body)
        assert answer.status_code == 201, answer.text
        who.http = self.http

    def collaboration(self, **changes: Any) -> Collaboration:
        """Return a document between brand and publisher, not yet proposed."""
        members = tuple(
            Member(p.id, p.id.title(), p.keys.public(), p.ledger.vkey)
            for p in (self.brand, self.publisher)
        )
        offers = (
            DatasetOffer("brand", "customers", ("email",), ()),
            DatasetOffer("publisher", "readers", ("email",), ()),
        )
        permitted = (
            Permitted("overlap", "psi-dh-cardinality/2", "measurement", "brand", False),
            Permitted("audience", "psi-dh-members/1", "advertising", "publisher", True),
        )
        agreed = Collaboration(
            "spring", 1, "Spring", members, offers, permitted, 50, 10**9, 6, START_MS + 90 * DAY_MS
        )
        return dataclasses.replace(agreed, **changes)

    def agree(self) -> Collaboration:
        """Put version 1 in force."""
        agreed = self.collaboration()
        path = "/v1/collaborations/spring/versions/1"
        proposed = self.brand.put(path, {"signed": b64(encode(sign(self.brand.keys, agreed)))})
        assert proposed.status_code == 201, proposed.text
        signed = {"signed": b64(encode(sign(self.publisher.keys, agreed)))}
        answer = self.publisher.post(f"{path}/countersignatures", signed)
        assert answer.json()["in_force"], answer.text
        return agreed

    def job(self, agreed: Collaboration | None = None, **changes: Any) -> JobDescription:
        """Return a description that the collaboration permits, not yet proposed."""
        asked: dict[str, Any] = {
            "job": JOB,
            "collaboration_hash": digest(agreed or self.collaboration()),
            "params": encode(RowParams(1000)),
            "senders": (Source("publisher", "readers"),),
            "rho_nano": 1000,
            "created_ms": START_MS,
            "expires_ms": START_MS + DAY_MS,
        }
        return described(**(asked | changes))

    def propose(self, asked: JobDescription) -> httpx2.Response:
        body = {"signed": b64(encode(sign(self.brand.keys, asked)))}
        return self.brand.put(f"/v1/jobs/{asked.job}", body)

    def proposed(self, **changes: Any) -> JobDescription:
        """Agree and propose; return what was asked."""
        asked = self.job(self.agree(), **changes)
        answer = self.propose(asked)
        assert answer.status_code == 201, answer.text
        return asked

    def acceptance(self, asked: JobDescription, **changes: Any) -> bytes:
        yes = Acceptance(job_hash(asked), "publisher", "person:owner", False, self.clock())
        return encode(sign(self.publisher.keys, dataclasses.replace(yes, **changes)))

    def say(self, who: Party, event: str, cause: str = "", acceptance: bytes = b"") -> Any:
        body = {"event": event, "cause": cause, "acceptance": b64(acceptance)}
        return who.post(f"/v1/jobs/{JOB}/events", body)

    def running(self) -> JobDescription:
        asked = self.proposed()
        answer = self.say(self.publisher, "accept", acceptance=self.acceptance(asked))
        assert answer.json()["state"] == "accepted", answer.text
        assert self.say(self.brand, "start").json()["state"] == "running"
        return asked

    def envelope(self, sender: Party, step: int, body: bytes, job: str = JOB) -> bytes:
        to = self.publisher if sender is self.brand else self.brand
        return seal(sender.keys, to.keys.public(), Header(job, sender.id, to.id, step), body)

    def receipt(self, asked: JobDescription) -> wire.ReceiptFiling:
        parts = [
            ReceiptPart(
                p.id, LedgerHead(p.ledger.origin, 3, bytes(32), bytes(32)), (bytes(32),), ()
            )
            for p in (self.brand, self.publisher)
        ]
        receipt = encode(RunReceipt(job_hash(asked), bytes(32), tuple(parts)))
        return wire.ReceiptFiling(
            receipt=receipt,
            signatures={
                p.id: p.keys.sign(wire.RECEIPT_LABEL, receipt) for p in (self.brand, self.publisher)
            },
        )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def path(sender: str, step: int, recipient: str = "") -> str:
    to = recipient or ("publisher" if sender == "brand" else "brand")
    return wire.path_message(JOB, sender, to, step)


def prepare_home(home: Path, **changes: Any) -> Settings:
    """Make an initialised home."""
    settings = build({"home": home, "sweep_seconds": 3600} | changes)
    home.mkdir(mode=0o700, exist_ok=True)
    if not settings.witness_key_file.exists():
        create_key(settings.witness_key_file)
    database = Database(settings.effective_database_url)
    database.migrate()
    database.close()
    return settings


@contextmanager
def running_world(home: Path, **changes: Any) -> Iterator[World]:
    """Serve a coordinator in this process with three enrolled parties."""
    enrolled = "database_url" not in changes
    if enrolled:
        shutil.copytree(_template(), home, dirs_exist_ok=True)
        settings = build({"home": home, "sweep_seconds": 3600} | changes)
    else:
        settings = prepare_home(home, **changes)
    with _serving(settings, enrolled=enrolled) as world:
        yield world


@contextmanager
def reopened_world(home: Path) -> Iterator[World]:
    """Serve a coordinator again from its home, with three enrolled parties."""
    with _serving(build({"home": home, "sweep_seconds": 3600}), enrolled=True) as world:
        yield world


@contextmanager
def _serving(settings: Settings, *, enrolled: bool) -> Iterator[World]:
    clock = FakeClock()
    app = create_app(settings, clock)
    three = [party(name, clock) for name in ("brand", "publisher", "outsider")]
    with TestClient(app) as http:
        world = World(app, settings, clock, http, *three)
        for who in three:
            who.http = http
            if not enrolled:
                world.enrol(who)
        yield world


@functools.cache
def _template() -> Path:
    """Return a home in which the three parties have enrolled: made once, copied for each test."""
    folder = quick_folder("coordinator-")
    with _serving(prepare_home(folder), enrolled=False):
        pass
    return folder
