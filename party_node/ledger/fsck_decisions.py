"""Checking the decisions that the gate kept: their sets must open what use records commit to."""

from collections.abc import Iterator, Mapping, Sequence

from sqlmodel import Session

from consent.projection import commit_set
from consent.uses import UseRecord
from party_node.decisions import Decided, Decisions
from party_node.ledger.findings import Findings
from party_node.ledger.raw_rows import rows
from party_node.tables import DecisionRow
from party_node.vault import Vault


class DecisionCheck:
    """Compares each decision with its use record."""

    def __init__(self, session: Session, vault: Vault, findings: Findings) -> None:
        self._session, self._findings = session, findings
        self._decisions = Decisions(vault)
        self._checked: set[int] = set()
        self._pruned: list[int] = []

    def check(self, index: int, use: UseRecord) -> None:
        """Check the decision of one use record."""
        self._checked.add(index)
        where = f"decision of entry {index}"
        row = self._session.get(DecisionRow, index)
        if row is None:
            self._findings.add(where, "its sets are missing")
            return
        said = (row.job, (row.dataset,), row.purpose, row.recipient, row.evaluated_ms)
        if said != (use.job, use.datasets, use.purpose, use.recipient, use.evaluated_at_ms):
            self._findings.add(where, "its row says something else than the use record")
        try:
            decided = self._decisions.load(self._session, index)
            for what in opened_wrongly(decided, use):
                self._findings.add(where, what)
        except Exception as e:  # noqa: BLE001 - whatever a damaged row makes of it
            self._findings.add(where, f"it does not open: {type(e).__name__}")
            return
        if decided.pruned:
            self._pruned.append(index)

    def finish(self, erased: Mapping[int, Sequence[int]]) -> None:
        """Check that there are no other decisions, and that sets lost people by erasures only."""
        newest = max(erased, default=-1)
        for index in self._pruned:
            if index > newest:
                what = "people were taken out of it, and nobody was erased since"
                self._findings.add(f"decision of entry {index}", what)
        for (index,) in rows(self._session, DecisionRow, "entry"):
            if index not in self._checked:
                self._findings.add(f"decision of entry {index}", "that entry is no use record")


def opened_wrongly(decided: Decided, use: UseRecord) -> Iterator[str]:
    """Return what of a kept decision does not fit its use record."""
    asked, allowed = decided.everybody, decided.people
    if decided.decision_id != use.decision_id:
        yield "it is another decision than the use record's"
    if not allowed <= asked:
        yield "people are allowed who were not asked about"
    if decided.pruned:
        return
    if commit_set(asked, decided.asked_salt) != use.input_commitment or len(asked) != use.asked:
        yield "who was asked about is not what the use record commits to"
    allowed_fits = commit_set(allowed, decided.allowed_salt) == use.allowed_commitment
    if not allowed_fits or len(allowed) != use.allowed:
        yield "who is allowed is not what the use record commits to"
