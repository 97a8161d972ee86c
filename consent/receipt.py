"""Consent receipts: what a person keeps, and can have checked by anybody.

A receipt is a JSON object with the names of ISO/IEC TS 27560 and of the Kantara consent receipt
(`receipt_claims.py`), signed as a compact JWS (`jws.py`), and beside it the proof that the event is
in the log. It holds the event itself, its leaf and its salt, so that the commitment in the leaf can
be opened.
"""

from dataclasses import dataclass

from consent import instants
from consent.canonical import Json, canonical_bytes, parse_object
from consent.checkpoint import Checkpoint
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.events import ConsentEvent
from consent.jws import open_jws, sign_jws
from consent.ledger import open_payload, parse_leaf
from consent.merkle import leaf_hash
from consent.policy import Policy
from consent.proof import parse_proof, verify_proof
from consent.purpose import Purpose
from consent.receipt_claims import (
    KANTARA_VERSION,
    VERSION,
    Controller,
    ReceiptClaims,
    Service,
    StatedPurpose,
)
from consent.records import payload_bytes
from consent.vocabulary import Vocabulary
from consent.words import SELF

TYPE = "consent-receipt+jws"
_LANGUAGE = "en"


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
    claims: ReceiptClaims


def parse_receipt(data: bytes) -> SignedReceipt:
    """Read what `SignedReceipt.encode` wrote; verifies nothing.

    Raises: MalformedRecord.
    """
    value = parse_object(data)
    jws, proof = value.get("receipt"), value.get("proof")
    if len(value) != 2 or not isinstance(jws, str) or not isinstance(proof, str):
        raise MalformedRecord("a receipt file holds a receipt and its proof")
    return SignedReceipt(jws, proof)


def make_receipt(
    event: ConsentEvent,
    *,
    receipt_id: str,
    controller: Controller,
    vocabulary: Vocabulary,
    leaf: bytes,
    salt: bytes,
    issued_at_ms: int,
) -> ReceiptClaims:
    """Return the content of a receipt for one event, described by a vocabulary.

    Raises: UnknownPurpose; LedgerInconsistent if leaf and salt are not the event's.
    """
    open_payload(leaf, salt=salt, payload=payload_bytes(event))
    purpose, notice = vocabulary.find(event.purpose), vocabulary.notice(event.notice_hash)
    return ReceiptClaims(
        schema_version=VERSION,
        version=KANTARA_VERSION,
        consentReceiptID=receipt_id,
        issued_at_ms=issued_at_ms,
        language=_LANGUAGE if notice is None else notice.language,
        jurisdiction=event.jurisdiction,
        consentTimestamp=event.event_time_ms // 1000,
        collectionMethod=event.method,
        piiPrincipalId=event.subject_id,
        piiControllers=(controller,),
        policyUrl="" if notice is None else notice.policy_url or "",
        services=(
            Service(service=purpose.title, purposes=(_stated_purpose(event, purpose, vocabulary),)),
        ),
        sensitive=bool(purpose.sensitive),
        spiCat=purpose.sensitive,
        withdrawalMethod=None if notice is None else notice.withdrawal_method,
        privacyRights=None if notice is None else notice.rights_url,
        policy_hash=vocabulary.digest(),
        event=event,
        leaf=leaf.decode("utf-8"),
        salt=salt,
    )


def sign_receipt(claims: dict[str, Json], *, seed: bytes, proof: str) -> SignedReceipt:
    """Sign the content of a receipt with an Ed25519 seed (32 bytes).

    Raises: MalformedRecord if the content has no canonical form or the seed another length.
    """
    return SignedReceipt(sign_jws(canonical_bytes(claims), seed=seed, kind=TYPE), proof)


def verify_receipt(receipt: SignedReceipt, *, public: bytes, policy: Policy) -> VerifiedReceipt:
    """Check a receipt: its signature, that its event is what the leaf commits to, that its names
    say what the event says, and the leaf's proof.

    What describes purpose, recipient and notice is the keeper's word; it signed it.
    Raises: MalformedRecord, BadSignature, LedgerInconsistent.
    """
    value = parse_object(open_jws(receipt.jws, public=public, kind=TYPE))
    if value.get("schema_version") != VERSION:
        raise MalformedRecord("this is another kind of receipt")
    claims = ReceiptClaims.from_payload(value)
    leaf, event = claims.leaf.encode("utf-8"), claims.event
    if open_payload(leaf, salt=claims.salt, payload=payload_bytes(event)) != event:
        raise LedgerInconsistent("the leaf is not that of this event")
    _check_names(claims)
    proof = parse_proof(receipt.proof)
    checkpoint = verify_proof(proof, leaf_hash(leaf), policy)
    return VerifiedReceipt(event, checkpoint, proof.index, claims)


def _stated_purpose(event: ConsentEvent, purpose: Purpose, vocabulary: Vocabulary) -> StatedPurpose:
    shared = event.recipient != SELF
    third = next((r for r in vocabulary.recipients if r.recipient_id == event.recipient), None)
    if not shared:
        third = None
    return StatedPurpose(
        purpose=event.purpose,
        purposeVersion=event.purpose_version,
        purposeCategory=purpose.dpv_iris,
        consentType=event.event_type,
        piiCategory=purpose.pii_types,
        primaryPurpose=purpose.primary,
        termination=_termination(event),
        thirdPartyDisclosure=shared,
        thirdPartyName=event.recipient if shared else "",
        thirdPartyTitle=None if third is None else third.name,
        thirdPartyRole=None if third is None else third.role,
        thirdPartyCountry=None if third is None else third.country,
        thirdPartyContact=None if third is None else third.contact,
        lawfulBasis=vocabulary.basis(
            event.purpose, vocabulary.places(event.jurisdiction, event.residence)
        ),
        validityDuration=event.validity or purpose.validity,
        retentionPeriod=purpose.retention,
        storageLocations=purpose.storage,
    )


def _termination(event: ConsentEvent) -> str:
    until = event.valid_until_ms
    return "" if until is None else instants.to_text(until)


def _check_names(claims: ReceiptClaims) -> None:
    """Refuse a receipt whose readable half says something else than its event and entry."""
    event = claims.event
    stated = [purpose for service in claims.services for purpose in service.purposes]
    shared = event.recipient != SELF
    agrees = (
        len(stated) == len(claims.services) == len(claims.piiControllers) == 1
        and (claims.jurisdiction, claims.collectionMethod) == (event.jurisdiction, event.method)
        and claims.consentTimestamp == event.event_time_ms // 1000
        and claims.piiPrincipalId == event.subject_id
        and claims.consentReceiptID == parse_leaf(claims.leaf.encode("utf-8")).entry_id
        and claims.sensitive == bool(claims.spiCat)
        and (stated[0].purpose, stated[0].purposeVersion) == (event.purpose, event.purpose_version)
        and (stated[0].consentType, stated[0].termination)
        == (event.event_type, _termination(event))
        and stated[0].thirdPartyDisclosure is shared
        and stated[0].thirdPartyName == (event.recipient if shared else "")
        and (event.validity is None or stated[0].validityDuration == event.validity)
    )
    if not agrees:
        raise LedgerInconsistent("the receipt says something else than its event")
