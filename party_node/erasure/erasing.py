"""Erasing one person: payloads, salts, keys, identifiers and every trace in sets and caches.

    1. one transaction   the erasure becomes an entry; what is about the person goes with it
    2. memory            the person leaves the projection
    3. files             rows of dataset indexes
    4. bytes             the write-ahead log is emptied, so that nothing deleted is left in it

The erasure holds from the first step on. What keeps the others from being done (the end of the
process, a full disk, somebody who still reads the old state) only delays them: until all are done
the erasure is *pending*, and is finished at the next start, or by the steward.

What a law asks to be kept is sealed away first, under another key (`holds.py`): for the node it is
erased like the rest.

Leaves, proofs and checkpoints stay valid. The erasure commits to which entries it took, so that
"erased" can be told from "lost". A second erasure finds nobody and changes nothing.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap
from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from consent.fields import Entry
from consent.milestones import Erasure, OperatorAction
from consent.projection import commit_set
from party_node.database import in_batches
from party_node.erasure.holds import HoldOrder, Holds
from party_node.erasure.pending import open_pending, seal_pending
from party_node.errors import NodeError
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.observability import log
from party_node.persons import entries_of_person
from party_node.suppression import Suppression
from party_node.tables import (
    EntryRow,
    ErasureRow,
    PayloadRow,
    SourceEventRow,
    SubjectKeyRow,
    SubjectRow,
)
from party_node.webhooks.events import EventType, Value
from party_node.webhooks.outbox import Outbox
from protocols.session import Rng

_REQUEST = re.compile("[0-9a-f]{32}")
Forget = Callable[[Session, int, str], None]
"""Takes a person (number, record id) out of one table, in the transaction of the erasure."""
Also = Callable[[Session, int], None]
"""What else happens in the transaction of the erasure; gets the index of its entry."""
Clean = Callable[[int], None]
"""Takes a person out of files; called after the commit, and again if that was interrupted."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took."""

    entry: int | None
    """Index of the erasure's own entry; None if there was nobody to erase."""
    entries: int
    records: int
    """Records of persons that were erased: more than one where records had been merged."""
    held: int = 0
    """Payloads that were sealed away, counted for each ground."""
    finished: bool = True
    """False while files or deleted bytes are left; the node goes on with them by itself."""


class Erasing:
    """Erases people; one for each node."""

    def __init__(
        self,
        ledger: ConsentLedger,
        identity: Identity,
        rng: Rng,
        forgets: Sequence[Forget],
        cleans: Sequence[Clean],
        outbox: Outbox | None = None,
    ) -> None:
        self._ledger, self._identity, self._rng = ledger, identity, rng
        self._suppression, self._holds = Suppression(ledger.vault), Holds(ledger, rng)
        self._outbox = outbox
        self._forgets, self._cleans = tuple(forgets), tuple(cleans)

    def erase(
        self,
        subject: int,
        request_id: str,
        holds: Sequence[HoldOrder] = (),
        also: Also | None = None,
        by: str | None = None,
    ) -> Erased:
        """Erase the person with this number, and every record that was merged into theirs.

        With `by`, another entry says who did it.

        With `holds`, some payloads stay, sealed so that two roles must open them. Returns once
        nothing else is left, or says that it is not finished. Raises: DiskFull, LedgerMoved,
        LedgerDamaged; NobodyInRole, IllegalState for a hold that cannot be; then nothing is erased.
        """
        with self._ledger.hold() as head:
            erased = self._commit(head, subject, request_id, holds, also, by)
        # Not while the ledger is held: it may have to wait for those who still read.
        return replace(erased, finished=self.try_to_finish())

    def _commit(
        self,
        head: Head,
        subject: int,
        request_id: str,
        holds: Sequence[HoldOrder],
        also: Also | None,
        by: str | None,
    ) -> Erased:
        """Erase in the database and in memory; the ledger is held."""
        current = head.projection.current(subject)
        records = entries_of_person(self._ledger, self._identity, current)
        ids = self._identity.subject_ids(records)
        if not ids:
            return Erased(None, 0, 0)
        indices, fingerprint = self._entries(ids)
        opened = sorted((e for of in records.values() for e in of), key=lambda e: e.index)
        kept = self._holds.plan(opened, request_id, holds)
        salt = self._rng(32)
        record = Erasure(
            request_id=request_id,
            erased_at_ms=self._ledger.now(),
            entries=len(indices),
            entries_commitment=commit_set(BitMap(indices), salt),
            key_fingerprint=fingerprint,
            holds=kept.records,
        )

        def take(session: Session, at: list[int]) -> None:
            pending = seal_pending(self._ledger.vault, at[0], ids)
            session.add(ErasureRow(entry=at[0], request_id=request_id, salt=salt, pending=pending))
            session.flush()  # what is suppressed is counted in it
            for dense, subject_id in ids.items():
                self._take(session, dense, subject_id, indices, at[0])
            self._mark(session, indices, at[0])
            kept.keep(session, at[0])
            self._tell(session, ids, request_id, at[0])
            if also is not None:
                also(session, at[0])

        written: list[Entry] = [record]
        if by is not None:
            written.append(
                OperatorAction(
                    action="erased",
                    by=by,
                    at_ms=record.erased_at_ms,
                    detail=f"request {request_id}",
                )
            )
        entry, *_ = self._ledger.append(written, at_size=head.size, also=take)
        for dense in ids:
            head.projection.forget(dense)
        return Erased(entry, len(indices), len(ids), sum(h.entries for h in kept.records))

    def _tell(self, session: Session, ids: dict[int, str], request_id: str, entry: int) -> None:
        """Tell other systems whom to erase too: by the record id, which is nobody's from now on."""
        if self._outbox is not None:
            for subject_id in ids.values():
                data: dict[str, Value] = {"subject": subject_id, "index": entry}
                if _REQUEST.fullmatch(request_id):
                    data["request"] = request_id
                self._outbox.enqueue(session, EventType.SUBJECT_ERASED, data, self._ledger.now())

    def finish(self) -> bool:
        """Do what is left of the erasures that are committed; return whether nothing is.

        Raises: DiskFull, DatabaseUnreachable.
        """
        database = self._ledger.database
        with database.reading() as session:
            left = select(ErasureRow).where(col(ErasureRow.pending) != "")
            rows = session.execute(left).scalars().all()
        if not rows:
            return True
        for row in rows:
            for dense in open_pending(self._ledger.vault, row.entry, row.pending):
                for clean in self._cleans:
                    clean(dense)
        # First the bytes, then the mark: one that dies in between finds the erasure pending.
        if not database.scrub():
            return False
        with database.writing() as session:
            for row in rows:
                session.get_one(ErasureRow, row.entry).pending = ""
        return True

    def try_to_finish(self) -> bool:
        """Do as `finish`; what cannot be done now is left for later, and logged."""
        try:
            finished = self.finish()
        except NodeError as e:
            log.warning("erasure-unfinished", cause=e.code, hint=e.hint)
            return False
        if not finished:
            log.warning("erasure-unfinished", cause="still-read")
        return finished

    def _entries(self, ids: dict[int, str]) -> tuple[list[int], bytes]:
        """Return the indices of their entries, and the fingerprint of their tag keys."""
        with self._ledger.database.reading() as session:
            own = select(col(EntryRow.index)).where(col(EntryRow.subject).in_(ids))
            indices = sorted(session.execute(own).scalars())
            keys = self._ledger.keyring.load(session, ids)
        tags = b"".join(keys[dense].tag_key for dense in sorted(keys))
        return indices, hashlib.sha256(tags).digest()

    def _take(
        self, session: Session, dense: int, subject_id: str, indices: list[int], entry: int
    ) -> None:
        for forget in self._forgets:
            forget(session, dense, subject_id)
        self._ledger.store.facts.forget(session, dense, indices)
        self._suppression.suppress(session, dense, entry)
        session.execute(delete(SubjectKeyRow).where(col(SubjectKeyRow.subject) == dense))
        session.execute(delete(SubjectRow).where(col(SubjectRow.dense) == dense))

    def _mark(self, session: Session, indices: list[int], entry: int) -> None:
        for part in in_batches(indices):
            session.execute(delete(PayloadRow).where(col(PayloadRow.index).in_(part)))
            session.execute(delete(SourceEventRow).where(col(SourceEventRow.entry).in_(part)))
            mark = update(EntryRow).where(col(EntryRow.index).in_(part))
            session.execute(mark.values(subject=None, erased=entry))
