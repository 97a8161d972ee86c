"""One pass over all entries: leaves, payloads, keys, people's chains, sources, decisions, facts.

In the order of the log, a page at a time. Of each person a few bytes are kept: how many entries
there were, and how the last one's hash begins.
"""

import hmac
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlmodel import Session

from consent.errors import ConsentError
from consent.facts import WITH_FACT, About, Facts, Whats, facts_of
from consent.ledger import parse_leaf
from consent.merkle import leaf_hash
from consent.milestones import (
    Anomaly,
    BreakGlass,
    Erasure,
    LedgerOpened,
    NoticePublished,
    OperatorAction,
    PolicyChanged,
    StateSnapshot,
)
from consent.requests import SubjectRequest
from consent.statements import Statement, SubjectEntry
from consent.uses import UseOutcome, UseRecord
from party_node.database import select_among
from party_node.errors import LedgerDamaged
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_chains import Chains
from party_node.ledger.fsck_decisions import DecisionCheck
from party_node.ledger.inspected import Checkable
from party_node.ledger.raw_rows import StoredEntry, count, entry_pages
from party_node.ledger.writer import ANOMALIES, event_content
from party_node.tables import SourceEventRow, SubjectRow

Milestone = (
    BreakGlass
    | Erasure
    | LedgerOpened
    | NoticePublished
    | OperatorAction
    | PolicyChanged
    | StateSnapshot
    | SubjectRequest
)


class EntryPass:
    """The pass over the entries of one ledger; what it found out stands in its attributes."""

    def __init__(self, session: Session, ledger: Checkable, findings: Findings) -> None:
        self._session, self._ledger, self._findings = session, ledger, findings
        self._chains, self._decisions = Chains(), DecisionCheck(session, ledger.vault, findings)
        self._sources = 0
        self._keyless: set[int] = set()
        self._bearing = array("q")
        self.unread: list[int] = []
        """Entries whose payload could not be opened: what follows from it is not known."""
        self.size = 0
        self.newest_ms = 0
        self.whats = Whats()
        self.milestones: list[tuple[int, Milestone]] = []
        self.uses: dict[str, tuple[int, UseRecord]] = {}
        """Job and dataset (`job/dataset`) → the last use record about them, with its index."""
        self.outcomes: dict[str, UseOutcome] = {}
        """Decision → how its use ended."""
        self.erased: dict[int, list[int]] = {}
        """Index of an erasure → the entries that are marked with it."""
        self.people = BitMap()
        """Everybody about whom there is an entry."""

    def pages(self) -> Iterator[tuple[list[bytes], Facts]]:
        """Check page by page; return the leaves, for the tree, and the facts of each page."""
        for page in entry_pages(self._session):
            there = [row for one in page if (row := self._readable(one)) is not None]
            opened = self._open([row for row in there if self._check_place(row)])
            self._check_people(opened, there)
            self._check_sources(opened)
            for e in opened:
                self._take(e)
            yield [row.leaf for row in there], self._facts(opened)

    def finish(self) -> None:
        """Check what there may be only as much of as the entries account for."""
        if not self.unread and count(self._session, SourceEventRow) != self._sources:
            what = "there are more or fewer than the entries account for"
            self._findings.add("sources", what)
        self._decisions.finish(self.erased)

    def with_facts(self) -> NDArray[np.int64]:
        """Return the index of every entry that has a fact, or had one until it was erased."""
        return np.frombuffer(self._bearing, dtype=np.int64)

    # -- one entry after the other -------------------------------------------------------------

    def _readable(self, row: StoredEntry | int) -> StoredEntry | None:
        index = row if isinstance(row, int) else row.index
        if index > self.size:
            self._findings.add(f"entry {self.size}", "it is missing")
        self.size = index + 1
        if isinstance(row, int) or not row.is_plain:
            self._findings.add(f"entry {index}", "its row cannot be read")
            self.unread.append(index)
            return None
        return row

    def _check_place(self, row: StoredEntry) -> bool:
        """Check what stands beside the payload; return whether there is sense in opening it."""
        where, kind = f"entry {row.index}", row.type
        sound = leaf_hash(row.leaf) == row.leaf_hash
        if not sound:
            self._findings.add(where, "its leaf and the hash of it do not fit")
        try:
            leaf = parse_leaf(row.leaf)
        except ConsentError as e:
            self._findings.add(where, f"its leaf cannot be read: {e}")
        else:
            kind = leaf.type
            if (leaf.type, leaf.recorded_at_ms) != (row.type, row.recorded_ms):
                self._findings.add(where, "its row says another kind or time than its leaf")
            if leaf.controller != self._ledger.controller:
                self._findings.add(where, "it is of another controller")
            if leaf.recorded_at_ms < self.newest_ms:
                self._findings.add(where, "it was recorded before the entry before it")
            self.newest_ms = max(self.newest_ms, leaf.recorded_at_ms)
        if kind in WITH_FACT:
            self._bearing.append(row.index)
        self._check_mark(row)
        return sound

    def _check_mark(self, row: StoredEntry) -> None:
        if row.subject is not None:
            self.people.add(row.subject)
        if row.erased is not None:
            self.erased.setdefault(row.erased, []).append(row.index)
            if row.ciphertext is not None or row.subject is not None:
                what = "it is marked as erased, and something of it is there"
                self._findings.add(f"entry {row.index}", what)

    def _open(self, rows: Sequence[StoredEntry]) -> list[LedgerEntry]:
        people = {row.subject for row in rows if row.subject is not None and row.erased is None}
        keys, broken = self._ledger.keyring.load_each(self._session, people)
        for person in sorted((people - keys.keys()) - self._keyless):
            what = "they do not open" if person in broken else "they are missing"
            self._findings.add(f"keys of person {person}", what)
            self._keyless.add(person)
        entries = []
        for row in rows:
            if row.subject in self._keyless:
                # The keys may be lost, or the row may name another person than it did.
                what = "it cannot be opened: the person that its row names has no key that opens"
                self._findings.add(f"payload of entry {row.index}", what)
                continue
            try:
                entries.append(self._ledger.reader.entry(row, keys))
            except LedgerDamaged as e:
                self._findings.add(f"payload of entry {row.index}", e.detail)
        return entries

    def _take(self, e: LedgerEntry) -> None:
        if isinstance(e.record, Milestone):
            self.milestones.append((e.index, e.record))
        elif isinstance(e.record, UseRecord):
            self._decisions.check(e.index, e.record)
            for dataset in e.record.datasets:
                self.uses[f"{e.record.job}/{dataset}"] = e.index, e.record
        elif isinstance(e.record, UseOutcome):
            self.outcomes[e.record.decision_id] = e.record

    # -- a page of them --------------------------------------------------------------------------

    def _check_people(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredEntry]) -> None:
        """Check whom entries are about, and each person's chain, in the order of the log."""
        numbers = sorted({e.subject for e in entries if e.subject is not None})
        columns = ("dense", "subject_id")
        ids = dict(select_among(self._session, SubjectRow, columns, "dense", numbers))
        by_index = {e.index: e for e in entries}
        for row in rows:
            e = by_index.get(row.index)
            if e is None:
                self.unread.append(row.index)
                if row.subject is not None:
                    self._chains.skip(row.subject)
                continue
            where, record = f"entry {e.index}", e.record
            if not isinstance(record, SubjectEntry):
                if e.subject is not None:
                    self._findings.add(where, "its row says that it is about a person")
            elif e.subject is None or ids.get(e.subject) != record.subject_id:
                self._findings.add(where, "its row names another person than its payload")
            elif not self._chains.continues(e.subject, record, e.leaf_hash):
                self._findings.add(where, "it does not continue the person's entry before it")

    def _check_sources(self, entries: Sequence[LedgerEntry]) -> None:
        """Compare what sources sent, by their own names for it."""
        by_source: dict[str, dict[str, tuple[bytes, int]]] = {}
        for e in entries:
            if isinstance(e.record, Statement):
                content = hmac.digest(self._ledger.content_key, event_content(e.record), "sha256")
                of_source = by_source.setdefault(e.record.source_id, {})
                of_source[e.record.source_event_id] = content, e.index
            elif isinstance(e.record, Anomaly) and e.record.offered is not None:
                offered = e.record.offered
                by_source.setdefault(ANOMALIES, {})[offered.hex()] = offered, e.index
        for source, named in by_source.items():
            self._sources += len(named)
            rows = select_among(
                self._session, SourceEventRow, ("source_event_id", "content", "entry"),
                "source_event_id", sorted(named), source_id=source,
            )  # fmt: skip
            found = {name: (content, entry) for name, content, entry in rows}
            for name, expected in named.items():
                if found.get(name) != expected:
                    what = "what is kept to know it again does not fit it"
                    self._findings.add(f"source of entry {expected[1]}", what)

    def _facts(self, entries: Sequence[LedgerEntry]) -> Facts:
        about = [
            About(e.index, e.recorded_ms, e.subject, e.record)
            for e in entries
            if e.subject is not None and e.record is not None
        ]
        return facts_of(about, self.whats, self._number_of)

    def _number_of(self, subject_id: str) -> int:
        rows = select_among(self._session, SubjectRow, ("dense",), "subject_id", [subject_id])
        return next((dense for (dense,) in rows), -1)
