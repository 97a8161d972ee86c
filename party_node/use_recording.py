"""Writing a decision of the gate into the ledger: use record, sets, uses that are set aside, end.

One transaction for each decision. `gate.py` says when there is one; permissions are given there.
"""

from collections.abc import Mapping, Sequence

from pyroaring import BitMap
from sqlmodel import Session

from consent.checkpoint import checkpoint_of
from consent.fields import Entry
from consent.projection import Projection, commit_set
from consent.reasons import Query, Reason
from consent.uses import (
    AsOf,
    Denied,
    OccurrenceReleased,
    OccurrenceReserved,
    Outcome,
    UseOutcome,
    UseRecord,
)
from consent.words import Operation
from party_node.clock import Clock
from party_node.decisions import Decided, Decisions, Question, Reserved, packed, together
from party_node.errors import UnknownOperation
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.tables import UsePermissionRow
from protocols.session import Rng

ENGINE = "accord-gate/2"
"""Stands in every use record; changes whenever the same ledger could give another answer."""

COMPLETED = "completed"


class UseRecorder:
    """Makes decisions and records them; the ledger is held by the caller."""

    def __init__(self, ledger: ConsentLedger, identity: Identity, clock: Clock, rng: Rng) -> None:
        self._ledger, self._identity, self._clock, self._rng = ledger, identity, clock, rng
        self.decisions = Decisions(ledger.vault)

    def decide(
        self, head: Head, question: Question, asked: BitMap, held: Mapping[int, int]
    ) -> tuple[BitMap, dict[str, int]]:
        """Return who may be used in every operation, and how many may not for each reason.

        `held` says for whom a use of which grant is set aside already. Raises: UnknownPurpose,
        UnknownOperation.
        """
        return decide_all(head.projection, asked, self._queries(head, question), held)

    def decided(self, row: UsePermissionRow) -> Decided:
        """Return the decision that holds now."""
        with self._ledger.database.reading() as session:
            return self.decisions.load(session, row.use_entry)

    def record(
        self,
        head: Head,
        question: Question,
        asked: BitMap,
        index_id: str,
        ttl_ms: int,
        before: Decided | None = None,
        at_round: int | None = None,
        break_glass: str = "",
    ) -> UsePermissionRow:
        """Decide about `asked` and write the use record and what it permits, in one transaction.

        After an earlier decision the record tells of the people left then; the counts that are kept
        tell of both decisions together.
        """
        queries = self._queries(head, question)
        held = {} if before is None else {r.subject: r.grant for r in before.reserved}
        allowed, denied = decide_all(head.projection, asked, queries, held)
        limited: dict[int, int] = {}
        for query in queries:
            limited |= head.projection.limited(query, allowed)
        fresh = {s: g for s, g in limited.items() if held.get(s) != g}
        kept = {s: g for s, g in held.items() if s in allowed}
        now = queries[0].at_ms
        counted = {} if before is None else {d.reason: d.people for d in before.denied}
        decided = Decided(
            decision_id=self._rng(16).hex(),
            asked_first=len(asked) if before is None else before.asked_first,
            denied=together(counted, denied),
            asked=packed(asked),
            allowed=packed(allowed),
            asked_salt=self._rng(32),
            allowed_salt=self._rng(32),
            reserved=tuple(Reserved(s, g) for s, g in sorted({**kept, **fresh}.items())),
            pruned=False,
        )
        row = UsePermissionRow(
            job=question.job,
            dataset=question.dataset,
            request=question.digest(),
            index_id=index_id,
            use_entry=head.size,
            tree_size=head.size,
            expires_ms=now + ttl_ms,
            break_glass=break_glass,
        )

        def keep(session: Session, _indices: list[int]) -> None:
            self.decisions.keep(session, head.size, question, decided, now)
            session.merge(row)

        record = self._use_record(
            head, question, asked, allowed, denied, decided, now, row, at_round
        )
        reserving = self._reserve(fresh, decided.decision_id, now)
        self._ledger.append([record, *reserving], at_size=head.size, also=keep)
        return row

    def _use_record(
        self,
        head: Head,
        question: Question,
        asked: BitMap,
        allowed: BitMap,
        denied: Mapping[str, int],
        decided: Decided,
        now: int,
        row: UsePermissionRow,
        at_round: int | None,
    ) -> UseRecord:
        return UseRecord(
            decision_id=decided.decision_id,
            job=question.job,
            requested_by=question.requester,
            operation="/".join(question.operations),
            purpose=question.purpose,
            recipient=question.recipient,
            channel=question.channel,
            policy_hash=head.vocabulary.digest(),
            engine_version=ENGINE,
            as_of=AsOf(origin=self._ledger.origin, tree_size=head.size, root_hash=head.root),
            witnessed=self._witnessed(),
            evaluated_at_ms=now,
            expires_at_ms=row.expires_ms,
            input_commitment=commit_set(asked, decided.asked_salt),
            allowed_commitment=commit_set(allowed, decided.allowed_salt),
            asked=len(asked),
            allowed=len(allowed),
            denied=tuple(Denied(reason=r, subjects=denied[r]) for r in sorted(denied)),
            datasets=(question.dataset,),
            system=f"job-hash {question.job_hash.hex()}",
            round=at_round,
            break_glass=row.break_glass or None,
            rho_nano=None if question.price is None else question.price.rho_nano,
            mechanism=None if question.price is None else question.price.mechanism,
        )

    def _witnessed(self) -> AsOf | None:
        """Rule 19: the newest published state, beside the newest durable one that decides."""
        note = self._ledger.checkpoints.latest_published()
        if note is None:
            return None
        said = checkpoint_of(note)
        return AsOf(origin=said.origin, tree_size=said.size, root_hash=said.root)

    def _reserve(self, fresh: Mapping[int, int], decision_id: str, now: int) -> list[Entry]:
        """Rule 8: set one use aside for everybody whose consent permits only so many."""
        ids = self._identity.subject_ids(fresh)
        return [
            OccurrenceReserved(
                subject_id=ids[subject], grant=grant, decision_id=decision_id, reserved_at_ms=now
            )
            for subject, grant in sorted(fresh.items())
        ]

    def end(self, job: str, row: UsePermissionRow, outcome: str) -> None:
        """Write how a use ended; what was set aside for one that was aborted is given back."""
        done, decided, now = outcome == COMPLETED, self.decided(row), self._clock()
        record = UseOutcome(
            decision_id=decided.decision_id,
            job=job,
            outcome=Outcome.COMPLETED if done else Outcome.ABORTED,
            ended_at_ms=now,
            cause=None if done else outcome,
        )
        ids = {} if done else self._identity.subject_ids(r.subject for r in decided.reserved)
        released = [
            OccurrenceReleased(
                subject_id=ids[r.subject],
                grant=r.grant,
                decision_id=decided.decision_id,
                released_at_ms=now,
            )
            for r in decided.reserved
            if r.subject in ids
        ]

        def keep(session: Session, _indices: list[int]) -> None:
            row.outcome = outcome
            session.merge(row)

        self._ledger.append([record, *released], also=keep)

    # -- inside ------------------------------------------------------------------------------------

    def _queries(self, head: Head, question: Question) -> list[Query]:
        if not question.operations:
            raise UnknownOperation("nothing was asked")
        now = max(self._clock(), head.newest_ms)
        return [
            Query(
                purpose=question.purpose,
                recipient=question.recipient,
                operation=_operation(name),
                at_ms=now,
                channel=question.channel,
            )
            for name in question.operations
        ]


def decide_all(
    projection: Projection, asked: BitMap, queries: Sequence[Query], held: Mapping[int, int]
) -> tuple[BitMap, dict[str, int]]:
    """Return who may be used in every operation, and how many may not for each reason.

    `held` says for whom a use of which grant is set aside already: that it was the last is no
    reason to deny them.
    """
    allowed, denied = asked, dict[str, int]()
    for query in queries:
        decision = projection.bulk(query, allowed)
        allowed, reasons = decision.allowed, dict(decision.denied)
        if held and Reason.USED_UP in reasons:
            back = reasons[Reason.USED_UP] & BitMap(held)
            reasons[Reason.USED_UP] = reasons[Reason.USED_UP] - back
            for reason, who in projection.choices.narrowed(query, back):
                reasons[reason] = reasons.get(reason, BitMap()) | who
                back -= who
            allowed = allowed | back
        for reason, who in reasons.items():
            if who:
                denied[reason.value] = denied.get(reason.value, 0) + len(who)
    return allowed, denied


def _operation(name: str) -> Operation:
    try:
        return Operation(name)
    except ValueError:
        raise UnknownOperation(f"no operation is called {name!r}") from None
