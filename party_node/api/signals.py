"""/v1/consent/signals: what browsers and consent platforms signal about a person, in and out."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator

from consent.decision import LoggedEntry
from consent.events import ConsentEvent
from consent.instants import MAX_MS
from consent.signal_records import Conclusion, Meaning, SignalKind
from consent.signals import gpc
from consent.signals.gpp import encode_gpp
from consent.signals.meaning import GPC_SET, said_by
from consent.signals.tcf import encode_tc_string
from consent.signals.telling import NEWEST_POLICY, Issuer, answers_of, gpp_of, tc_string_of
from consent.statements import Method
from consent.words import SELF
from party_node.api.origin import SOURCE, EventId
from party_node.api.person import Person
from party_node.api.strict import Name, Strict
from party_node.capture.confirmations import Confirmation
from party_node.capture.confirmations import confirm as record_confirmation
from party_node.capture.person_entries import PersonEntries
from party_node.capture.signals import Arrived, Outcome, SignalIntake
from party_node.errors import ErasedPerson, NotFound
from party_node.identity import EMAIL, NOBODY
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/consent/signals", tags=["consent"])

MAX_CHARS = 16_384
"""What an entry of the ledger holds; real strings have some thousands."""
MAX_RECIPIENTS = 16

_NOT_SET: dict[str, Any] = {
    "signal": SignalKind.GPC.value,
    "conclusion": Conclusion.NOTHING_SAID.value,
    "index": None,
    "repeated": False,
    "meanings": [],
    "against": [],
    "events": [],
}
"""GPC that is not set is no consent (11 CCR 7025 (c)(5)), and not worth an entry."""

Place = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Text = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$", max_length=MAX_CHARS)]
Recipients = Annotated[list[Name], Field(max_length=MAX_RECIPIENTS)]


class SignalBody(Person):
    """The signals of one visit of one person: at least one of the three."""

    gpc: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=16)] | None = None
    """The values of every `Sec-GPC` header of the request, as they came."""
    gpp: Text | None = Field(default=None, repr=False)
    tcf: Text | None = Field(default=None, repr=False)
    source: Name = SOURCE
    jurisdiction: Place | None = None
    """ISO 3166 code of the law that applied; this node's default region if absent."""
    event_time_ms: Annotated[int, Field(ge=0, le=MAX_MS)] | None = None
    """When it was seen; now if absent."""
    recipients: Recipients = Field(default_factory=list)
    """Whom a yes in it is about, and a TC string altogether; this party alone if empty."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.gpc is None and self.gpp is None and self.tcf is None:
            raise ValueError("give gpc, gpp or tcf")
        return self

    def raw(self) -> dict[SignalKind, str]:
        """Return what is to be kept of each signal, GPC first: a no is heard before a yes."""
        is_set = self.gpc is not None and gpc.is_set((gpc.HEADER, value) for value in self.gpc)
        found = {
            SignalKind.GPC: GPC_SET if is_set else None,
            SignalKind.GPP: self.gpp,
            SignalKind.TCF: self.tcf,
        }
        return {kind: raw for kind, raw in found.items() if raw is not None}


class ConfirmationBody(Person):
    """A person was told of GPC and says yes to one purpose in spite of it."""

    purpose: Name
    recipients: Recipients = Field(default_factory=list)
    """Parties that may use the data besides this one."""
    separate: bool = False
    """Given by an act of its own for each recipient."""
    source: Name = SOURCE
    method: Method = Method.WEB_FORM
    jurisdiction: Place | None = None


class IssuerBody(Strict):
    """The consent platform that hands a TC string out, and what it showed."""

    cmp_id: Annotated[int, Field(ge=0, le=4095)]
    cmp_version: Annotated[int, Field(ge=0, le=4095)] = 1
    consent_screen: Annotated[int, Field(ge=0, le=63)] = 1
    language: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    vendor_list_version: Annotated[int, Field(ge=0, le=4095)]
    policy_version: Annotated[int, Field(ge=0, le=63)] = NEWEST_POLICY
    publisher_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class TellingBody(Person):
    """What is asked for: what the ledger permits one recipient about one person, as strings."""

    recipient: Name = SELF
    jurisdiction: Place | None = None
    """Where the person is: decides which state's section is written."""
    mspa_covered: bool = False
    """Whether the transaction is covered by the IAB's multi-state privacy agreement."""
    tcf: IssuerBody | None = None
    """Without it no TC string is made."""


@router.post("")
def take_signals(body: SignalBody, key: EventId, node: Here) -> dict[str, Any]:
    """Take the signals of one visit; a no counts from the next decision on.

    The header Idempotency-Key is the caller's own name for the visit.
    """
    parts = node.services
    raw = body.raw()
    for kind, text in raw.items():
        said_by(kind, text, parts.vocabulary)  # all or none: refuse before anything is written
    kind_and_value = body.normalised(parts.home.settings.default_region)
    if not raw:
        return {"signals": [_NOT_SET]}
    dense = _resolved(*kind_and_value, parts)
    intake = SignalIntake(parts.ledger, parts.identity)
    taken = []
    for kind, text in raw.items():
        arrived = Arrived(
            kind=kind,
            raw=text,
            source_id=body.source,
            event_id=f"{key}/{kind.value}",
            jurisdiction=body.jurisdiction or parts.home.settings.default_region,
            event_time_ms=body.event_time_ms,
            recipients=tuple(sorted(set(body.recipients))),
        )
        taken.append({"signal": kind.value} | _shown(intake.take(dense, arrived)))
    not_set = [_NOT_SET] if body.gpc is not None and SignalKind.GPC not in raw else []
    return {"signals": not_set + taken}


@router.post("/confirmations", status_code=201)
def confirm(body: ConfirmationBody, key: EventId, node: Here) -> dict[str, Any]:
    """Record that a person who was told of GPC says yes to a purpose in spite of it.

    Later GPC signals change nothing about what was confirmed, while it stands.
    """
    parts = node.services
    parts.vocabulary.find(body.purpose)
    confirmation = Confirmation(
        purpose=body.purpose,
        recipients=tuple(sorted(set(body.recipients))),
        separate=body.separate,
        source_id=body.source,
        event_id=key,
        jurisdiction=body.jurisdiction or parts.home.settings.default_region,
        method=body.method,
    )
    return {
        "indices": record_confirmation(
            parts.ledger, parts.identity, _known(body, parts), confirmation
        )
    }


@router.post("/encode")
def encode(body: TellingBody, node: Here) -> dict[str, Any]:
    """Say as signals what the ledger permits one recipient about one person now."""
    parts = node.services
    dense = _known(body, parts)
    with parts.ledger.hold() as head:
        entries = PersonEntries(parts.ledger, parts.identity).said(dense)
        at_ms, vocabulary = parts.ledger.now(), head.vocabulary
    answers = answers_of(entries, vocabulary, body.recipient, at_ms)
    place = body.jurisdiction or _last_place(entries)
    gpp = gpp_of(answers, vocabulary, place, mspa_covered=body.mspa_covered)
    tcf = None
    if body.tcf is not None:
        issuer = Issuer(**body.tcf.model_dump())
        tcf = encode_tc_string(tc_string_of(answers, vocabulary, issuer, at_ms))
    return {"gpp": encode_gpp(gpp), "tcf": tcf, "jurisdiction": place, "purposes": dict(answers)}


def _resolved(kind: str, value: str, parts: Services) -> int:
    """Return the person, made if needed: a no is remembered also of somebody new."""
    dense = parts.identity.find(kind, value)
    if dense is not None:
        return dense
    emails, phones = ([value], [None]) if kind == EMAIL else ([None], [value])
    resolved = int(parts.identity.resolve(emails, phones).dense[0])
    if resolved == NOBODY:
        raise ErasedPerson
    return resolved


def _known(body: Person, parts: Services) -> int:
    kind, value = body.normalised(parts.home.settings.default_region)
    dense = parts.identity.find(kind, value)
    if dense is None:
        raise NotFound("nobody with this identifier is known here")
    return dense


def _last_place(entries: Sequence[LoggedEntry]) -> str:
    """Return where the person was when they, or somebody for them, last said something."""
    said = (e.record for e in reversed(entries) if isinstance(e.record, ConsentEvent))
    newest = next(said, None)
    return "" if newest is None else newest.residence or newest.jurisdiction


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {
        "conclusion": outcome.conclusion.value,
        "index": outcome.index,
        "repeated": outcome.repeated,
        "meanings": [_meaning(meaning) for meaning in outcome.meanings],
        "against": list(outcome.against),
        "events": list(outcome.events),
    }


def _meaning(meaning: Meaning) -> dict[str, str]:
    return {
        "purpose": meaning.purpose,
        "recipient": meaning.recipient,
        "state": meaning.state.value,
    }
