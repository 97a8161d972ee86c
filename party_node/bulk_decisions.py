"""May these people be used now? For systems of the party's own that hold a list of row keys.

The question goes through the gate like that of a job: decided by the ledger, recorded, under a
checkpoint, before any key is given back.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from consent.words import ANY_CHANNEL, SELF
from party_node.services import Services
from protocols.codec import Record, encode

_TTL_MS = 15 * 60 * 1000


@dataclass(frozen=True, slots=True)
class BulkQuestion(Record):
    """What is asked about the people in a list."""

    KIND: ClassVar[str] = "bulk-question/1"
    dataset: str
    purpose: str
    operation: str
    requester: str
    recipient: str = SELF
    channel: str = ANY_CHANNEL


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What the gate decided."""

    use_entry: int
    """Index of the use record."""
    asked: int
    """People that the keys belong to."""
    denied: dict[str, int]
    """People who may not be used, by reason."""
    keys: list[str]
    """The row keys that may be used; all rows of a permitted person."""


def decide_keys(
    services: Services, question: BulkQuestion, keys: Sequence[str] | None
) -> BulkAnswer:
    """Ask the gate about the people of these row keys; about the whole dataset if None.

    Raises: UnknownDataset, UnknownPurpose, UnknownOperation, DatasetChanged, LedgerDamaged,
    DiskFull.
    """
    job = services.rng(16).hex()
    among = None if keys is None else services.datasets.people_of(question.dataset, keys)
    permission = services.gate.permit(
        job,
        hashlib.sha256(encode(question)).digest(),
        question.dataset,
        question.purpose,
        question.recipient,
        (question.operation,),
        question.requester,
        _TTL_MS,
        channel=question.channel,
        among=among,
    )
    grant = permission.grant
    allowed = services.datasets.keys(permission, grant.allowed)
    services.gate.complete(permission, "completed")
    return BulkAnswer(grant.use_entry, grant.asked, dict(grant.denied), allowed)
