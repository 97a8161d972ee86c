"""All records of one person: after a merge there are several (rule 4)."""

from collections.abc import Sequence

from consent.merges import SubjectsMerged
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry


def entries_of_person(
    ledger: ConsentLedger, identity: Identity, subject: int, *, but: Sequence[str] = ()
) -> dict[int, list[LedgerEntry]]:
    """Return the entries about a person by the number of the record that they are of.

    The first is `subject` itself, then the records that were merged into it, and into those.
    Entries of the types `but` are left out.
    """
    found: dict[int, list[LedgerEntry]] = {}
    left = [subject]
    while left:
        record = left.pop(0)
        if record not in found:
            found[record] = ledger.events_of(record, but=but)
            absorbed = [
                e.record.absorbed for e in found[record] if isinstance(e.record, SubjectsMerged)
            ]
            left += sorted(identity.dense_of(absorbed).values())
    return found
