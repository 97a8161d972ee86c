"""Who may be here: the operator invites a party by name, and the party enrols with its own keys.

An invitation is one token: `accord-invite:` and the base64url (without padding) of a JSON object.
Its secret works once; only its SHA-256 is kept. The party proves that it holds the keys it enrols.
"""

import base64
import hashlib
import json

from sqlmodel import Session

from consent.errors import MalformedRecord
from consent.note import KeyType, Verifier, parse_vkey
from coordinator.errors import (
    EnrolmentRefused,
    InvitationExpired,
    InvitationUnknown,
    InvitationUsed,
    NoSuchParty,
    PartyExists,
)
from coordinator.tables import InvitationRow, PartyRow
from coordinator.wire import ENROLMENT_LABEL, Enrolment, PartyView, enrolment_input
from protocols.codec import decode
from protocols.collaboration_terms import check_text, ledger_origin
from protocols.errors import ForgedEnvelope, InvalidParameter, LocalError, MalformedMessage
from protocols.keys import PartyPublic
from protocols.session import Rng

TOKEN_PREFIX = "accord-invite:"  # noqa: S105, the word that tokens start with
DAY_MS = 24 * 60 * 60 * 1000


def invite(session: Session, party: str, now_ms: int, days: int, rng: Rng) -> str:
    """Make an invitation for `party` and return its secret, which is not kept."""
    secret = base64.urlsafe_b64encode(rng(32)).decode().rstrip("=")
    session.add(
        InvitationRow(
            secret_hash=_secret_hash(secret),
            party=party,
            created_ms=now_ms,
            expires_ms=now_ms + days * DAY_MS,
        )
    )
    return secret


def token(url: str, coordinator: str, witness_vkey: str, party: str, secret: str) -> str:
    """Return the one string that the operator hands to the party."""
    fields = {
        "url": url,
        "coordinator": coordinator,
        "witness_vkey": witness_vkey,
        "party": party,
        "secret": secret,
    }
    text = json.dumps(fields, separators=(",", ":"))
    return TOKEN_PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def enrol(session: Session, enrolment: Enrolment, now_ms: int) -> tuple[PartyView, bool]:
    """Enrol a party; returns it and whether it is new.

    Raises: InvitationUnknown, InvitationExpired, InvitationUsed, EnrolmentRefused, PartyExists.
    """
    invitation = session.get(InvitationRow, _secret_hash(enrolment.invitation))
    if invitation is None or invitation.party != enrolment.party:
        raise InvitationUnknown
    origin = _check_proof(enrolment)
    existing = session.get(PartyRow, enrolment.party)
    same = (
        existing is not None
        and existing.public == enrolment.public
        and existing.ledger_vkey == enrolment.ledger_vkey
    )
    if invitation.used_ms is not None and not same:
        raise InvitationUsed
    if existing is not None:
        if not same:
            raise PartyExists
        invitation.used_ms = invitation.used_ms or now_ms
        return view(existing), False
    if invitation.expires_ms <= now_ms:
        raise InvitationExpired
    row = PartyRow(
        party=enrolment.party,
        name=enrolment.name,
        public=enrolment.public,
        ledger_vkey=enrolment.ledger_vkey,
        ledger_origin=origin,
        enrolled_ms=now_ms,
    )
    session.add(row)
    invitation.used_ms = now_ms
    return view(row), True


def find(session: Session, party: str) -> PartyView:
    """Return one party.

    Raises: NoSuchParty.
    """
    row = session.get(PartyRow, party)
    if row is None:
        raise NoSuchParty
    return view(row)


def view(row: PartyRow) -> PartyView:
    """Return what other parties see of a party."""
    return PartyView(
        party=row.party,
        name=row.name,
        public=row.public,
        ledger_vkey=row.ledger_vkey,
        enrolled_ms=row.enrolled_ms,
    )


def ledger_verifier(vkey: str) -> Verifier:
    """Read the verifier key of a ledger.

    Raises: EnrolmentRefused.
    """
    try:
        verifier = parse_vkey(vkey)
    except MalformedRecord as e:
        raise EnrolmentRefused("ledger_vkey is not a C2SP verifier key") from e
    if verifier.kind is not KeyType.ED25519:
        raise EnrolmentRefused("a ledger signs with Ed25519")
    return verifier


def _check_proof(enrolment: Enrolment) -> str:
    """Check every part against every other; return the ledger's origin."""
    try:
        check_text("the name", enrolment.name)
    except InvalidParameter as e:
        raise EnrolmentRefused(str(e)) from e
    try:
        public = decode(PartyPublic, enrolment.public)
        public.sealing_key()
    except (MalformedMessage, LocalError) as e:
        raise EnrolmentRefused("public is not an encoded set of public keys") from e
    if public.party != enrolment.party:
        raise EnrolmentRefused("the keys name another party")
    proof = enrolment_input(enrolment.invitation, enrolment.public, enrolment.ledger_vkey)
    try:
        public.verify(enrolment.signature, ENROLMENT_LABEL, proof)
    except ForgedEnvelope as e:
        raise EnrolmentRefused("the signature is not by the key that it enrols") from e
    origin = ledger_verifier(enrolment.ledger_vkey).name
    if origin != ledger_origin(enrolment.party):
        # Anybody else's name would keep that party from ever enrolling its own ledger.
        raise EnrolmentRefused(f"the ledger must be named {ledger_origin(enrolment.party)}")
    return origin


def _secret_hash(secret: str) -> bytes:
    return hashlib.sha256(b"accord/invitation/1\x00" + secret.encode()).digest()
