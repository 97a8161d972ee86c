"""Checking what lies beside the log: persons, keys, payloads, policies, notices, erasures."""

import hashlib
from collections.abc import Iterable, Mapping

from pyroaring import BitMap
from sqlalchemy import text
from sqlmodel import Session

from consent.milestones import (
    Erasure,
    LedgerOpened,
    NoticePublished,
    OperatorAction,
    PolicyChanged,
)
from consent.projection import commit_set
from party_node.erasure import hold_checks
from party_node.erasure.pending import open_pending
from party_node.errors import SealBroken
from party_node.identity import Identity
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_entries import EntryPass
from party_node.ledger.inspected import Checkable
from party_node.ledger.raw_rows import rows
from party_node.requests import request_checks
from party_node.tables import (
    ErasureRow,
    IdentifierRow,
    NoticeRow,
    PolicyRow,
    SubjectKeyRow,
    SubjectRow,
)

_LEFT_OVER = """
SELECT p."index" FROM ledger_payloads p LEFT JOIN ledger_entries e ON e."index" = p."index"
WHERE e."index" IS NULL
"""


class BesideCheck:
    """Compares what lies beside the log with what one pass over the entries came to."""

    def __init__(
        self, session: Session, ledger: Checkable, findings: Findings, entries: EntryPass
    ) -> None:
        self._session, self._ledger, self._findings = session, ledger, findings
        self._entries = entries

    def people(self, identity: Identity) -> None:
        """Check the rows of persons and identifiers, and that only who is in the log has keys."""
        for where, what in identity.checks.damaged(self._session):
            self._findings.add(where, what)
        known = {number for (number,) in rows(self._session, SubjectRow, "dense")}
        for (number,) in rows(self._session, IdentifierRow, "subject"):
            if number not in known:
                self._findings.add(f"an identifier of person {number}", "there is no such person")
        for (number,) in rows(self._session, SubjectKeyRow, "subject"):
            if number not in self._entries.people:
                self._findings.add(f"keys of person {number}", "there is no entry about them")

    def payloads(self) -> None:
        """Find payloads of entries that are not there."""
        for (index,) in self._session.execute(text(_LEFT_OVER)):
            self._findings.add(f"payload of entry {index}", "there is no such entry")

    def policies(self) -> None:
        """Check every vocabulary that was decided by."""
        entries = self._first_of(LedgerOpened | PolicyChanged, "policy_hash")
        found = (
            (bytes(digest), str(document).encode(), entry)
            for digest, document, entry in rows(
                self._session, PolicyRow, "digest", "document", "entry"
            )
        )
        self._documents("policy", found, entries)

    def notices(self) -> None:
        """Check the text of every notice that was published."""
        entries = self._first_of(NoticePublished, "notice_hash")
        found = (
            (bytes(digest), bytes(shown), entry)
            for digest, shown, entry in rows(
                self._session, NoticeRow, "notice_hash", "text", "entry"
            )
        )
        self._documents("notice", found, entries)

    def _first_of(self, kind: object, name: str) -> dict[bytes, int]:
        """Return the index of the first milestone of a kind for each hash that it names."""
        first: dict[bytes, int] = {}
        for index, record in self._entries.milestones:
            if isinstance(record, kind):  # type: ignore[arg-type]
                first.setdefault(getattr(record, name), index)
        return first

    def _documents(
        self, name: str, found: Iterable[tuple[bytes, bytes, int]], entries: Mapping[bytes, int]
    ) -> None:
        """Compare documents (digest, text, entry) with the hashes that entries name."""
        seen = set()
        for digest, document, entry in found:
            made = hashlib.sha256(document).digest()
            expected = entries.get(digest, entries.get(made, entry))
            where = f"{name} of entry {expected}"
            if made != digest:
                self._findings.add(where, "it has another hash than is kept with it")
            elif digest not in entries:
                self._findings.add(where, "no entry names it")
            elif entries[digest] != entry:
                self._findings.add(where, f"what is kept of it names entry {entry}")
            seen.add(digest)
        for digest in entries.keys() - seen:
            self._findings.add(f"{name} of entry {entries[digest]}", "it is missing")

    def erasures(self) -> None:
        """What is marked as erased must be what the erasure committed to, no more and no less."""
        said = {i: r for i, r in self._entries.milestones if isinstance(r, Erasure)}
        for index, entries in sorted(self._entries.erased.items()):
            if index not in said:
                where = ", ".join(map(str, entries[:5]))
                self._findings.add(f"entries {where}", f"entry {index} did not erase them")
        columns = ("entry", "request_id", "salt", "pending")
        for index, request, salt, pending in rows(self._session, ErasureRow, *columns):
            self._erasure(index, said.pop(index, None), request, bytes(salt), pending)
        for index in said:
            self._findings.add(f"erasure of entry {index}", "what is kept of it is missing")

    def holds(self) -> None:
        """Compare what is held back from erasures with what they say about it."""
        milestones = self._entries.milestones
        erasures = {i: r for i, r in milestones if isinstance(r, Erasure)}
        actions = {i: r for i, r in milestones if isinstance(r, OperatorAction)}
        for where, what in hold_checks.damaged(
            self._session, self._ledger.vault, erasures, self._entries.erased, actions
        ):
            self._findings.add(where, what)

    def requests(self) -> None:
        """Compare people's requests with the last entry about each."""
        for where, what in request_checks.damaged(self._session, self._entries.milestones):
            self._findings.add(where, what)

    def _erasure(
        self, index: int, said: Erasure | None, request: str, salt: bytes, pending: str
    ) -> None:
        where = f"erasure of entry {index}"
        if said is None:
            self._findings.add(where, "that entry is no erasure")
            return
        if request != said.request_id:
            self._findings.add(where, "it is kept under another request")
        marked = BitMap(self._entries.erased.get(index, []))
        if len(salt) != 32 or commit_set(marked, salt) != said.entries_commitment:
            self._findings.add(where, "other entries are marked than it erased")
        try:
            open_pending(self._ledger.vault, index, pending)
        except SealBroken:
            self._findings.add(where, "whose files it has still to clean was changed")
