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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pyroaring import BitMap, FrozenBitMap

from consent.words import ANY_CHANNEL
from party_node.clock import Clock
from party_node.datasets import Datasets
from party_node.decisions import Decisions, Price, Question
from party_node.errors import IdempotencyConflict, IllegalState, NotFound, PermissionExpired
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.permission import Grant, Permission, _issue, _withdraw
from party_node.tables import UsePermissionRow
from party_node.use_recording import UseRecorder
from protocols.job import LedgerHead
from protocols.session import Rng

__all__ = ["Gate", "Permission"]

Alert = Callable[[str, str], None]
"""Is told the job and the code when the gate could not decide."""


class Gate:
    """Gives permissions; one for each node process. Safe to use from several threads."""

    def __init__(
        self,
        ledger: ConsentLedger,
        datasets: Datasets,
        identity: Identity,
        clock: Clock,
        rng: Rng,
        alert: Alert | None = None,
    ) -> None:
        self._ledger, self._datasets = ledger, datasets
        self._clock, self._alert = clock, alert
        self._recorder = UseRecorder(ledger, identity, clock, rng)

    @property
    def decisions(self) -> Decisions:
        """Every decision with its sets."""
        return self._recorder.decisions

    def preview(
        self, dataset: str, purpose: str, recipient: str, operations: Sequence[str]
    ) -> tuple[int, int]:
        """Return how many people would be asked and permitted now: counts only, nothing is
        recorded.

        Raises: UnknownDataset, UnknownPurpose, UnknownOperation.
        """
        asked, allowed = self.permitted_now(dataset, purpose, recipient, operations)
        return asked, len(allowed)

    def permitted_now(
        self, dataset: str, purpose: str, recipient: str, operations: Sequence[str]
    ) -> tuple[int, BitMap]:
        """Return how many people would be asked, and who would be permitted now: to compare with
        other sets, not to read rows by; nothing is recorded.

        Raises: UnknownDataset, UnknownPurpose, UnknownOperation.
        """
        asked, allowed, _ = self.foreseen(dataset, purpose, recipient, operations)
        return asked, allowed

    def foreseen(
        self,
        dataset: str,
        purpose: str,
        recipient: str,
        operations: Sequence[str],
        among: BitMap | None = None,
    ) -> tuple[int, BitMap, dict[str, int]]:
        """Return as `permitted_now`, and how many would not be permitted for which reason.

        With `among`, only those of the dataset would be asked about. Raises: as `permitted_now`.
        """
        asked = self._datasets.asked(dataset)
        asked = asked if among is None else asked & among
        with self._ledger.hold() as head:
            question = Question("", b"", dataset, purpose, recipient, tuple(operations), "")
            allowed, denied = self._recorder.decide(head, question, asked, {})
        return len(asked), allowed, denied

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
        *,
        channel: str = ANY_CHANNEL,
        among: BitMap | None = None,
        price: Price | None = None,
        break_glass: str = "",
        at_round: int | None = None,
    ) -> Permission:
        """Decide who may be used, record it under a checkpoint, and only then give the permission.

        With `among`, only those of the dataset are asked about. With `break_glass`, the use record
        names that emergency approval; it permits nobody more. `at_round` is as in `recheck`.
        Idempotent for each job and dataset.
        For a use that has ended it permits nobody. Raises: UnknownDataset, UnknownPurpose,
        UnknownOperation; IdempotencyConflict if this job asked something else before;
        LedgerDamaged, LedgerMoved, DiskFull; RowChanged.
        """
        question = Question(
            job, job_hash, dataset, purpose, recipient, tuple(operations), requester, channel, price
        )
        with self._guarded(job), self._ledger.hold() as head:
            row = self._row(job, dataset)
            if row is None:
                index_id = self._datasets.index_id(dataset)
                asked = self._datasets.asked(dataset)
                asked = asked if among is None else asked & among
                row = self._recorder.record(
                    head, question, asked, index_id, ttl_ms, break_glass=break_glass
                )
            elif row.request != question.digest():
                raise IdempotencyConflict("this job asked something else before")
            elif not row.outcome:
                row = self._narrowed(
                    head, question, row, ttl_ms, at_round=at_round, break_glass=break_glass
                )
            return self._give(question, row)

    def recheck(
        self, permission: Permission, *, at_round: int | None = None, break_glass: str = ""
    ) -> Permission:
        """Return the permission narrowed to what is allowed now; a narrowed one replaces the old.

        To be called before anything is released, before an audience is used, and before each round
        of a training, which the use record then names: the round before was the last that used whom
        it leaves out. Raises: PermissionRefused, PermissionExpired; as `permit`.
        """
        grant = permission.grant
        if self._clock() >= grant.expires_ms:
            raise PermissionExpired
        with self._guarded(grant.job), self._ledger.hold() as head:
            before = self._existing(grant)
            if before.outcome:
                raise IllegalState("this use has ended")
            question = _question(grant)
            ttl_ms = grant.expires_ms - self._clock()
            row = self._narrowed(
                head, question, before, ttl_ms, at_round=at_round, break_glass=break_glass
            )
            people = self._recorder.decided(row).people  # without whoever was erased meanwhile
            if row.use_entry == grant.use_entry and people == BitMap(grant.allowed):
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
                self._recorder.end(grant.job, row, outcome)
        _withdraw(permission)

    def end(self, job: str, dataset: str, outcome: str) -> None:
        """Write how a job's use ended, if one was recorded for it and has not ended.

        For jobs that end without a permission at hand: nothing new is decided or permitted.
        """
        with self._ledger.hold():
            row = self._row(job, dataset)
            if row is not None and not row.outcome:
                self._recorder.end(job, row, outcome)

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _guarded(self, job: str) -> Iterator[None]:
        """Rule 20: a gate that cannot decide says no, and says that it could not."""
        try:
            yield
        except Exception as e:
            if self._alert is not None:
                self._alert(job, getattr(e, "code", "internal"))
            raise

    def _narrowed(
        self,
        head: Head,
        question: Question,
        row: UsePermissionRow,
        ttl_ms: int,
        *,
        at_round: int | None = None,
        break_glass: str = "",
    ) -> UsePermissionRow:
        """Return the row as it is, or a further decision if consent narrowed, time ran out, or an
        emergency approval is to be named.
        """
        before = self._recorder.decided(row)
        people = before.people
        held = {r.subject: r.grant for r in before.reserved}
        allowed, _ = self._recorder.decide(head, question, people, held)
        named = break_glass in ("", row.break_glass)
        if allowed == people and self._clock() < row.expires_ms and named:
            return row
        return self._recorder.record(
            head, question, people, row.index_id, ttl_ms, before, at_round, break_glass=break_glass
        )

    def _give(self, question: Question, row: UsePermissionRow) -> Permission:
        """Issue the permission, once a checkpoint includes its use record."""
        size, root = self._ledger.covering(row.use_entry)
        decided = self._recorder.decided(row)
        # A use that has ended keeps its facts and permits nobody.
        allowed = BitMap() if row.outcome else decided.people
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
                channel=question.channel,
                requester=question.requester,
                asked=decided.asked_first,
                denied={d.reason: d.people for d in decided.denied},
                allowed=FrozenBitMap(allowed),
                head=LedgerHead(self._ledger.origin, size, root, use_record),
                decided_at=row.tree_size,
                use_entry=row.use_entry,
                expires_ms=row.expires_ms,
                price=question.price,
            )
        )

    def _row(self, job: str, dataset: str) -> UsePermissionRow | None:
        with self._ledger.database.reading() as session:
            return session.get(UsePermissionRow, (job, dataset))

    def _existing(self, grant: Grant) -> UsePermissionRow:
        row = self._row(grant.job, grant.dataset)
        if row is None:
            raise NotFound("there is no use record of this job")
        return row


def _question(grant: Grant) -> Question:
    return Question(
        grant.job,
        grant.job_hash,
        grant.dataset,
        grant.purpose,
        grant.recipient,
        grant.operations,
        grant.requester,
        grant.channel,
        grant.price,
    )
