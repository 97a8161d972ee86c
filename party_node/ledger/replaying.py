"""Making a decision of the gate again, from the ledger alone, and comparing the two.

A use record names the state that was decided by (`as_of`), the policy, the instant, and commits to
who was asked and who was allowed. So it can be decided again at any time: fold the facts that the
ledger had then, under the policy of then, and ask the same question about the same people. What was
said or changed since does not matter.

Of a decision with people in it who were erased since, only what concerns the others can be
compared: that is said.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from pyroaring import BitMap
from sqlalchemy import select
from sqlmodel import Session, col

from consent.facts import Whats
from consent.projection import Projection
from consent.reasons import Query
from consent.uses import UseRecord
from consent.words import Operation
from party_node.decisions import Decided, Decisions
from party_node.errors import NotAUse, NotFound
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.fact_store import FactStore
from party_node.ledger.fsck_decisions import opened_wrongly
from party_node.ledger.policies import load_policy
from party_node.tables import DecisionRow
from party_node.use_recording import ENGINE, decide_all


class Replayed(enum.StrEnum):
    """How a replay ended."""

    SAME = "same"
    """The same people, the same counts, and the commitments open."""
    PRUNED = "pruned"
    """Somebody was erased since; for everybody else it is the same answer."""
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of making a decision again."""

    index: int
    outcome: Replayed
    differences: tuple[str, ...]
    """What is not as the use record, or what was kept of it, says."""
    asked: int
    allowed: int
    """People in this answer: without those who were erased since."""
    denied: Mapping[str, int]


def replay(ledger: ConsentLedger, index: int) -> Replay:
    """Make the decision of the use record at `index` again.

    It reads one snapshot of the database and holds no lock. Raises: NotFound; NotAUse if the entry
    is another kind; LedgerDamaged.
    """
    use = ledger.entry(index).record
    if not isinstance(use, UseRecord):
        raise NotAUse(f"entry {index} is of another kind")
    with ledger.database.reading() as session:
        return _Replay(session, ledger, index, use).run()


class _Replay:
    def __init__(self, session: Session, ledger: ConsentLedger, index: int, use: UseRecord) -> None:
        self._session, self._ledger = session, ledger
        self._index, self._use = index, use
        self._decisions = Decisions(ledger.vault)

    def run(self) -> Replay:
        try:
            decided = self._decisions.load(self._session, self._index)
        except NotFound:
            said = "the sets of this decision are not kept here: it cannot be made again"
            return Replay(self._index, Replayed.DIFFERENT, (said,), 0, 0, {})
        differences = [*opened_wrongly(decided, self._use), *self._state()]
        allowed, denied = decide_all(
            self._projection(), decided.everybody, self._queries(), self._held()
        )
        differences += self._answer(decided, allowed, denied)
        outcome = Replayed.PRUNED if decided.pruned else Replayed.SAME
        return Replay(
            index=self._index,
            outcome=Replayed.DIFFERENT if differences else outcome,
            differences=tuple(differences),
            asked=len(decided.everybody),
            allowed=len(allowed),
            denied=denied,
        )

    # -- asking again ------------------------------------------------------------------------------

    def _projection(self) -> Projection:
        """Return the state of consent that the ledger had then, under the policy of then."""
        facts, whats = FactStore(self._ledger.vault), Whats()
        reach = self._ledger.store.reach(self._session)
        facts.load_whats(self._session, whats)
        projection = Projection(load_policy(self._session, self._use.policy_hash), whats)
        known = facts.load(self._session, reach.facts)
        projection.take_in(known[known["index"] < self._use.as_of.tree_size])
        return projection

    def _queries(self) -> list[Query]:
        return [
            Query(
                purpose=self._use.purpose,
                recipient=self._use.recipient,
                operation=Operation(name),
                at_ms=self._use.evaluated_at_ms,
                channel=self._use.channel,
            )
            for name in self._use.operation.split("/")
        ]

    def _held(self) -> dict[int, int]:
        """Return what was set aside for this job by the decision before, which this one narrows."""
        entry = col(DecisionRow.entry)
        before = (
            select(entry)
            .where(
                col(DecisionRow.job) == self._use.job,
                col(DecisionRow.dataset).in_(self._use.datasets),
                entry < self._index,
            )
            .order_by(entry.desc())
            .limit(1)
        )
        found = self._session.execute(before).scalar_one_or_none()
        if found is None:
            return {}
        return {r.subject: r.grant for r in self._decisions.load(self._session, found).reserved}

    # -- comparing ---------------------------------------------------------------------------------

    def _state(self) -> list[str]:
        """Compare the state that the record names with that of this ledger."""
        use, differences = self._use, []
        with self._ledger.tree() as tree:
            fits = use.as_of.tree_size <= self._index
            root = tree.root(use.as_of.tree_size) if fits else b""
        if (use.as_of.origin, use.as_of.root_hash) != (self._ledger.origin, root):
            differences.append("this ledger was never in the state that the decision names")
        if use.engine_version != ENGINE:
            differences.append(
                f"it was made by {use.engine_version}, and this is {ENGINE}: rules may differ"
            )
        return differences

    def _answer(self, decided: Decided, allowed: BitMap, denied: Mapping[str, int]) -> list[str]:
        """Compare who is allowed, and how many are denied for each reason."""
        said, differences = {d.reason: d.subjects for d in self._use.denied}, []
        more, fewer = len(decided.people - allowed), len(allowed - decided.people)
        if more or fewer:
            differences.append(
                f"then {more:,} were allowed who are not now, and now {fewer:,} more"
            )
        if not decided.pruned and said != dict(denied):
            differences.append("the numbers of those denied differ, by reason")
        if decided.pruned and any(said.get(r, 0) < n for r, n in denied.items()):
            differences.append("more are denied for a reason than were then")
        return differences
