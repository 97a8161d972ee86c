"""One entry as evidence: its leaf, and the proof that it is under a published checkpoint."""

import contextlib
from dataclasses import dataclass

from consent.checkpoint import checkpoint_of
from consent.errors import LedgerInconsistent
from consent.milestones import Erasure
from consent.proof import Proof
from party_node.errors import CoordinatorUnreachable, NotPublished, QuorumMissed
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.witnessing import Witnessing


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry with its proof."""

    entry: LedgerEntry
    size: int
    """Of the published checkpoint that the proof leads to."""
    proof: str
    """Text of the `.tlog-proof` file."""


def published(ledger: ConsentLedger, witnessing: Witnessing, size: int) -> str | None:
    """Return the newest published checkpoint, after asking for one that covers `size` entries.

    An older one is evidence too, so it is no error if the witnesses do not answer.
    Raises: LedgerInconsistent if a witness knows another history of this ledger.
    """
    with contextlib.suppress(CoordinatorUnreachable, QuorumMissed):
        witnessing.publish(size)
    return witnessing.published()


def prove(ledger: ConsentLedger, witnessing: Witnessing, index: int) -> Proven:
    """Return an entry with the proof that it is in the ledger.

    Raises: NotFound; NotPublished if no published checkpoint covers it yet; LedgerInconsistent.
    """
    entry = ledger.entry(index)
    note = published(ledger, witnessing, index + 1)
    return proven(ledger, entry, note)


def proven(ledger: ConsentLedger, entry: LedgerEntry, note: str | None) -> Proven:
    """Return an entry with its proof under this checkpoint.

    Raises: NotPublished if it does not cover the entry.
    """
    size = 0 if note is None else checkpoint_of(note).size
    if note is None or entry.index >= size:
        raise NotPublished(f"entry {entry.index} is under no published checkpoint yet")
    hashes = ledger.inclusion_proof(entry.index, size)
    return Proven(entry, size, Proof(entry.index, hashes, note).encode())


def erased_under(ledger: ConsentLedger, entry: LedgerEntry) -> str | None:
    """Return the request under which an entry's payload was erased; None if it was not.

    Raises: LedgerInconsistent if the entry that it names is no erasure.
    """
    if entry.erased is None:
        return None
    record = ledger.entry(entry.erased).record
    if not isinstance(record, Erasure):
        raise LedgerInconsistent(f"entry {entry.erased} did not erase entry {entry.index}")
    return record.request_id
