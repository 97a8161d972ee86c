"""Checking everything about the ledger that can be checked, and saying what is wrong and where.

    entries      leaf, place, kind, time; payload, commitment, tag, keys; chains; sources
    tree         every tile against the leaves; every checkpoint against the tree, the log's key
                 and the witnesses of the trust policy
    state        facts and whats against the payloads; the ledger's statement of its own length
    snapshots    the state folded again at each size that a snapshot was logged for
    decisions    the sets that the gate kept against the commitments in its use records
    people       rows of persons and identifiers against their keyed digests
    policies     documents and notices against their hashes
    erasures     what is marked as erased, and what is held, against what the erasure says
    requests     people's requests against their entries
    rows         what decides beside the log against its stamp: roles, emergency approvals, uses,
                 budgets, tokens of erased people and more; the first three also against entries

A single flipped bit in any of these is found. It opens every payload: half a million entries a
minute on one core. Memory: 80 bytes a fact and 12 a person. It reads one snapshot of the database,
holds no lock of the ledger, and changes nothing.
"""

import contextlib
from collections.abc import Callable

import numpy as np
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from consent.errors import ConsentError
from consent.facts import no_facts
from consent.merkle import ProofTree, hash_leaves
from consent.milestones import StateSnapshot
from consent.note import parse_vkey
from consent.right_edge import RightEdge
from consent.tiled_tree import TiledTree
from party_node.errors import CheckInterrupted, NodeError
from party_node.identity import Identity
from party_node.ledger.checkpoint_checks import damaged_checkpoints, witnesses_of
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_beside import BesideCheck
from party_node.ledger.fsck_budget import BudgetCheck
from party_node.ledger.fsck_entries import EntryPass
from party_node.ledger.fsck_rows import RowCheck
from party_node.ledger.fsck_snapshots import check_snapshots
from party_node.ledger.fsck_state import StateCheck
from party_node.ledger.inspected import Checkable
from party_node.ledger.state import Reach
from party_node.ledger.trust_policy import TrustPolicy
from party_node.stamps import as_it_lies

Watch = Callable[[int], None]
"""Is told how many entries were looked at; what it raises ends the check."""


def fsck(
    ledger: Checkable,
    identity: Identity,
    trust: TrustPolicy | None = None,
    watch: Watch = lambda _entries: None,
) -> Findings:
    """Check everything that is committed; return what does not fit.

    With `trust`, cosignatures of the witnesses in it are verified too.
    """
    findings = Findings()
    with ledger.database.reading() as session:
        as_it_lies(session)
        _Fsck(session, ledger, identity, trust, findings).run(watch)
    return findings


class _Fsck:
    def __init__(
        self,
        session: Session,
        ledger: Checkable,
        identity: Identity,
        trust: TrustPolicy | None,
        findings: Findings,
    ) -> None:
        self._session, self._ledger, self._identity = session, ledger, identity
        self._trust, self._findings = trust, findings
        self._entries = EntryPass(session, ledger, findings)
        self._state = StateCheck(session, ledger, findings)
        self._beside = BesideCheck(session, ledger, findings, self._entries)
        self._rows = RowCheck(session, ledger.vault, findings, self._entries)
        self._budget = BudgetCheck(session, findings, self._entries)
        self._edge, self._facts = RightEdge(), no_facts()
        self._reach: Reach | None = None

    def run(self, watch: Watch) -> None:
        self._try("database", self._database)
        if not self._try("entries", lambda: self._walk(watch)):
            return  # everything else is compared with them
        self._try("entries", self._entries.finish)
        self._try("ledger head", self._head)
        self._try("tiles", lambda: self._state.surplus_tiles(self._edge.size))
        self._try("facts", lambda: self._state.facts(self._entries, self._facts, self._reach))
        self._try("people", lambda: self._beside.people(self._identity))
        self._try("payloads", self._beside.payloads)
        self._try("policies", self._beside.policies)
        self._try("notices", self._beside.notices)
        self._try("erasures", self._beside.erasures)
        self._try("holds", self._beside.holds)
        self._try("requests", self._beside.requests)
        self._try("stamps", self._rows.stamps)
        self._try("roles", self._rows.roles)
        self._try("emergencies", self._rows.emergencies)
        self._try("uses", self._rows.uses)
        self._try("charges", self._budget.charges)
        self._try("accounts", self._budget.accounts)
        self._try("lineages", self._budget.lineages)
        self._try("renewals", self._budget.renewals)
        self._try("answers", self._budget.answers)
        self._try("suppressions", self._rows.suppressions)
        self._try("checkpoints", self._checkpoints)
        self._try("snapshots", self._snapshots)

    def _try(self, where: str, check: Callable[[], None]) -> bool:
        """Run one check; return whether it came to its end."""
        try:
            check()
        except CheckInterrupted:
            raise
        except (NodeError, ConsentError) as e:
            self._findings.add(where, str(e))
        except DBAPIError as e:
            self._findings.add(where, f"it cannot be read: {type(e.orig).__name__}")
        except (TypeError, ValueError, LookupError, ArithmeticError) as e:
            # A value that no such column ever holds.
            self._findings.add(where, f"it cannot be read: {type(e).__name__}")
        else:
            return True
        return False

    def _database(self) -> None:
        if self._ledger.database.dialect == "sqlite":
            for (said,) in self._session.execute(text("PRAGMA integrity_check(10)")):
                if said != "ok":
                    self._findings.add("database", said.splitlines()[0])

    def _walk(self, watch: Watch) -> None:
        """Check the entries, and the tree that they make, in one pass."""
        parts = [no_facts()]
        for leaves, facts in self._entries.pages():
            parts.append(facts)
            for tile, data in self._edge.extend(hash_leaves(leaves)):
                self._state.tile(tile, data)
            self._findings.entries = self._entries.size
            watch(self._entries.size)
        self._facts = np.concatenate(parts)

    def _head(self) -> None:
        self._reach = self._state.reach(self._entries, self._edge)

    def _checkpoints(self) -> None:
        witnesses = None if self._trust is None else witnesses_of(self._session, self._trust)
        log = parse_vkey(self._ledger.vkey)
        for where, what in damaged_checkpoints(self._session, self._tree(), log, witnesses):
            self._findings.add(where, what)

    def _tree(self) -> ProofTree:
        """Return the tree as it is stored; if that cannot be, the one that the leaves make."""
        tiles, reach = self._ledger.store.tiles, self._reach
        if reach is not None:
            with contextlib.suppress(ConsentError):
                return tiles.resume(self._session, reach.size, reach.root)
        edges = {tile.level: data for tile, data in self._edge.partial()}
        return TiledTree.resume(self._edge.size, edges, tiles.read, root=self._edge.root())

    def _snapshots(self) -> None:
        snapshots = [
            (index, record)
            for index, record in self._entries.milestones
            if isinstance(record, StateSnapshot)
        ]
        check_snapshots(
            self._session, self._findings, snapshots, self._facts, self._entries.whats,
            self._entries.erased,
        )  # fmt: skip
