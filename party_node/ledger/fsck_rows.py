"""Checking rows beside the log that decide something: their stamps, and what the log says of them.

A stamp says that this node once wrote the row so. That it still stands, and that none is missing,
is said by entries (roles, emergencies, uses), by counts (erased people's tokens) and by numbers
without a gap. Charges to the budget have a file of their own (`fsck_budget.py`).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, select
from sqlmodel import Session, col

from consent.milestones import BreakGlass, OperatorAction
from consent.uses import Outcome
from party_node.all_tables import all_tables
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_entries import EntryPass
from party_node.roles.tables import RoleRow
from party_node.stamps import Stamps, is_stamped
from party_node.suppression import set_of
from party_node.tables import (
    EmergencyRow,
    ErasureRow,
    SuppressionRow,
    SuppressionSetRow,
    UsePermissionRow,
)
from party_node.use_recording import COMPLETED
from party_node.vault import Vault

_CHANGED = "the row is not as this node wrote it"
_GONE = "the ledger says that it is there, and it is not"


def place(table: str, *key: Any) -> str:
    """Return what a row is called in a finding: its table and its key."""
    words = (part.hex() if isinstance(part, bytes) else str(part) for part in key)
    return f"{table} {'/'.join(words)}"


class RowCheck:
    """Compares stamped rows with what one pass over the entries came to."""

    def __init__(
        self, session: Session, vault: Vault, findings: Findings, entries: EntryPass
    ) -> None:
        self._session, self._findings, self._entries = session, findings, entries
        self._stamps = Stamps(vault)

    def stamps(self) -> None:
        """Compare every stamped row with its stamp."""
        for table in all_tables():
            if is_stamped(table):
                self._table(table)

    def _table(self, table: Table) -> None:
        for key in self._stamps.damaged(self._session.connection(), table):
            self._findings.add(place(table.name, *key), _CHANGED)

    def roles(self) -> None:
        """Nobody has a role whom the ledger does not know in it, and nobody else is missing."""
        said: dict[str, tuple[int, str]] = {}
        for index, record in self._entries.milestones:
            if isinstance(record, OperatorAction) and record.detail is not None:
                role, _, name = record.detail.split(", ")[0].partition(":")
                if record.action == "role-added":
                    said[name] = index, role
                elif record.action == "role-revoked":
                    said.pop(name, None)
        for row in self._all(RoleRow):
            if said.pop(row.name, None) != (row.entry, row.role):
                what = "the ledger says that this person has another role, or none"
                self._findings.add(place("roles", row.name), what)
        self._missing("roles", said)

    def emergencies(self) -> None:
        """Each approval is as its entry says."""
        said = {
            record.approval_id: (index, record.job, record.expires_at_ms)
            for index, record in self._entries.milestones
            if isinstance(record, BreakGlass)
        }
        for row in self._all(EmergencyRow):
            stands = row.entry, row.job, row.expires_ms
            if said.pop(row.approval_id, None) != stands:
                what = "the ledger says something else of this approval"
                self._findings.add(place("emergencies", row.approval_id), what)
        self._missing("emergencies", said)

    def uses(self) -> None:
        """Each permission is of the last use record for its job, and ended if the use did."""
        said = dict(self._entries.uses)
        for row in self._all(UsePermissionRow):
            where = place("use_permissions", row.job, row.dataset)
            last = said.pop(f"{row.job}/{row.dataset}", None)
            if last is None:
                self._findings.add(where, "there is no use record of it")
                continue
            index, use = last
            stands = row.use_entry, row.expires_ms, row.break_glass
            if stands != (index, use.expires_at_ms, use.break_glass or ""):
                self._findings.add(where, "it is not what the last use record says")
            end = self._entries.outcomes.get(use.decision_id)
            outcome = "" if end is None else end.cause or ""
            if end is not None and end.outcome is Outcome.COMPLETED:
                outcome = COMPLETED
            if row.outcome != outcome:
                self._findings.add(where, "the ledger says otherwise how the use ended")
        self._missing("use_permissions", said)

    def suppressions(self) -> None:
        """Of each erased person every token is there, and no other."""
        rows = self._all(SuppressionRow)
        sets = {(row.kind, row.first): row for row in self._all(SuppressionSetRow)}
        there = {(row.kind, bytes(row.token)[0]) for row in rows if len(row.token)}
        for kind, first in sorted(there | sets.keys()):
            kept = sets.get((kind, first))
            if kept is None or set_of(self._session, (kind, first)) != (kept.tokens, kept.digest):
                where = place("suppressions", kind, bytes([first]) if first < 256 else first)
                self._findings.add(where, "who was erased is not who stands there")
        counts: dict[int, int] = {}
        for row in rows:
            counts[row.entry] = counts.get(row.entry, 0) + 1
        for erasure in self._all(ErasureRow):
            found = counts.pop(erasure.entry, 0)
            if found != erasure.suppressed:
                what = f"{erasure.suppressed} tokens were kept for it, and {found} are there"
                self._findings.add(f"erasure of entry {erasure.entry}", what)
        for entry in counts:
            self._findings.add(f"erasure of entry {entry}", "tokens are kept for it, and it is not")

    def _all(self, table: type[Any]) -> list[Any]:
        keys = [col(getattr(table, column.name)) for column in table.__table__.primary_key]
        return list(self._session.execute(select(table).order_by(*keys)).scalars())

    def _missing(self, table: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._findings.add(place(table, key), _GONE)
