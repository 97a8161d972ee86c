"""Machine signals coming in: what is kept of each, and how it takes effect.

    one append   the signal as it came in (`SignalReceived`)
    the next     what was concluded from it, and the consent events that follow

They are two because what follows names the signal's entry. Both are made while nobody else can
append, so after a crash in between only the ledger's last signal can lack its conclusion; it is
completed at the next start, or when the caller repeats the call.

Pages are viewed by the million. A signal that means what one of the same person, caller and UTC day
meant, and that changes nothing, is answered from that one, and nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from consent.signal_records import Conclusion, Meaning, SignalConcluded, SignalKind, SignalReceived
from consent.signals.concluding import Plan, conclude
from consent.statements import Method, Relation
from party_node.capture.person_entries import PersonEntries, conclusions, entry_id
from party_node.errors import IdempotencyConflict, LedgerDamaged
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.writer import Submitted
from party_node.observability import log

_DAY_MS = 86_400_000
_TAIL = 16
"""More entries than a start writes after a signal that was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One signal as the caller hands it over."""

    kind: SignalKind
    raw: str = field(repr=False)
    source_id: str
    event_id: str
    """The caller's own name for it."""
    jurisdiction: str
    event_time_ms: int | None = None
    """When it was seen; None is now."""
    recipients: tuple[str, ...] = ()
    """Rising; empty is `self`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a signal."""

    conclusion: Conclusion
    meanings: tuple[Meaning, ...]
    against: tuple[str, ...]
    index: int
    """The signal's entry: the earlier one's, where nothing was written."""
    repeated: bool
    """It stood in the ledger before this call."""
    events: tuple[int, ...] = ()
    """Entries of the consent events that follow and were written now."""


class SignalIntake:
    """Takes signals into one ledger."""

    def __init__(self, ledger: ConsentLedger, identity: Identity) -> None:
        self._ledger, self._identity = ledger, identity
        self._entries = PersonEntries(ledger, identity)

    def take(self, dense: int, arrived: Arrived) -> Outcome:
        """Take a signal about a person; it counts once this returns.

        Raises: MalformedSignal, IdempotencyConflict, DiskFull, LedgerDamaged.
        """
        with self._ledger.hold():
            first = self._ledger.first_of(arrived.source_id, arrived.event_id)
            if first is not None:
                return self._again(dense, arrived, first)
            signal = self._record(dense, arrived, self._ledger.now())
            plan = self._plan(dense, signal)
            known = self._same_today(dense, signal, plan)
            if known is not None:
                return known
            index = self._ledger.submit([signal])[0].index
            return self._write(index, plan, repeated=False)

    def complete_interrupted(self) -> int:
        """Conclude what a crash left unconcluded at the end of the ledger; return how many.

        Raises: DiskFull, LedgerDamaged.
        """
        with self._ledger.hold() as head:
            last = self._entries.last_signals(head.size - _TAIL)
            concluded = conclusions(last)
            signals = [e for e in last if isinstance(e.record, SignalReceived)]
            waiting = [e for e in signals if entry_id(e) not in concluded]
            for entry in waiting:
                self._conclude(entry)
            return len(waiting)

    # -- inside ------------------------------------------------------------------------------------

    def _record(self, dense: int, arrived: Arrived, default_ms: int) -> SignalReceived:
        time = arrived.event_time_ms
        return SignalReceived(
            subject_id=self._identity.subject_ids([dense])[dense],
            event_time_ms=default_ms if time is None else time,
            source_id=arrived.source_id,
            source_event_id=arrived.event_id,
            method=Method.SIGNAL,
            relation=Relation.MACHINE,
            signal=arrived.kind,
            raw=arrived.raw,
            jurisdiction=arrived.jurisdiction,
            recipients=arrived.recipients,
        )

    def _plan(self, dense: int, signal: SignalReceived) -> Plan:
        return conclude(
            signal,
            self._entries.said(dense),
            self._ledger.vocabulary,
            self._ledger.now(),
        )

    def _again(self, dense: int, arrived: Arrived, first: int) -> Outcome:
        """Answer a call that came before; conclude what a crash left without a conclusion."""
        entry = self._ledger.entry(first)
        before = entry.record
        then = before.event_time_ms if isinstance(before, SignalReceived) else 0
        submission = self._ledger.submit([self._record(dense, arrived, then)])[0]
        if submission.status is not Submitted.REPEATED:
            raise IdempotencyConflict
        concluded = conclusions(self._entries.signals(dense)).get(entry_id(entry))
        return _told(concluded, first) if concluded else self._conclude(entry)

    def _same_today(self, dense: int, signal: SignalReceived, plan: Plan) -> Outcome | None:
        """Return what became of an earlier signal of the day that this one only repeats."""
        if plan.events:
            return None
        today = self._entries.signals(dense, self._ledger.now() // _DAY_MS * _DAY_MS)
        concluded = conclusions(today)
        for entry in today:
            if _is_like(entry, signal):
                found = concluded.get(entry_id(entry), [])
                if plan.says_the_same(found):
                    return _told(found, entry.index)
        return None

    def _conclude(self, entry: LedgerEntry) -> Outcome:
        assert isinstance(entry.record, SignalReceived)
        assert entry.subject is not None
        return self._write(entry.index, self._plan(entry.subject, entry.record), repeated=True)

    def _write(self, index: int, plan: Plan, *, repeated: bool) -> Outcome:
        entries = list(plan.entries(entry_id(self._ledger.entry(index))))
        indices = self._ledger.append(entries)
        return Outcome(
            conclusion=plan.conclusion,
            meanings=plan.meanings,
            against=plan.against,
            index=index,
            repeated=repeated,
            events=tuple(indices[len(indices) - len(plan.events) :]),
        )


def complete_signals(ledger: ConsentLedger, identity: Identity) -> None:
    """Complete what a crash interrupted; a damaged ledger is for `verify` to name, not for here."""
    try:
        SignalIntake(ledger, identity).complete_interrupted()
    except LedgerDamaged as e:
        log.warning("signals-not-completed", cause=e.code)


def _is_like(entry: LedgerEntry, signal: SignalReceived) -> bool:
    before = entry.record
    return (
        isinstance(before, SignalReceived)
        and before.source_id == signal.source_id
        and before.signal is signal.signal
    )


def _told(concluded: Sequence[SignalConcluded], index: int) -> Outcome:
    return Outcome(
        conclusion=concluded[0].conclusion,
        meanings=tuple(meaning for part in concluded for meaning in part.meanings),
        against=tuple(purpose for part in concluded for purpose in part.against),
        index=index,
        repeated=True,
    )
