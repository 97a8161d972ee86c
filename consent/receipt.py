"""Consent receipts: what a person keeps, and can have checked by anybody.

A receipt is a JSON object with the names of ISO/IEC TS 27560 and of the Kantara consent receipt,
signed as a compact JWS (RFC 7515, EdDSA, RFC 8037), and beside it the proof that the event is in
the log. It holds the event itself, its leaf and its salt, so that the commitment in the leaf can be
opened.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from consent import fields, instants
from consent.canonical import Json, canonical_bytes, parse_object
from consent.checkpoint import Checkpoint
from consent.errors import BadSignature, LedgerInconsistent, MalformedRecord
from consent.events import ConsentEvent
from consent.fields import Payload, field
from consent.ledger import open_payload
from consent.merkle import leaf_hash
from consent.policy import Policy
from consent.proof import parse_proof, verify_proof
from consent.purpose import Purpose
from consent.records import payload_bytes
from consent.words import SELF

VERSION = "accord/consent-receipt/1"
KANTARA_VERSION = "KI-CR-v1.1.0"
TYPE = "consent-receipt+jws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller(Payload):
    """Who answers for the processing (Kantara `piiControllers`)."""

    piiController: str = field(fields.words)  # noqa: N815 - Kantara's name
    contact: str = field(fields.words)
    address: str = field(fields.words)
    email: str = field(fields.words)
    phone: str = field(fields.words)


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """The receipt as a person gets it."""

    jws: str
    proof: str
    """Text of the `.tlog-proof` file."""

    def encode(self) -> bytes:
        """Return both in one JSON file (JCS)."""
        return canonical_bytes({"proof": self.proof, "receipt": self.jws})


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a verified receipt says."""

    event: ConsentEvent
    checkpoint: Checkpoint
    index: int
    claims: dict[str, Json]


def parse_receipt(data: bytes) -> SignedReceipt:
    """Read what `SignedReceipt.encode` wrote; verifies nothing.

    Raises: MalformedRecord.
    """
    value = parse_object(data)
    jws, proof = value.get("receipt"), value.get("proof")
    if len(value) != 2 or not isinstance(jws, str) or not isinstance(proof, str):
        raise MalformedRecord("a receipt file holds a receipt and its proof")
    return SignedReceipt(jws, proof)


def receipt_claims(
    event: ConsentEvent,
    *,
    receipt_id: str,
    controller: Controller,
    purpose: Purpose,
    leaf: bytes,
    salt: bytes,
    issued_at_ms: int,
    language: str = "en",
    policy_url: str = "",
) -> dict[str, Json]:
    """Return the content of a receipt for one event.

    Raises: MalformedRecord if the purpose is not the event's; LedgerInconsistent if leaf and salt
    are not.
    """
    if event.purpose != purpose.purpose_id:
        raise MalformedRecord("the purpose is not that of the event")
    open_payload(leaf, salt=salt, payload=payload_bytes(event))
    claims: dict[str, Json] = {
        "schema_version": VERSION,
        "version": KANTARA_VERSION,
        "consentReceiptID": receipt_id,
        "issued_at": instants.to_text(issued_at_ms),
        "language": language,
        "piiControllers": [controller.to_payload()],
        "policyUrl": policy_url,
        "services": [
            {
                "service": purpose.title,
                "purposes": [
                    _stated_purpose(event)
                    | {"purposeCategory": list(purpose.dpv_iris), "primaryPurpose": False}
                ],
            }
        ],
        "sensitive": False,
        "spiCat": [],
        "event": event.to_payload(),
        "leaf": leaf.decode("utf-8"),
        "salt": salt.hex(),
    }
    return claims | _stated(event)


def sign_receipt(claims: dict[str, Json], *, seed: bytes, proof: str) -> SignedReceipt:
    """Sign the content of a receipt with an Ed25519 seed (32 bytes).

    Raises: MalformedRecord if the content has no canonical form or the seed another length.
    """
    if len(seed) != 32:
        raise MalformedRecord("a signing seed has 32 bytes")
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    header = _header(key.public_key().public_bytes_raw())
    signing_input = f"{_encode(header)}.{_encode(canonical_bytes(claims))}"
    return SignedReceipt(f"{signing_input}.{_encode(key.sign(signing_input.encode()))}", proof)


def verify_receipt(receipt: SignedReceipt, *, public: bytes, policy: Policy) -> VerifiedReceipt:
    """Check a receipt: its signature, that its event is what the leaf commits to, and the leaf's
    proof.

    Raises: MalformedRecord, BadSignature, LedgerInconsistent.
    """
    claims = _open_jws(receipt.jws, public)
    leaf, salt = claims.get("leaf"), claims.get("salt")
    if claims.get("schema_version") != VERSION or not isinstance(leaf, str):
        raise MalformedRecord("this is another kind of receipt")
    event = ConsentEvent.from_payload(claims.get("event"))
    opened = open_payload(
        leaf.encode("utf-8"), salt=fields.digest.read(salt), payload=payload_bytes(event)
    )
    if opened != event:
        raise LedgerInconsistent("the leaf is not that of this event")
    _check_names(claims, event)
    proof = parse_proof(receipt.proof)
    checkpoint = verify_proof(proof, leaf_hash(leaf.encode("utf-8")), policy)
    return VerifiedReceipt(event, checkpoint, proof.index, claims)


def key_thumbprint(public: bytes) -> str:
    """Return the `kid` of an Ed25519 key: its RFC 7638 thumbprint, base64url."""
    key: dict[str, Json] = {"crv": "Ed25519", "kty": "OKP", "x": _encode(public)}
    return _encode(hashlib.sha256(canonical_bytes(key)).digest())


def _stated(event: ConsentEvent) -> dict[str, Json]:
    """Return what the readable half of a receipt must say about its event."""
    return {
        "jurisdiction": event.jurisdiction,
        "consentTimestamp": event.event_time_ms // 1000,
        "collectionMethod": event.method.value,
        "piiPrincipalId": event.subject_id,
    }


def _stated_purpose(event: ConsentEvent) -> dict[str, Json]:
    """Return what it must say about the purpose; an empty `termination` means without end."""
    until = event.valid_until_ms
    shared = event.recipient != SELF
    return {
        "purpose": event.purpose,
        "consentType": event.event_type.value,
        "termination": "" if until is None else instants.to_text(until),
        "thirdPartyDisclosure": shared,
        "thirdPartyName": event.recipient if shared else "",
    }


def _check_names(claims: dict[str, Json], event: ConsentEvent) -> None:
    """Refuse a receipt whose readable half says something else than the event in it."""
    match claims.get("services"):
        case [{"purposes": [dict() as purpose]}]:
            agrees = _agree(purpose, _stated_purpose(event))
        case _:
            agrees = False
    if not agrees or not _agree(claims, _stated(event)):
        raise LedgerInconsistent("the receipt says something else than its event")


def _agree(said: Mapping[str, Json], stated: Mapping[str, Json]) -> bool:
    return all(key in said and said[key] == value for key, value in stated.items())


def _header(public: bytes) -> bytes:
    return canonical_bytes({"alg": "EdDSA", "kid": key_thumbprint(public), "typ": TYPE})


def _open_jws(jws: str, public: bytes) -> dict[str, Json]:
    parts = jws.split(".")
    if len(parts) != 3 or len(public) != 32:
        raise MalformedRecord("a receipt is a compact JWS")
    header, payload, signature = (_decode(p) for p in parts)
    if header != _header(public):
        raise BadSignature("the receipt is signed by another key, or in another way")
    key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    try:
        key.verify(signature, f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature as e:
        raise BadSignature("the signature of the receipt is wrong") from e
    return parse_object(payload)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as e:
        raise MalformedRecord("this is not base64url") from e
    if _encode(data) != text:
        raise MalformedRecord("this is not the one spelling in base64url")
    return data
