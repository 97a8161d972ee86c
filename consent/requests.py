"""What people ask for beyond consent: access, erasure and the rest, as entries of the ledger.

The entries name a request, never a person: they must outlive the erasure that they document. Which
person a request is about is known beside the ledger, until it is closed.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Entry, Payload, field, one_of, sequence


class RequestType(enum.StrEnum):
    """What is asked for."""

    ACCESS = "access"
    RECTIFY = "rectify"
    ERASE = "erase"
    RESTRICT = "restrict"
    PORT = "port"
    OBJECT = "object"
    EXPLAIN_DECISION = "explain-decision"
    WITHDRAW = "withdraw"
    OPT_OUT_OF_SALE = "opt-out-of-sale"


class RequestStatus(enum.StrEnum):
    """How far it is."""

    RECEIVED = "received"
    VERIFIED = "verified"
    """It is known that the person it is about asks."""
    EXTENDED = "extended"
    REFUSED = "refused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True where nothing more will follow."""
        return self in _FINAL


_FINAL = frozenset({RequestStatus.REFUSED, RequestStatus.COMPLETED, RequestStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult(Payload):
    """What one system did about it."""

    system: str = field(fields.name)
    outcome: str = field(fields.name)
    at_ms: int = field(fields.time)
    detail: str | None = field(fields.words, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRequest(Entry):
    """A step in the life of a request: received, verified, extended, refused, completed."""

    TYPE: ClassVar[str] = "subject-request"

    request_id: str = field(fields.name)
    request: RequestType = field(one_of(RequestType))
    status: RequestStatus = field(one_of(RequestStatus))
    regime: str = field(fields.name)
    at_ms: int = field(fields.time)
    received_at_ms: int = field(fields.time)
    due_at_ms: int = field(fields.time)
    by: str = field(fields.words)
    """Who recorded the step."""
    verified_by: str | None = field(fields.words, None)
    """How the person was verified."""
    reason: str | None = field(fields.words, None)
    """Why it was extended or refused: a refusal must have one (PIPL 50)."""
    results: tuple[SystemResult, ...] = field(sequence(fields.nested(SystemResult)), ())
