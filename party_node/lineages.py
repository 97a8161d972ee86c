"""Lineages: which datasets are about the same people, so that a new name opens no new budget.

A dataset keeps its lineage when it is registered again, whatever is in the file then. A dataset of
a new name begins one, unless a tenth or more of it is known:

    |people of both| · 10 ≥ the smaller of the two

then both are one lineage from there on, and so are all that were of either. Compared is with
everybody who was ever in a dataset, so that neither a file that is emptied and filled under
another name, nor one that is cut into pieces, begins anew. Lineages only ever grow together: what
was spent on one person in two of them adds up. Below a tenth the few that are in both have two
budgets (ADR 16 says why that is accepted).

Who was in a dataset is kept as a bitmap, sealed; an erased person is taken out.
"""

from collections.abc import Iterable

from pyroaring import BitMap
from sqlmodel import Session, col, select

from party_node.accounts import EVERY
from party_node.budget_tables import LineageRow
from party_node.clock import Clock
from party_node.errors import UnknownDataset
from party_node.vault import Vault

SHARE = 10
"""One in so many of the smaller dataset in both: then they are of one lineage."""


class Lineages:
    """The lineages of one node; everything happens in the caller's transaction."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock

    def join(self, session: Session, dataset: str, people: BitMap) -> str:
        """Take up that these people are in a dataset now; return the name of its lineage."""
        rows = {row.dataset: row for row in session.exec(select(LineageRow))}
        mine = rows.get(dataset)
        if mine is None:
            mine = LineageRow(dataset=dataset, lineage=dataset, people=b"", since_ms=self._clock())
            rows[dataset] = mine
            ever = BitMap(people)
        else:
            ever = self._open(mine) | people
        mine.people = self._vault.seal(_context(dataset), ever.serialize())
        session.add(mine)
        one = {mine.lineage} | {
            row.lineage for row in rows.values() if row is not mine and _same(ever, self._open(row))
        }
        return _unite(session, [row for row in rows.values() if row.lineage in one])

    def forget(self, session: Session, people: BitMap) -> None:
        """Take erased people out of what is remembered."""
        for row in session.exec(select(LineageRow)):
            ever = self._open(row)
            if ever & people:
                left = ever - people
                row.people = self._vault.seal(_context(row.dataset), left.serialize())
                session.add(row)

    def _open(self, row: LineageRow) -> BitMap:
        return BitMap.deserialize(self._vault.open(_context(row.dataset), row.people))


def lineage_of(session: Session, dataset: str) -> str:
    """Return the name of a dataset's lineage; of `EVERY` it is `EVERY`.

    Raises: UnknownDataset if it was never registered; RowChanged.
    """
    if dataset == EVERY:
        return EVERY
    row = session.get(LineageRow, dataset)
    if row is None:
        raise UnknownDataset(f"no dataset is called {dataset!r}")
    return row.lineage


def names_of(session: Session, lineage: str) -> frozenset[str]:
    """Return every dataset of a lineage: one of them gave it its name, others gave it theirs
    before they became one.
    """
    rows = session.exec(select(LineageRow).where(col(LineageRow.lineage) == lineage))
    return frozenset(row.dataset for row in rows)


def _same(one: BitMap, other: BitMap) -> bool:
    both = one.intersection_cardinality(other)
    return both > 0 and both * SHARE >= min(len(one), len(other))


def _unite(session: Session, rows: Iterable[LineageRow]) -> str:
    """Let these be one lineage, under the name of the one that began first."""
    found = sorted(rows, key=lambda row: (row.since_ms, row.dataset != row.lineage, row.dataset))
    name = found[0].lineage
    for row in found:
        if row.lineage != name:
            row.lineage = name
            session.add(row)
    return name


def _context(dataset: str) -> str:
    return f"dataset-lineage/{dataset}"
