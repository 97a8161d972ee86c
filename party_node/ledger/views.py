"""Looking at what an entry about a person says is an entry itself: who looked, and at which."""

from party_node.ledger.actions import note_action
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry


def note_view(ledger: ConsentLedger, entry: LedgerEntry, by: str) -> None:
    """Write down that somebody sees a payload, before it is shown; nothing if there is none."""
    if entry.subject is not None and entry.record is not None:
        note_action(ledger, "payload-viewed", by, f"entry {entry.index}")
