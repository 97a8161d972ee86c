"""What the ledger holds about one person, in two parts: signals, and everything else.

Of signals there can be one a day for years; what follows from them is among the rest, and short.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement
from sqlmodel import col

from consent.decision import LoggedEntry
from consent.ledger import parse_leaf
from consent.signal_records import SignalConcluded, SignalReceived
from consent.statements import SubjectEntry
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.tables import EntryRow

_SIGNALS = (SignalReceived.TYPE, SignalConcluded.TYPE)


class PersonEntries:
    """Reads the entries about one person at a time."""

    def __init__(self, ledger: ConsentLedger) -> None:
        self._ledger = ledger

    def said(self, dense: int) -> list[LoggedEntry]:
        """Return everything about a person but signals, in order.

        Raises: LedgerDamaged.
        """
        return [
            LoggedEntry(e.index, e.recorded_ms, e.record)
            for e in self._read(_about(dense), col(EntryRow.type).not_in(_SIGNALS))
            if isinstance(e.record, SubjectEntry)
        ]

    def last_signals(self, start: int) -> list[LedgerEntry]:
        """Return the signals and conclusions about anybody, from an index on.

        Raises: LedgerDamaged.
        """
        return list(self._read(col(EntryRow.type).in_(_SIGNALS), col(EntryRow.index) >= start))

    def signals(self, dense: int, since_ms: int = 0) -> list[LedgerEntry]:
        """Return the signals about a person and their conclusions, in order.

        Raises: LedgerDamaged.
        """
        recorded = col(EntryRow.recorded_ms) >= since_ms
        return list(self._read(_about(dense), col(EntryRow.type).in_(_SIGNALS), recorded))

    def _read(self, *where: ColumnElement[bool]) -> Iterator[LedgerEntry]:
        with self._ledger.database.reading() as session:
            yield from self._ledger.reader.read(session, *where)


def _about(dense: int) -> ColumnElement[bool]:
    return col(EntryRow.subject) == dense


def entry_id(entry: LedgerEntry) -> str:
    """Return the id that other entries name this one by."""
    return parse_leaf(entry.leaf).entry_id


def conclusions(entries: Iterable[LedgerEntry]) -> dict[str, list[SignalConcluded]]:
    """Return what was concluded, by the entry id of the signal."""
    found: dict[str, list[SignalConcluded]] = {}
    for entry in entries:
        if isinstance(entry.record, SignalConcluded):
            found.setdefault(entry.record.signal_entry, []).append(entry.record)
    return found
