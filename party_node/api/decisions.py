"""/v1/decisions: may this person be contacted now, may these people be used now?"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi import Path as InPath
from pydantic import Field, model_validator

from consent.words import ANY_CHANNEL, SELF, Operation
from party_node import out_folder
from party_node.api.person import Identifier, normalised
from party_node.api.strict import Name, Strict
from party_node.bulk_decisions import BulkQuestion, decide_keys
from party_node.contact.deciding import ContactDecision, ContactQuestion
from party_node.key_lists import read_keys, write_keys
from party_node.running import Here

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

Token = Annotated[str, InPath(pattern=r"^[0-9a-f]{32}$")]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)
]


class ContactBody(Strict):
    """A contact that somebody wants to make, with one person named in one way."""

    email: Identifier | None = Field(default=None, repr=False)
    phone: Identifier | None = Field(default=None, repr=False)
    subject: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        default=None, repr=False
    )
    """The person's record id."""
    channel: Name
    purpose: Name
    recipient: Name = SELF
    topic: Name | None = None
    at_ms: Annotated[int, Field(ge=0, lt=2**52)] | None = None
    """For when the contact is planned; now if absent."""
    reserve_seconds: Annotated[int, Field(ge=0, le=86_400)] = 900
    """How long a yes is set aside against the frequency caps; 0 sets nothing aside."""

    @model_validator(mode="after")
    def _one(self) -> "ContactBody":
        if sum(x is not None for x in (self.email, self.phone, self.subject)) != 1:
            raise ValueError("name the person by email, phone or subject, one of the three")
        return self


class BulkBody(Strict):
    """People that somebody wants to use, by a list of the party's own row keys."""

    dataset: Name
    purpose: Name
    operation: Operation
    recipient: Name = SELF
    channel: Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")] = ANY_CHANNEL
    keys: Annotated[list[str], Field(max_length=20_000)] | None = Field(default=None, repr=False)
    keys_path: Annotated[str, Field(max_length=4096)] | None = None
    """File on the node's machine with one key a line; of keys and keys_path at most one. With
    neither, everybody in the dataset is asked about."""
    out_file: Annotated[str, Field(pattern=out_folder.NAME)] | None = None
    """Name of a new file in the folder `out` of the node's home for the keys that may be used;
    without it they stand in the answer.
    """

    @model_validator(mode="after")
    def _one_list(self) -> "BulkBody":
        if self.keys is not None and self.keys_path is not None:
            raise ValueError("give keys or keys_path, not both")
        return self


class SentBody(Strict):
    """That a contact went out."""

    sent_at_ms: Annotated[int, Field(ge=0, lt=2**52)] | None = None


@router.post("/contact")
def contact(body: ContactBody, node: Here, key: IdempotencyKey = None) -> dict[str, Any]:
    """Say whether a person may be contacted now by this channel for this purpose, and why.

    A yes comes with a reservation: confirm it when the message went out, or release it. The same
    Idempotency-Key gets the same reservation.
    """
    parts = node.services
    if body.subject is not None:
        subject = parts.identity.dense_of([body.subject]).get(body.subject)
    else:
        region = parts.home.settings.default_region
        subject = parts.identity.find(*normalised(body.email, body.phone, region))
    question = ContactQuestion(
        subject=subject,
        purpose=body.purpose,
        channel=body.channel,
        recipient=body.recipient,
        topic=body.topic,
        at_ms=body.at_ms,
        reserve_ms=body.reserve_seconds * 1000,
        idempotency_key=key,
    )
    return _view(parts.contacts.decide(question))


@router.post("/bulk", status_code=201)
def bulk(body: BulkBody, node: Here) -> dict[str, Any]:
    """Say which row keys may be used now, and why the others may not; a use record is written."""
    parts = node.services
    question = BulkQuestion(
        body.dataset, body.purpose, body.operation, node.party, body.recipient, body.channel
    )
    # First: nothing is decided for a file that cannot be.
    out = None if body.out_file is None else out_folder.new_file(parts.home.path, body.out_file)
    keys = body.keys if body.keys_path is None else read_keys(Path(body.keys_path))
    found = decide_keys(parts, question, keys)
    if out is not None:
        write_keys(out, found.keys)
    return {
        "use_entry": found.use_entry,
        "asked": found.asked,
        "denied": found.denied,
        "permitted_keys": len(found.keys),
        "keys": found.keys if out is None else None,
        "out_path": None if out is None else str(out),
    }


@router.post("/contact/{token}/confirm")
def confirm(token: Token, body: SentBody, node: Here) -> dict[str, Any]:
    """Say that a reserved contact went out; it counts, also where the reservation had run out."""
    parts = node.services
    now = parts.clock_ms()
    sent = now if body.sent_at_ms is None else body.sent_at_ms
    confirmed = parts.writes.run(
        lambda session: parts.reservations.confirm(session, token, sent, now)
    )
    return {"sent_ms": confirmed.sent_ms, "late": confirmed.late}


@router.post("/contact/{token}/release", status_code=204)
def release(token: Token, node: Here) -> None:
    """Give a reserved contact back: it did not go out."""
    parts = node.services
    parts.writes.run(lambda session: parts.reservations.release(session, token))


def _view(found: ContactDecision) -> dict[str, Any]:
    reserved = found.reservation
    return {
        "decision": found.answer,
        "reason": found.reason,
        "words": found.words,
        "not_before_ms": found.not_before_ms,
        "evaluated_ms": found.evaluated_ms,
        "tree_size": found.tree_size,
        "reservation": None
        if reserved is None
        else {"token": reserved.token, "expires_ms": reserved.expires_ms},
    }
