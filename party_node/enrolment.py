"""Enrolling a node: an invitation is checked against the coordinator that it names, then used once.

An invitation is `accord-invite:` and the base64url of a JSON object: url, coordinator,
witness_vkey, party, secret. The new keys sign the enrolment: proof that this node holds them.
"""

import base64
import json
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consent.checkpoint import LogSigner
from consent.errors import MalformedRecord
from consent.note import Verifier, parse_vkey
from coordinator import wire
from party_node.coordinator_client import CoordinatorClient
from party_node.errors import PolicyUnusable, WrongKey
from party_node.home import Home
from party_node.ledger import trust_policy
from party_node.ledger.trust_policy import TrustPolicy
from party_node.surface_errors import CoordinatorMismatch, InvitationUnreadable, WireMismatch
from protocols.codec import encode
from protocols.collaboration_terms import ledger_origin

PREFIX = "accord-invite:"

Connect = Callable[[str], CoordinatorClient]
"""Opens a client for a coordinator's URL."""


class Invitation(BaseModel):
    """What the coordinator's operator hands over."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    coordinator: str
    witness_vkey: str
    party: wire.PartyId
    secret: str = Field(repr=False)


def read(token: str) -> Invitation:
    """Read an invitation. Raises: InvitationUnreadable."""
    text = token.strip()
    if not text.startswith(PREFIX):
        raise InvitationUnreadable(f"an invitation starts with {PREFIX}")
    data = text.removeprefix(PREFIX)
    try:
        plain = base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
        return Invitation.model_validate(json.loads(plain))
    except (ValueError, ValidationError):
        raise InvitationUnreadable("the token is cut off or changed") from None


def enrol(home: Home, token: str, connect: Connect) -> Invitation:
    """Use an invitation: show the coordinator this node's keys, and remember the coordinator.

    Safe to repeat with the same token and keys. Raises: InvitationUnreadable, CoordinatorMismatch,
    WireMismatch, WrongKey; CoordinatorRefused, CoordinatorUnreachable.
    """
    invitation = read(token)
    if invitation.party != home.settings.party:
        raise InvitationUnreadable(
            f"it invites {invitation.party}, and this node is {home.settings.party}"
        )
    client = connect(invitation.url)
    _check(client.info(), invitation)
    public = encode(home.keys.public())
    log = LogSigner(ledger_origin(home.settings.party), home.ledger_seed).verifier
    trust, vkey = _trust(home, log, invitation), log.vkey
    signed = wire.enrolment_input(invitation.secret, public, vkey)
    view = client.enrol(
        wire.Enrolment(
            invitation=invitation.secret,
            party=invitation.party,
            name=home.settings.name,
            public=public,
            ledger_vkey=vkey,
            signature=home.keys.sign(wire.ENROLMENT_LABEL, signed),
        )
    )
    if (view.public, view.ledger_vkey) != (public, vkey):
        raise WrongKey("the coordinator enrolled other keys than this node's")
    changes = {
        "coordinator_url": invitation.url,
        "coordinator_name": invitation.coordinator,
        "witness_vkey": invitation.witness_vkey,
    }
    trust_policy.store(home.path, trust)
    home.save(home.settings.model_copy(update=changes))
    return invitation


def _trust(home: Home, log: Verifier, invitation: Invitation) -> TrustPolicy:
    """Return the policy to begin with: the one that is there, if it has this coordinator in it.

    Raises: CoordinatorMismatch.
    """
    try:
        witness = parse_vkey(invitation.witness_vkey)
    except MalformedRecord as e:
        raise CoordinatorMismatch("its witness's key cannot be read") from e
    try:
        return trust_policy.load(home.path, log, witness, invitation.url)
    except PolicyUnusable:
        return trust_policy.first(log, witness, invitation.url)


def _check(info: wire.CoordinatorInfo, invitation: Invitation) -> None:
    if info.wire_version != wire.VERSION:
        raise WireMismatch(f"it speaks {info.wire_version}, this node speaks {wire.VERSION}")
    if (info.name, info.witness_vkey) != (invitation.coordinator, invitation.witness_vkey):
        raise CoordinatorMismatch("its name or its witness's key differs from the invitation")
