"""What somebody did that an auditor will ask about, as an entry of the ledger."""

from consent.milestones import OperatorAction
from party_node.ledger.consent_ledger import Also, ConsentLedger


def note_action(
    ledger: ConsentLedger, action: str, by: str, detail: str, also: Also | None = None
) -> int:
    """Write down an action and return the index of its entry.

    `also` does it in the same transaction, so that neither is there without the other; what hands
    something out is noted before. Raises: as `ConsentLedger.append`, and what `also` raises.
    """
    with ledger.hold():
        said = OperatorAction(action=action, by=by, at_ms=ledger.now(), detail=detail)
        (index,) = ledger.append([said], also=also)
    return index
