"""Checking what the ledger keeps of what its entries come to: head, tiles, facts, whats.

Each of them follows from the entries alone, so each is compared with what they come to.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from consent.facts import Facts, no_facts
from consent.right_edge import RightEdge
from consent.tiles import TILE_HEIGHT, Tile
from party_node.errors import LedgerDamaged, LedgerStateDamaged
from party_node.identity import NOBODY
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_entries import EntryPass
from party_node.ledger.inspected import Checkable
from party_node.ledger.raw_rows import rows
from party_node.ledger.state import Reach, policy_after
from party_node.tables import FactsRow, HeadRow, TileRow, WhatRow


class StateCheck:
    """Compares what is stored with what one pass over the entries came to."""

    def __init__(self, session: Session, ledger: Checkable, findings: Findings) -> None:
        self._session, self._ledger, self._findings = session, ledger, findings

    # -- tree --------------------------------------------------------------------------------------

    def tile(self, tile: Tile, expected: bytes) -> None:
        """Compare one full tile."""
        found = self._ledger.store.tiles.read_in(self._session, tile.level, tile.number)
        if not found:
            self._findings.add(tile.path, "it is missing")
        elif found != expected:
            self._findings.add(tile.path, "it is not what the leaves come to")

    def surplus_tiles(self, size: int) -> None:
        """Find tiles that a tree of that size does not have."""
        for level, number in rows(self._session, TileRow, "level", "number"):
            if level < 0 or not 0 <= number < size >> TILE_HEIGHT * (level + 1):
                self._findings.add(f"tile of level {level}, number {number}", "it is of no tree")

    def reach(self, entries: EntryPass, edge: RightEdge) -> Reach | None:
        """Compare the ledger's own statement of how far it is; return it if it can be read."""
        ones = [one for (one,) in rows(self._session, HeadRow, "one")]
        try:
            reach = self._ledger.store.reach(self._session)
        except LedgerDamaged as e:
            self._findings.add("ledger head", e.detail)
            return None
        if ones != ([1] if entries.size else []):
            self._findings.add("ledger head", "it is missing, or there is another")
            return None
        for index in range(entries.size, min(reach.size, entries.size + 1)):
            self._findings.add(f"entry {index}", "it is missing")
        if (edge.size, edge.root()) != (reach.size, reach.root):
            self._findings.add("ledger head", "the entries do not lead to the root that it names")
        policy = policy_after(None, (record for _, record in entries.milestones))
        if (entries.newest_ms, policy) != (reach.newest_ms, reach.policy):
            self._findings.add("ledger head", "it names another time or policy than the entries")
        return reach

    # -- facts -------------------------------------------------------------------------------------

    def facts(self, entries: EntryPass, facts: Facts, reach: Reach | None) -> None:
        """Compare the stored facts with those that the payloads come to."""
        numbers = self._whats(entries, reach)
        bearing, parts, expected = np.sort(entries.with_facts()), [no_facts()], 0
        columns = ("first", "facts", "lowest", "highest", "sealed")
        for first, span, lowest, highest, sealed in rows(self._session, FactsRow, *columns):
            where = f"facts from number {first}"
            if first != expected:
                self._findings.add(where, f"those from number {expected} on should come before")
            expected = first + span
            own = bearing[first:expected]
            if len(own) != span or not span or (lowest, highest) != (own[0], own[-1]):
                self._findings.add(where, "the row says that they are of other entries")
            try:
                parts.append(self._ledger.store.facts.open_row(first, span, sealed))
            except LedgerStateDamaged as e:
                self._findings.add(where, e.detail)
                facts = facts[~np.isin(facts["index"], own)]
        if len(bearing) != expected or (reach is not None and reach.facts != expected):
            self._findings.add("facts", "there are more or fewer than the entries have")
        erased = np.array([i for some in entries.erased.values() for i in some], dtype=np.int64)
        unread = np.array(entries.unread, dtype=np.int64)
        self._compare(np.concatenate(parts), facts, numbers, erased, unread)

    def _compare(
        self,
        stored: Facts,
        facts: Facts,
        numbers: Mapping[int, int],
        erased: NDArray[np.int64],
        unread: NDArray[np.int64],
    ) -> None:
        """Compare fact by fact; `numbers` says what number of this pass a stored what has."""
        stored, facts = np.sort(stored, order="index"), np.sort(facts, order="index")
        gone = np.isin(stored["index"], erased)
        self._add_each(stored["index"][gone], "it is there, and the entry was erased")
        stored = stored[~gone & ~np.isin(stored["index"], unread)]
        differ = np.setxor1d(stored["index"], facts["index"])
        self._add_each(differ, "it is missing, or of no entry")
        stored = stored[~np.isin(stored["index"], differ)]
        facts = facts[~np.isin(facts["index"], differ)]
        if len(stored) != len(facts):
            self._findings.add("facts", "there are two of one entry")
            return
        whats = np.array([numbers.get(n, -1) for n in stored["what"].tolist()], dtype=np.int64)
        # Of a merge with somebody who was erased since, the number is not known any more.
        wrong = (stored["until"] != facts["until"]) & (facts["until"] != NOBODY)
        wrong |= whats != facts["what"]
        for name in ("recorded", "time", "subject"):
            wrong |= stored[name] != facts[name]
        self._add_each(facts["index"][wrong], "it says something else than the payload")

    def _add_each(self, indices: NDArray[np.int64], what: str) -> None:
        for index in indices.tolist():
            self._findings.add(f"fact of entry {index}", what)

    def _whats(self, entries: EntryPass, reach: Reach | None) -> dict[int, int]:
        """Compare the stored whats; return the number of this pass for each that occurred in it."""
        numbers: dict[int, int] = {}
        occurred = {what: number for number, what in enumerate(entries.whats.since(0))}
        expected, sound = 0, not self._findings
        for number, sealed in rows(self._session, WhatRow, "number", "sealed"):
            where = f"what {number}"
            if number != expected:
                self._findings.add(where, f"number {expected} should come before")
            expected = number + 1
            try:
                what = self._ledger.store.facts.open_what(number, sealed)
            except LedgerStateDamaged as e:
                self._findings.add(where, e.detail)
                continue
            if what in occurred:
                numbers[number] = occurred[what]
            elif sound and not entries.erased:
                self._findings.add(where, "no entry says it")
        if reach is not None and reach.whats != expected:
            self._findings.add("whats", "there are more or fewer than the ledger had")
        return numbers
