"""Looking at what an entry about a person says is an entry itself: who looked, and at which."""

from consent.milestones import OperatorAction
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry


def note_view(ledger: ConsentLedger, entry: LedgerEntry, by: str) -> None:
    """Write down that somebody sees a payload, before it is shown; nothing if there is none."""
    if entry.subject is not None and entry.record is not None:
        looked = OperatorAction(
            action="payload-viewed", by=by, at_ms=ledger.now(), detail=f"entry {entry.index}"
        )
        ledger.append([looked])
