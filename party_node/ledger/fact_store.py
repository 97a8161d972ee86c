"""The facts of the ledger in the database: the state of consent, ready to be folded at any time.

Each append adds a row of sealed facts; small rows are brought together now and then. They follow
from the payloads and can be made from them again; but opening twenty million payloads takes an
hour, and reading their facts a few seconds. They tell about persons: an erasure rewrites every row
that holds one about the person.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from consent.errors import MalformedRecord
from consent.facts import FACT, Facts, What, Whats, no_facts, read_what, write_what
from party_node.database import insert_many
from party_node.errors import LedgerStateDamaged, SealBroken
from party_node.tables import FactsRow, WhatRow
from party_node.vault import Vault

MOST_ROWS = 256
"""So many rows with few facts are brought together into one."""
MANY_FACTS = 1 << 16
"""A row with so many is left as it is."""
LARGEST = 1 << 18
"""No row is made that has more."""
_COLUMNS = ("first", "facts", "lowest", "highest", "sealed")


class FactStore:
    """Facts and whats of one ledger."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._small = 0
        """Rows with few facts since rows were last brought together."""

    # -- reading -----------------------------------------------------------------------------------

    def load_whats(self, session: Session, whats: Whats) -> None:
        """Add the whats that are stored and not in `whats` yet.

        Raises: LedgerStateDamaged.
        """
        number = col(WhatRow.number)
        query = select(number, col(WhatRow.sealed)).where(number >= len(whats)).order_by(number)
        for found, sealed in session.execute(query):
            if whats.number(self.open_what(found, sealed)) != found:
                raise LedgerStateDamaged(f"what {found} of the ledger is missing or there twice")

    def load(self, session: Session, stop: int) -> Facts:
        """Return all facts, of which there must have been `stop`, without those that were erased.

        Raises: LedgerStateDamaged.
        """
        few = col(FactsRow.facts) < MANY_FACTS
        counted = select(func.count()).select_from(FactsRow).where(few)
        self._small = int(session.execute(counted).scalar_one())
        return self.after(session, -1, 0, stop)

    def after(self, session: Session, index: int, start: int = 0, stop: int | None = None) -> Facts:
        """Return the facts of the entries after `index`, in their order, but erased ones.

        Those before have numbers below `start`; with `stop`, none from there up to it may be
        missing. Rows may have been brought together since whoever asks looked last. Raises:
        LedgerStateDamaged.
        """
        first, facts = col(FactsRow.first), col(FactsRow.facts)
        query = select(*(col(getattr(FactsRow, c)) for c in _COLUMNS)).where(
            first + facts > start, col(FactsRow.highest) > index
        )
        parts, reached = [no_facts()], None
        for row in session.execute(query.order_by(first)):
            if reached is not None and row.first != reached:
                raise LedgerStateDamaged(f"the facts from number {reached} on are missing")
            if reached is None and stop is not None and row.first > start:
                raise LedgerStateDamaged(f"the facts from number {start} on are missing")
            found = self.open_row(row.first, row.facts, row.sealed)
            parts.append(found[found["index"] > index])
            reached = row.first + row.facts
        if stop is not None and (start if reached is None else reached) != stop:
            raise LedgerStateDamaged(f"the ledger has {stop} facts, and {reached} are stored")
        return np.concatenate(parts)

    # -- writing -----------------------------------------------------------------------------------

    def add(
        self,
        session: Session,
        facts: Facts,
        first: int,
        whats: Whats,
        stored: int,
        bearing: Sequence[int] | None = None,
    ) -> None:
        """Store facts, the first of which has that number, and the whats from number `stored` on.

        `bearing` are the entries that have these facts or had one until they were erased, where
        some were: numbers stay those that facts had. In the caller's transaction.
        """
        fresh = enumerate(whats.since(stored), stored)
        insert_many(
            session,
            WhatRow,
            ("number", "sealed"),
            [(n, self._vault.seal(_what_context(n), write_what(what))) for n, what in fresh],
        )
        of = facts["index"] if bearing is None else np.array(bearing, dtype=np.int64)
        rows = [
            self._row(first + start, facts, of[start : start + LARGEST])
            for start in range(0, len(of), LARGEST)
        ]
        insert_many(session, FactsRow, _COLUMNS, rows)
        self._small += sum(row[1] < MANY_FACTS for row in rows)
        if self._small >= MOST_ROWS:
            self._bring_together(session)

    def forget(self, session: Session, subject: int, indices: Sequence[int]) -> None:
        """Take the facts of these entries, all about `subject`, out of every row."""
        if not indices:
            return
        lowest, highest = col(FactsRow.lowest), col(FactsRow.highest)
        within = select(FactsRow).where(lowest <= max(indices), highest >= min(indices))
        for row in session.execute(within).scalars():
            facts = self.open_row(row.first, row.facts, row.sealed)
            kept = facts[facts["subject"] != subject]
            if len(kept) < len(facts):
                row.sealed = self._seal(row.first, row.facts, kept)
                session.add(row)
        session.flush()

    def clear(self, session: Session) -> None:
        """Take everything away, to be made again."""
        session.execute(delete(FactsRow))
        session.execute(delete(WhatRow))
        self._small = 0

    def count(self, session: Session) -> int:
        """Return how many rows of facts there are."""
        return int(session.execute(select(func.count()).select_from(FactsRow)).scalar_one())

    # -- inside ------------------------------------------------------------------------------------

    def _bring_together(self, session: Session) -> None:
        """Make few rows of the many small ones at the end."""
        first, facts = col(FactsRow.first), col(FactsRow.facts)
        last_large = select(func.max(first)).where(facts >= MANY_FACTS)
        start = session.execute(last_large).scalar_one()
        query = select(*(col(getattr(FactsRow, c)) for c in _COLUMNS)).order_by(first)
        if start is not None:
            query = query.where(first > start)
        rows = session.execute(query).all()
        if sum(row.facts for row in rows) > LARGEST:
            rows = rows[-MOST_ROWS:]
        opened = [self.open_row(row.first, row.facts, row.sealed) for row in rows]
        session.execute(delete(FactsRow).where(first >= rows[0].first))
        together = np.concatenate(opened)
        span = sum(row.facts for row in rows)
        sealed = self._seal(rows[0].first, span, together)
        lowest, highest = min(r.lowest for r in rows), max(r.highest for r in rows)
        insert_many(session, FactsRow, _COLUMNS, [(rows[0].first, span, lowest, highest, sealed)])
        self._small = 0

    def _row(
        self, first: int, facts: Facts, of: NDArray[np.int64]
    ) -> tuple[int, int, int, int, bytes]:
        """Return the row of those facts that are of these entries."""
        lowest, highest, index = int(of[0]), int(of[-1]), facts["index"]
        if len(index) and (index[0] < lowest or index[-1] > highest):
            facts = facts[(index >= lowest) & (index <= highest)]
        return first, len(of), lowest, highest, self._seal(first, len(of), facts)

    def _seal(self, first: int, span: int, facts: Facts) -> bytes:
        return self._vault.seal(_context(first, span), facts.tobytes())

    def open_row(self, first: int, span: int, sealed: bytes) -> Facts:
        """Return the facts of one stored row, which has the numbers from `first` on.

        Raises: LedgerStateDamaged.
        """
        try:
            data = self._vault.open(_context(first, span), sealed)
        except SealBroken as e:
            raise LedgerStateDamaged(f"the facts from number {first} on were changed") from e
        if len(data) % FACT.itemsize or len(data) > span * FACT.itemsize:
            raise LedgerStateDamaged(f"the facts from number {first} on have another length")
        return np.frombuffer(data, dtype=FACT)

    def open_what(self, number: int, sealed: bytes) -> What:
        """Return one stored what.

        Raises: LedgerStateDamaged.
        """
        try:
            return read_what(self._vault.open(_what_context(number), sealed))
        except (SealBroken, MalformedRecord) as e:
            raise LedgerStateDamaged(f"what {number} of the ledger was changed") from e


def _context(first: int, span: int) -> str:
    return f"ledger-facts/{first}/{span}"


def _what_context(number: int) -> str:
    return f"ledger-what/{number}"
