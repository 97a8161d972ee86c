"""One pass over all entries: leaves, payloads, keys, people's chains, sources, facts.

In the order of the log, a page at a time. Of each person a few bytes are kept: how many entries
there were, and how the last one's hash begins.
"""

import hmac
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlmodel import Session

from consent.columns import SparseColumn
from consent.errors import ConsentError
from consent.facts import About, Facts, Whats, facts_of
from consent.fields import Entry
from consent.ledger import parse_leaf
from consent.statements import Statement, SubjectEntry
from party_node.database import select_among
from party_node.errors import LedgerDamaged
from party_node.ledger.entries import EntryReader, LedgerEntry
from party_node.ledger.findings import Findings
from party_node.ledger.keyring import Keyring
from party_node.ledger.writer import event_content
from party_node.tables import SourceEventRow, SubjectRow

OnRecord = Callable[[int, Entry], None]
"""Is told of each record that could be opened, with its index."""


class EntryPass:
    """The pass over the entries of one ledger."""

    def __init__(
        self,
        session: Session,
        reader: EntryReader,
        keyring: Keyring,
        controller: str,
        content_key: bytes,
        findings: Findings,
        on_record: OnRecord,
    ) -> None:
        self._session, self._reader, self._keyring = session, reader, keyring
        self._controller, self._content_key = controller, content_key
        self._findings, self._on_record = findings, on_record
        self._chains = _Chains()
        self._newest_ms = 0
        self._expected = 0
        self.whats = Whats()
        self.erased: dict[int, list[int]] = {}
        """Index of an erasure → the entries that are marked with it."""

    def pages(self) -> Iterator[tuple[list[bytes], Facts]]:
        """Check page by page; return the leaves, for the tree, and the facts of each page."""
        for page in self._reader.pages(self._session):
            for row in page:
                self._check_place(row)
            entries = self._open(page)
            self._check_people(entries)
            self._check_sources(entries)
            yield [row.leaf for row in page], self._facts(entries)

    def _check_place(self, row: Any) -> None:
        where = f"entry {row.index}"
        for missing in range(self._expected, min(row.index, self._expected + 1)):
            self._findings.add(f"entry {missing}", "it is missing")
        self._expected = row.index + 1
        try:
            leaf = parse_leaf(row.leaf)
        except ConsentError as e:
            self._findings.add(where, f"its leaf cannot be read: {e}")
            return
        if (leaf.type, leaf.recorded_at_ms) != (row.type, row.recorded_ms):
            self._findings.add(where, "its row says another kind or time than its leaf")
        if leaf.controller != self._controller:
            self._findings.add(where, "it is of another controller")
        if leaf.recorded_at_ms < self._newest_ms:
            self._findings.add(where, "it was recorded before the entry before it")
        self._newest_ms = max(self._newest_ms, leaf.recorded_at_ms)
        if row.erased is not None:
            self.erased.setdefault(row.erased, []).append(row.index)
            if row.ciphertext is not None or row.subject is not None:
                self._findings.add(where, "it is marked as erased, and something of it is there")

    def _open(self, page: Sequence[Any]) -> list[LedgerEntry]:
        people = {row.subject for row in page if row.subject is not None}
        keys, broken = self._keyring.load_each(self._session, people)
        entries = []
        for row in page:
            if row.subject in broken:
                self._findings.add(f"keys of entry {row.index}", "they do not open")
                continue
            try:
                entry = self._reader.entry(row, keys)
            except LedgerDamaged as e:
                self._findings.add(f"payload of entry {row.index}", e.detail)
                continue
            entries.append(entry)
            if entry.record is not None:
                self._on_record(entry.index, entry.record)
        return entries

    def _check_people(self, entries: Sequence[LedgerEntry]) -> None:
        numbers = sorted({e.subject for e in entries if e.subject is not None})
        columns = ("dense", "subject_id")
        ids = dict(select_among(self._session, SubjectRow, columns, "dense", numbers))
        for e in entries:
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
        by_source: dict[str, dict[str, LedgerEntry]] = {}
        for e in entries:
            if isinstance(e.record, Statement):
                by_source.setdefault(e.record.source_id, {})[e.record.source_event_id] = e
        for source, named in by_source.items():
            columns = ("source_event_id", "content", "entry")
            rows = select_among(
                self._session, SourceEventRow, columns, "source_event_id", sorted(named),
                source_id=source,
            )  # fmt: skip
            found = {name: (content, entry) for name, content, entry in rows}
            for name, e in named.items():
                if found.get(name) != (self._content(e), e.index):
                    what = "what is kept to know it again does not fit it"
                    self._findings.add(f"source of entry {e.index}", what)

    def _content(self, e: LedgerEntry) -> bytes:
        assert isinstance(e.record, Statement)
        return hmac.digest(self._content_key, event_content(e.record), "sha256")

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


class _Chains:
    """Each person's own chain of entries, in twelve bytes a person."""

    def __init__(self) -> None:
        self._count, self._last = SparseColumn("<i4", 0), SparseColumn("<i8", 0)

    def continues(self, subject: int, record: SubjectEntry, leaf_hash: bytes) -> bool:
        """Return whether the record is the next of its person's chain, and add it."""
        one = np.array([subject], dtype=np.uint32)
        count, last = int(self._count.get(one)[0]), int(self._last.get(one)[0])
        previous = 0 if record.previous is None else _begin(record.previous)
        self._count.put(one, count + 1)
        self._last.put(one, _begin(leaf_hash))
        return record.subject_seq == count + 1 and previous == last


def _begin(leaf_hash: bytes) -> int:
    return int.from_bytes(leaf_hash[:8], "big", signed=True)
