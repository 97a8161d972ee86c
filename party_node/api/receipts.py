"""Receipts for people: /v1/consent/receipts, and the key that signs them."""

from typing import Any

from fastapi import APIRouter

from party_node.api.access import Calling
from party_node.api.person import Person
from party_node.api.strict import By, Name
from party_node.errors import NotFound
from party_node.ledger.consent_receipts import IssuedReceipt
from party_node.running import Here

router = APIRouter(prefix="/v1", tags=["consent"])


class ReceiptsBody(Person):
    """Whose receipts, and about what."""

    purpose: Name | None = None
    """Only about this purpose."""
    every: bool = False
    """True: also for what was changed since; else the newest word of each source in each scope."""
    by: By = "operator"
    """Who asks for them: that they were handed out is an entry of the ledger."""


@router.post("/consent/receipts")
def issue_receipts(body: ReceiptsBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Return signed receipts for what one person said, each with its proof.

    `waiting` has the entries that no published checkpoint covers yet.
    """
    parts = node.services
    person = parts.identity.find(*body.normalised(parts.home.settings.default_region))
    if person is None:
        raise NotFound("nobody with this identifier is known here")
    found = parts.consent_receipts.issue(
        person, caller.signing(body.by), purpose=body.purpose, every=body.every
    )
    return {
        "receipts": [_receipt(one) for one in found.receipts],
        "waiting": list(found.waiting),
        "key": parts.consent_receipts.jwk(),
    }


@router.get("/ledger/receipt-key")
def receipt_key(node: Here) -> dict[str, str]:
    """Return the public half of the key that signs receipts, as a JSON Web Key."""
    return node.services.consent_receipts.jwk()


def _receipt(issued: IssuedReceipt) -> dict[str, Any]:
    event, signed = issued.event, issued.receipt
    return {
        "index": issued.index,
        "state": event.state.value,
        "purpose": event.purpose,
        "recipient": event.recipient,
        "receipt": {"proof": signed.proof, "receipt": signed.jws},
    }
