"""Putting a policy in force, and what was in force when.

Looking ahead and doing it are one function: `dry_run` stops before anything is written. What was
published by `accord notice publish` stays, whatever the file says. A purpose cannot go while a
collaboration in force names it and people said yes to it: the other party would ask, and this
node could no longer answer by what its people said.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import col, select

from consent.milestones import LedgerOpened, PolicyChanged
from consent.vocabulary import Vocabulary
from party_node.clock import Clock
from party_node.collaborations import Collaborations
from party_node.errors import LedgerMoved
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.policies import load_policy
from party_node.policy.differences import Change, Step, differences
from party_node.policy.effects import Effects, effects
from party_node.policy.errors import PurposeInUse
from party_node.policy.reading import read_policy
from party_node.tables import EntryRow


@dataclass(frozen=True, slots=True)
class Applied:
    """What a policy changes; `entry` is None where nothing was written."""

    policy_hash: bytes
    changes: tuple[Change, ...]
    effects: Effects
    warnings: tuple[str, ...]
    entry: int | None


@dataclass(frozen=True, slots=True)
class InForce:
    """One policy, and since when it was decided by."""

    policy_hash: bytes
    entry: int
    since_ms: int
    by: str
    changes: tuple[Change, ...]
    """What it says otherwise than the one before; nothing of the first."""


def apply_policy(
    ledger: ConsentLedger,
    collaborations: Collaborations,
    clock: Clock,
    text: str,
    by: str,
    *,
    dry_run: bool,
) -> Applied:
    """Decide by the policy in this file from now on, or only say what that would change.

    Raises: InvalidPolicy; PurposeInUse; LedgerMoved if the policy was changed meanwhile; DiskFull.
    """
    before = ledger.vocabulary
    after = read_policy(text, before.notices)
    changes = tuple(differences(before, after))
    found = effects(ledger, before, after, clock())
    removed = {c.name for c in changes if c.what == "purpose" and c.step is Step.REMOVED}
    named = dict(_named(collaborations, clock(), removed))
    for purpose in sorted(removed & named.keys() & found.consented):
        raise PurposeInUse(f"{purpose} cannot be removed: people agreed to it, and the "
                           f"collaboration {named[purpose]} names it")  # fmt: skip
    warnings = tuple(_warnings(removed, named, found))
    entry = None
    if not dry_run:
        with ledger.hold() as head:
            if head.vocabulary.digest() != before.digest():
                raise LedgerMoved("the policy was changed meanwhile")
            indices = ledger.change_policy(after, by)
            entry = indices[0] if indices else None
    return Applied(after.digest(), changes, found, warnings, entry)


def history(ledger: ConsentLedger, limit: int) -> list[InForce]:
    """Return the newest policies that were in force, newest first. Raises: LedgerDamaged."""
    index = col(EntryRow.index)
    kinds = col(EntryRow.type).in_((LedgerOpened.TYPE, PolicyChanged.TYPE))
    with ledger.database.reading() as session:
        newest = select(EntryRow.index).where(kinds).order_by(index.desc()).limit(limit)
        entries = [e for i in session.exec(newest) for e in ledger.reader.read(session, index == i)]
        found = []
        for e in entries:
            record = e.record
            if isinstance(record, PolicyChanged):
                before = load_policy(session, record.previous_policy_hash)
                changes = differences(before, load_policy(session, record.policy_hash))
                by, told = record.changed_by, tuple(changes)
                found.append(InForce(record.policy_hash, e.index, e.recorded_ms, by, told))
            elif isinstance(record, LedgerOpened):
                found.append(InForce(record.policy_hash, e.index, e.recorded_ms, "node", ()))
    return found


def in_force(ledger: ConsentLedger, policy_hash: bytes) -> Vocabulary:
    """Return a vocabulary that is or was decided by. Raises: NotFound, LedgerDamaged."""
    with ledger.database.reading() as session:
        return load_policy(session, policy_hash)


def _named(
    collaborations: Collaborations, now_ms: int, purposes: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield (purpose, collaboration) for every purpose that an agreement in force names."""
    newest = {d.collaboration: d for d, row in collaborations.all() if row.in_force}
    for document in newest.values():
        if now_ms < document.expires_ms:
            for clause in document.permitted:
                if clause.purpose in purposes:
                    yield clause.purpose, f"{document.collaboration} version {document.version}"


def _warnings(removed: set[str], named: dict[str, str], found: Effects) -> Iterator[str]:
    for purpose in sorted(removed & found.said):
        yield (
            f"what people said about {purpose} counts for nothing any more, a no as little as a "
            "yes; it stays in the ledger, and counts again if the purpose comes back"
        )
    for purpose in sorted(removed & named.keys()):
        yield f"jobs about {purpose} under {named[purpose]} will be refused"
    if found.gain:
        yield f"{found.gain:,} people may be used for something that they may not be used for now"
