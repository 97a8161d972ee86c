"""Checking everything about the ledger that can be checked, and saying what is wrong and where.

    entries      leaf, place, kind, time; payload, commitment, tag, keys; chains; sources
    tree         every tile against the leaves; every checkpoint against the tree
    state        facts and whats against the payloads; the ledger's statement of its own length
    snapshots    the state folded again at each size that a snapshot was logged for
    people       rows of persons and identifiers against their keyed digests
    policies     documents and notices against their hashes
    erasures     what is marked as erased against what the erasure says

A single flipped bit in any of these is found. It opens every payload: half a million entries a
minute on one core. Memory: 80 bytes a fact and 12 a person. It changes nothing.
"""

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from consent.errors import ConsentError
from consent.facts import Facts, Whats, no_facts
from consent.fields import Entry
from consent.merkle import hash_leaves
from consent.milestones import Erasure, LedgerOpened, PolicyChanged, StateSnapshot
from consent.projection import Projection, commit_set
from consent.right_edge import RightEdge
from consent.tiles import Tile
from party_node.errors import NodeError
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_entries import EntryPass
from party_node.ledger.policies import all_policies, load_notice, load_policy
from party_node.ledger.state import Reach
from party_node.tables import ErasureRow, NoticeRow


def fsck(ledger: ConsentLedger, identity: Identity) -> Findings:
    """Check everything that is committed; return what does not fit."""
    findings = Findings()
    with ledger.database.reading() as session:
        _Fsck(session, ledger, identity, findings).run()
    return findings


class _Fsck:
    def __init__(
        self, session: Session, ledger: ConsentLedger, identity: Identity, findings: Findings
    ) -> None:
        self._session, self._ledger, self._identity = session, ledger, identity
        self._findings = findings
        self._milestones: list[tuple[int, Entry]] = []
        self._folded = no_facts()
        self._entries = EntryPass(
            session, ledger.reader, ledger.keyring, ledger.controller, ledger.content_key,
            findings, self._on_record,
        )  # fmt: skip

    def run(self) -> None:
        for check in (
            self._database, self._tree, self._people, self._policies, self._erasures,
            self._checkpoints, self._snapshots,
        ):  # fmt: skip
            try:
                check()
            except DBAPIError as e:
                self._findings.add("database", f"it cannot be read: {type(e.orig).__name__}")
            except (NodeError, ConsentError) as e:
                self._findings.add("ledger", str(e))

    def _on_record(self, index: int, record: Entry) -> None:
        if isinstance(record, Erasure | LedgerOpened | PolicyChanged | StateSnapshot):
            self._milestones.append((index, record))

    def _database(self) -> None:
        if self._ledger.database.dialect == "sqlite":
            for (said,) in self._session.execute(text("PRAGMA integrity_check(10)")):
                if said != "ok":
                    self._findings.add("database", said.splitlines()[0])

    # -- entries, tree, facts ----------------------------------------------------------------------

    def _tree(self) -> None:
        """Check entries and tree in one pass, then what is stored of the facts."""
        reach, edge, parts = self._ledger.store.reach(self._session), RightEdge(), [no_facts()]
        for leaves, facts in self._entries.pages():
            parts.append(facts)
            for tile, data in edge.extend(hash_leaves(leaves)):
                self._tile(tile, data)
        if (edge.size, edge.root()) != (reach.size, reach.root):
            self._findings.add("ledger head", "the entries do not lead to the root that it names")
        self._compare(np.concatenate(parts), reach)

    def _tile(self, tile: Tile, data: bytes) -> None:
        found = self._ledger.store.tiles.read_in(self._session, tile.level, tile.number)
        if not found:
            self._findings.add(tile.path, "it is missing")
        elif found != data:
            self._findings.add(tile.path, "it is not what the leaves come to")

    def _compare(self, facts: Facts, reach: Reach) -> None:
        """Compare the stored facts with those that the payloads come to."""
        whats = Whats()
        self._ledger.store.facts.load_whats(self._session, whats)
        stored = self._ledger.store.facts.load(self._session, reach.facts).copy()
        translated = [self._entries.whats.number(what) for what in whats.since(0)]
        stored["what"] = np.array(translated, dtype=np.uint32)[stored["what"]]
        stored, facts = np.sort(stored, order="index"), np.sort(facts, order="index")
        for index in np.setxor1d(stored["index"], facts["index"]).tolist():
            self._findings.add(f"fact of entry {index}", "it is missing, or of no entry")
        both = np.isin(facts["index"], stored["index"])
        facts, stored = facts[both], stored[np.isin(stored["index"], facts["index"])]
        for index in facts["index"][facts != stored].tolist():
            self._findings.add(f"fact of entry {index}", "it says something else than the payload")
        self._folded = facts

    # -- beside the log ----------------------------------------------------------------------------

    def _people(self) -> None:
        for where, what in self._identity.checks.damaged(self._session):
            self._findings.add(where, what)

    def _policies(self) -> None:
        for row in all_policies(self._session):
            try:
                load_policy(self._session, row.digest)
            except NodeError as e:
                self._findings.add(f"policy of entry {row.entry}", e.detail)
        known = {row.digest for row in all_policies(self._session)}
        for index, record in self._milestones:
            if isinstance(record, LedgerOpened | PolicyChanged) and record.policy_hash not in known:
                self._findings.add(f"policy of entry {index}", "its document is missing")
        for digest in self._session.execute(select(col(NoticeRow.notice_hash))).scalars():
            try:
                load_notice(self._session, digest)
            except NodeError as e:
                self._findings.add("notices", e.detail)

    def _erasures(self) -> None:
        """What is marked as erased must be what the erasure committed to, no more and no less."""
        said = {i: r for i, r in self._milestones if isinstance(r, Erasure)}
        for index, entries in sorted(self._entries.erased.items()):
            if index not in said:
                where = ", ".join(map(str, entries[:5]))
                self._findings.add(f"entries {where}", f"entry {index} did not erase them")
        for index, erasure in said.items():
            row = self._session.get(ErasureRow, index)
            marked = BitMap(self._entries.erased.get(index, []))
            if row is None or commit_set(marked, row.salt) != erasure.entries_commitment:
                self._findings.add(
                    f"erasure of entry {index}", "other entries are marked than it erased"
                )

    def _checkpoints(self) -> None:
        reach = self._ledger.store.reach(self._session)
        tree = self._ledger.store.tiles.resume(self._session, reach.size, reach.root)
        for where, what in self._ledger.checkpoints.damaged(self._session, tree):
            self._findings.add(where, what)

    def _snapshots(self) -> None:
        """Fold the state again at every size that a snapshot was logged for."""
        for index, record in self._milestones:
            if isinstance(record, StateSnapshot) and not self._erased_since(record):
                vocabulary = load_policy(self._session, record.policy_hash)
                projection = Projection(vocabulary, self._entries.whats)
                facts = self._folded
                projection.take_in(facts[facts["index"] < record.tree_size])
                if projection.digest() != record.projection:
                    self._findings.add(
                        f"snapshot of entry {index}",
                        "the state that decided then is not what the entries come to",
                    )

    def _erased_since(self, snapshot: StateSnapshot) -> bool:
        """Return whether somebody who was in the snapshot was erased after it."""
        return any(
            erasure >= snapshot.tree_size and min(entries) < snapshot.tree_size
            for erasure, entries in self._entries.erased.items()
        )
