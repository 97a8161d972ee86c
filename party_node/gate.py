"""The gate: whose data may be used for this job, decided by the consent ledger, recorded first.

    asked       everybody in the dataset (no row is read for that)
    allowed     those whose consent covers every operation, for this purpose and recipient, now
    use record  what was asked and decided, at which state of the ledger: an entry of the ledger
    checkpoint  a signed statement that includes the use record
    permission  only then: the handle that `datasets.py` wants before it reads a row

Asking again for the same job gives the same answer from the same use record; if consent has
narrowed since, the permission narrows with it and a further use record says so. It never widens. A
gate that cannot decide raises, and whoever has no permission reads nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session

from consent.projection import commit_set
from consent.reasons import Query
from consent.uses import AsOf, Denied, Outcome, UseOutcome, UseRecord
from consent.words import Operation
from party_node.clock import Clock
from party_node.datasets import Datasets
from party_node.errors import (
    IdempotencyConflict,
    IllegalState,
    NotFound,
    PermissionExpired,
    UnknownOperation,
)
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.permission import Grant, Permission, _issue, _withdraw
from party_node.tables import UsePermissionRow
from protocols.codec import Record, decode, encode
from protocols.job import LedgerHead
from protocols.session import Rng

__all__ = ["Gate", "Permission"]

ENGINE = "accord-gate/1"
"""Stands in every use record; changes whenever the same ledger could give another answer."""

COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that was asked; the same job never asks two questions."""

    job: str
    job_hash: bytes
    dataset: str
    purpose: str
    recipient: str
    operations: tuple[str, ...]
    requester: str

    def digest(self) -> bytes:
        """Return 32 bytes that differ for every other question."""
        parts = [
            self.job,
            self.job_hash.hex(),
            self.dataset,
            self.purpose,
            self.recipient,
            self.requester,
            *self.operations,
        ]
        framed = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return hashlib.sha256(b"accord/question/1\x00" + framed).digest()


@dataclass(frozen=True, slots=True)
class DeniedFor(Record):
    """How many were denied for one reason."""

    KIND: ClassVar[str] = "denied-for/1"
    reason: str
    people: int


@dataclass(frozen=True, slots=True)
class Decided(Record):
    """A decision as it is kept, sealed: the set itself and the salts that open its commitments."""

    KIND: ClassVar[str] = "decided/1"
    decision_id: str
    asked: int
    denied: tuple[DeniedFor, ...]
    allowed: bytes = field(repr=False)
    """Portable roaring serialisation."""
    input_salt: bytes = field(repr=False)
    allowed_salt: bytes = field(repr=False)


class Gate:
    """Gives permissions; one for each node process. Safe to use from several threads."""

    def __init__(
        self,
        ledger: ConsentLedger,
        datasets: Datasets,
        clock: Clock,
        rng: Rng,
    ) -> None:
        self._ledger, self._datasets, self._clock, self._rng = ledger, datasets, clock, rng

    def preview(
        self, dataset: str, purpose: str, recipient: str, operations: Sequence[str]
    ) -> tuple[int, int]:
        """Return how many people would be asked and permitted now: counts only, nothing is
        recorded.

        Raises: UnknownDataset, UnknownPurpose, UnknownOperation.
        """
        asked = self._datasets.asked(dataset)
        with self._ledger.hold() as head:
            allowed, _ = self._decide(head, asked, purpose, recipient, operations)
        return len(asked), len(allowed)

    def permit(
        self,
        job: str,
        job_hash: bytes,
        dataset: str,
        purpose: str,
        recipient: str,
        operations: Sequence[str],
        requester: str,
        ttl_ms: int,
    ) -> Permission:
        """Decide who may be used, record it under a checkpoint, and only then give the permission.

        Idempotent for each job and dataset. For a use that has ended it permits nobody. Raises:
        UnknownDataset, UnknownPurpose, UnknownOperation; IdempotencyConflict if this job asked
        something else before; LedgerDamaged, LedgerMoved, DiskFull.
        """
        question = Question(
            job, job_hash, dataset, purpose, recipient, tuple(operations), requester
        )
        with self._ledger.hold() as head:
            row = self._row(job, dataset)
            if row is None:
                index_id = self._datasets.index_id(dataset)
                asked = self._datasets.asked(dataset)
                row = self._record(head, question, asked, index_id, ttl_ms)
            elif row.request != question.digest():
                raise IdempotencyConflict("this job asked something else before")
            elif not row.outcome:
                row = self._narrowed(head, question, row, ttl_ms)
            return self._give(question, row)

    def recheck(self, permission: Permission) -> Permission:
        """Return the permission narrowed to what is allowed now; a narrowed one replaces the old.

        To be called before anything is released and before an audience is used.
        Raises: PermissionRefused, PermissionExpired; as `permit`.
        """
        grant = permission.grant
        if self._clock() >= grant.expires_ms:
            raise PermissionExpired
        with self._ledger.hold() as head:
            before = self._existing(grant)
            if before.outcome:
                raise IllegalState("this use has ended")
            question = _question(grant)
            row = self._narrowed(head, question, before, grant.expires_ms - self._clock())
            if row.use_entry == grant.use_entry:
                return permission
            narrowed = self._give(question, row)
        _withdraw(permission)
        return narrowed

    def complete(self, permission: Permission, outcome: str) -> None:
        """Write how the use ended: `completed` or an error code; the permission ends with it.

        Ending twice changes nothing. Raises: PermissionRefused.
        """
        grant = permission.grant
        with self._ledger.hold():
            row = self._existing(grant)
            if not row.outcome:
                self._end(grant.job, row, outcome)
        _withdraw(permission)

    def end(self, job: str, dataset: str, outcome: str) -> None:
        """Write how a job's use ended, if one was recorded for it and has not ended.

        For jobs that end without a permission at hand: nothing new is decided or permitted.
        """
        with self._ledger.hold():
            row = self._row(job, dataset)
            if row is not None and not row.outcome:
                self._end(job, row, outcome)

    # -- inside ------------------------------------------------------------------------------------

    def _decide(
        self,
        head: Head,
        asked: BitMap,
        purpose: str,
        recipient: str,
        operations: Sequence[str],
    ) -> tuple[BitMap, dict[str, int]]:
        """Return who may be used in every operation, and how many may not for each reason."""
        if not operations:
            raise UnknownOperation("nothing was asked")
        now = max(self._clock(), head.newest_ms)
        allowed, denied = asked, dict[str, int]()
        for operation in map(_operation, operations):
            query = Query(purpose=purpose, recipient=recipient, operation=operation, at_ms=now)
            decision = head.projection.bulk(query, allowed)
            for reason, count in decision.counts().items():
                denied[reason.value] = denied.get(reason.value, 0) + count
            allowed = decision.allowed
        return allowed, denied

    def _record(
        self,
        head: Head,
        question: Question,
        asked: BitMap,
        index_id: str,
        ttl_ms: int,
        before: Decided | None = None,
    ) -> UsePermissionRow:
        """Decide about `asked` and write the use record and what it permits, in one transaction.

        After an earlier decision the record tells of the people left then; the counts that are kept
        tell of both decisions together.
        """
        allowed, denied = self._decide(
            head, asked, question.purpose, question.recipient, question.operations
        )
        now = max(self._clock(), head.newest_ms)
        decided = Decided(
            decision_id=self._rng(16).hex(),
            asked=len(asked) if before is None else before.asked,
            denied=_together(() if before is None else before.denied, denied),
            allowed=allowed.serialize(),
            input_salt=self._rng(32),
            allowed_salt=self._rng(32),
        )
        record = UseRecord(
            decision_id=decided.decision_id,
            job=question.job,
            requested_by=question.requester,
            operation="/".join(question.operations),
            purpose=question.purpose,
            recipient=question.recipient,
            policy_hash=head.vocabulary.digest(),
            engine_version=ENGINE,
            as_of=AsOf(origin=self._ledger.origin, tree_size=head.size, root_hash=head.root),
            evaluated_at_ms=now,
            expires_at_ms=now + ttl_ms,
            input_commitment=commit_set(asked, decided.input_salt),
            allowed_commitment=commit_set(allowed, decided.allowed_salt),
            asked=len(asked),
            allowed=len(allowed),
            denied=tuple(Denied(reason=r, subjects=denied[r]) for r in sorted(denied)),
            datasets=(question.dataset,),
            system=f"job-hash {question.job_hash.hex()}",
        )
        row = UsePermissionRow(
            job=question.job,
            dataset=question.dataset,
            request=question.digest(),
            index_id=index_id,
            allowed=self._ledger.vault.seal(
                _context(question.job, question.dataset), encode(decided)
            ),
            use_entry=head.size,
            tree_size=head.size,
            expires_ms=now + ttl_ms,
        )

        def keep(session: Session, _indices: list[int]) -> None:
            session.merge(row)

        self._ledger.append([record], at_size=head.size, also=keep)
        return row

    def _narrowed(
        self, head: Head, question: Question, row: UsePermissionRow, ttl_ms: int
    ) -> UsePermissionRow:
        """Return the row as it is, or a further decision if consent narrowed or time ran out."""
        before = self._decided(row)
        people = BitMap.deserialize(before.allowed)
        allowed, _ = self._decide(
            head, people, question.purpose, question.recipient, question.operations
        )
        if allowed == people and self._clock() < row.expires_ms:
            return row
        return self._record(head, question, people, row.index_id, ttl_ms, before)

    def _give(self, question: Question, row: UsePermissionRow) -> Permission:
        """Issue the permission, once a checkpoint includes its use record."""
        size, root = self._ledger.covering(row.use_entry)
        decided = self._decided(row)
        # A use that has ended keeps its facts and permits nobody.
        allowed = BitMap() if row.outcome else BitMap.deserialize(decided.allowed)
        use_record = self._ledger.leaf_hash(row.use_entry)
        return _issue(
            Grant(
                job=question.job,
                job_hash=question.job_hash,
                dataset=question.dataset,
                index_id=row.index_id,
                purpose=question.purpose,
                recipient=question.recipient,
                operations=question.operations,
                requester=question.requester,
                asked=decided.asked,
                denied={d.reason: d.people for d in decided.denied},
                allowed=FrozenBitMap(allowed),
                head=LedgerHead(self._ledger.origin, size, root, use_record),
                decided_at=row.tree_size,
                use_entry=row.use_entry,
                expires_ms=row.expires_ms,
            )
        )

    def _end(self, job: str, row: UsePermissionRow, outcome: str) -> None:
        done = outcome == COMPLETED
        record = UseOutcome(
            decision_id=self._decided(row).decision_id,
            job=job,
            outcome=Outcome.COMPLETED if done else Outcome.ABORTED,
            ended_at_ms=self._clock(),
            cause=None if done else outcome,
        )

        def keep(session: Session, _indices: list[int]) -> None:
            row.outcome = outcome
            session.merge(row)

        self._ledger.append([record], also=keep)

    def _row(self, job: str, dataset: str) -> UsePermissionRow | None:
        with self._ledger.database.reading() as session:
            return session.get(UsePermissionRow, (job, dataset))

    def _existing(self, grant: Grant) -> UsePermissionRow:
        row = self._row(grant.job, grant.dataset)
        if row is None:
            raise NotFound("there is no use record of this job")
        return row

    def _decided(self, row: UsePermissionRow) -> Decided:
        context = _context(row.job, row.dataset)
        return decode(Decided, self._ledger.vault.open(context, row.allowed))


def _together(before: Sequence[DeniedFor], now: Mapping[str, int]) -> tuple[DeniedFor, ...]:
    people = {d.reason: d.people for d in before}
    for reason, count in now.items():
        people[reason] = people.get(reason, 0) + count
    return tuple(DeniedFor(reason, people[reason]) for reason in sorted(people))


def _operation(name: str) -> Operation:
    try:
        return Operation(name)
    except ValueError:
        raise UnknownOperation(f"no operation is called {name!r}") from None


def _question(grant: Grant) -> Question:
    return Question(
        grant.job,
        grant.job_hash,
        grant.dataset,
        grant.purpose,
        grant.recipient,
        grant.operations,
        grant.requester,
    )


def _context(job: str, dataset: str) -> str:
    return f"use-permission/{job}/{dataset}"
