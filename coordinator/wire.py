"""The coordinator's wire: everything a party node needs to know of it, and nothing else.

Bodies are JSON, with bytes as standard base64; envelopes are raw bytes. Errors are RFC 9457
problems of type `urn:accord:error:<code>`. Each request of a party is signed (`signing_input`) in
four headers; the time must be within five minutes of the coordinator's. `docs/spec/relay.md` tells
it in words.
"""

import base64
import enum
import hashlib
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

VERSION = 1
"""Wire version; a node refuses a coordinator that speaks another."""

HEADER_PARTY = "Accord-Party"
HEADER_TIME = "Accord-Time"
HEADER_SIGNATURE = "Accord-Signature"
"""Ed25519 over `signing_input`, in standard base64."""
HEADER_DIGEST = "Content-Digest"
"""`sha-256=:<base64>:` of the body (RFC 9530). With it, who sends is proved before what is sent."""
SIGNATURE_LABEL = b"http-request/1"
"""Label under which `PartyKeys.sign` signs requests."""

MAX_CLOCK_SKEW_MS = 5 * 60 * 1000
MAX_ENVELOPE_BYTES = 8 * 1024 * 1024
MAX_WAIT_SECONDS = 25


def _from_base64(value: object) -> object:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


Base64 = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    PlainSerializer(_to_base64, return_type=str, when_used="json"),
]
"""Bytes in Python, standard base64 in JSON."""

PartyId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def signing_input(method: str, target: str, time_ms: int, body: bytes) -> bytes:
    """Return the bytes a party signs for one request; `target` is path and query as sent."""
    return signing_input_of(method, target, time_ms, hashlib.sha256(body).digest())


def signing_input_of(method: str, target: str, time_ms: int, digest: bytes) -> bytes:
    """Return what `signing_input` does, from the SHA-256 of the body."""
    return f"{method}\n{target}\n{time_ms}\n{digest.hex()}".encode()


class Wire(BaseModel):
    """Base of all bodies: unknown fields are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JobState(enum.StrEnum):
    """Where a job is; why it ended is its `cause`."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    RUNNING = "running"
    COMPLETED = "completed"
    DECLINED = "declined"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class JobEvent(enum.StrEnum):
    """What a party may say about a job."""

    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"


class CoordinatorInfo(Wire):
    """GET /v1/coordinator (open)."""

    name: str
    wire_version: int
    software: str
    witness_vkey: str
    """C2SP verifier key of the witness's Ed25519 cosignatures."""
    time_ms: int


class Enrolment(Wire):
    """POST /v1/enrolments (open, but needs an invitation); signed by the new key itself."""

    invitation: str
    """The secret part of the invitation; it works once."""
    party: PartyId
    name: str
    public: Base64
    """Encoded `protocols.keys.PartyPublic`."""
    ledger_vkey: str
    signature: Base64
    """By the new key, label `enrolment/1`, over `enrolment_input(…)`: proof of possession."""


ENROLMENT_LABEL = b"enrolment/1"


def enrolment_input(invitation: str, public: bytes, ledger_vkey: str) -> bytes:
    """Return the bytes that a new party signs to show that it holds its keys."""
    return f"{invitation}\n{hashlib.sha256(public).hexdigest()}\n{ledger_vkey}".encode()


class SuperNodeKey(Wire):
    """PUT /v1/federated/node."""

    public_key: Base64
    """Public key of the party's SuperNode, on a NIST curve, in PEM."""


class TrainingRun(Wire):
    """PUT /v1/federated/trainings/{job}."""

    run: Base64
    """Encoded `protocols.federated.terms.Run`: terms and keys, the same from every partner."""


class PartyView(Wire):
    """GET /v1/parties and /v1/parties/{party}."""

    party: PartyId
    name: str
    public: Base64
    ledger_vkey: str
    enrolled_ms: int


class CollaborationView(Wire):
    """A version of a collaboration; PUT /v1/collaborations/{id}/versions/{n} sends `document`
    only.
    """

    collaboration: str
    version: int
    document: Base64
    """Encoded `protocols.collaboration.Collaboration`."""
    countersignatures: dict[PartyId, Base64]
    """Encoded `protocols.signed.Signed` of the document, by party; in force when all have signed.
    """
    in_force: bool
    revision: int


class CollaborationProposal(Wire):
    """PUT /v1/collaborations/{id}/versions/{n}: the proposer's own signature comes with it."""

    signed: Base64
    """Encoded `Signed` of the `Collaboration`, by the proposer."""


class Countersignature(Wire):
    """POST /v1/collaborations/{id}/versions/{n}/countersignatures."""

    signed: Base64


class JobProposal(Wire):
    """PUT /v1/jobs/{job}; the same bytes again are the same proposal."""

    signed: Base64
    """Encoded `Signed` of the `JobDescription`, by the requester."""


class JobEventBody(Wire):
    """POST /v1/jobs/{job}/events; the same event again changes nothing."""

    event: JobEvent
    cause: str = ""
    """Error code for decline, fail and cancel."""
    acceptance: Base64 = b""
    """Encoded `Signed` of the `Acceptance`, with `accept`."""


class JobView(Wire):
    """GET /v1/jobs, /v1/jobs/{job}; `GET /v1/jobs?after=<revision>&wait=<s>` waits for changes."""

    job: JobId
    signed: Base64
    state: JobState
    cause: str
    acceptances: dict[PartyId, Base64]
    """Encoded `Signed` of the `Acceptance` of each party that has accepted."""
    requester: PartyId
    counterparties: list[PartyId]
    """The other parties, in the job's order."""
    revision: int
    updated_ms: int


class CloseBody(Wire):
    """POST /v1/jobs/{job}/mailbox/close: how it ended for this side."""

    outcome: str
    """`completed` or an error code."""


class MailboxSummary(Wire):
    """What remains of a mailbox: GET /v1/jobs/{job}/mailbox."""

    job: JobId
    sent: dict[PartyId, int]
    """Messages by sender, to all recipients."""
    bytes: dict[PartyId, int]
    outcome: dict[PartyId, str]


class ReceiptFiling(Wire):
    """PUT /v1/jobs/{job}/receipt: the run receipt and all parties' signatures."""

    receipt: Base64
    """Encoded `protocols.job.RunReceipt`."""
    signatures: dict[PartyId, Base64]
    """Raw Ed25519 signatures over `receipt`, label `run-receipt/2`."""


RECEIPT_LABEL = b"run-receipt/2"


class Problem(Wire):
    """RFC 9457 problem document."""

    model_config = ConfigDict(extra="allow", frozen=True)
    type: str
    title: str
    status: int
    detail: str = ""
    hint: str = ""
    """What to do about it."""


def path_message(job: str, sender: str, recipient: str, step: int) -> str:
    """PUT (by the sender): an envelope. GET (by the recipient, `?wait=s`): 200 bytes or 204.
    DELETE: ack.
    """
    return f"/v1/jobs/{job}/messages/{sender}/{recipient}/{step}"
