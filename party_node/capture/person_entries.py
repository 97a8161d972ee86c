"""What the ledger holds about one person, in two parts: signals, and everything else.

Of signals there can be one a day for years; what follows from them is among the rest, and short.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement
from sqlmodel import col

from consent.decision import LoggedEntry
from consent.ledger import parse_leaf
from consent.signal_records import SignalConcluded, SignalReceived
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.explaining import logged
from party_node.persons import entries_of_person
from party_node.tables import EntryRow

_SIGNALS = (SignalReceived.TYPE, SignalConcluded.TYPE)


class PersonEntries:
    """Reads the entries about one person at a time."""

    def __init__(self, ledger: ConsentLedger, identity: Identity) -> None:
        self._ledger, self._identity = ledger, identity

    def said(self, dense: int) -> list[LoggedEntry]:
        """Return everything about a person but signals, in order, of all records that they have.

        Raises: LedgerDamaged.
        """
        records = entries_of_person(self._ledger, self._identity, dense, but=_SIGNALS)
        entries = [entry for of_record in records.values() for entry in of_record]
        return logged(sorted(entries, key=lambda e: e.index))

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
