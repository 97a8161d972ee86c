"""Recipients and sources: who may receive, and where statements come from."""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

from dataclasses import dataclass

from consent import fields
from consent.fields import Payload, field, one_of
from consent.statements import TRUST
from consent.words import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient(Payload):
    """One version of one party that data may go to (27560 party fields)."""

    recipient_id: str = field(fields.name)
    name: str = field(fields.words)
    role: Role = field(one_of(Role), Role.CONTROLLER)
    version: int = field(fields.integer(1, 1_000_000), 1)
    country: str | None = field(fields.words, None)
    contact: str | None = field(fields.words, None)
    address: str | None = field(fields.words, None)
    contract: str | None = field(fields.words, None)
    """Reference of the contract, the standard clauses, the impact assessment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Payload):
    """One stream of statements, and how far it is believed."""

    source_id: str = field(fields.name)
    trust: int = field(TRUST, 5)
    """Rank: consent after a withdrawal must come from at least the rank of the withdrawal."""
    backdate_days: int | None = field(fields.integer(0, 36_500), None)
    """How long ago a grant may have been given when it arrives; longer ago, it does not count."""
    child_directed: bool = field(fields.flag, False)
    """It addresses children: a grant without a known age does not count."""
    first_hand: bool = field(fields.flag, True)
    """It may say how the person acted; else all its statements are copies."""
