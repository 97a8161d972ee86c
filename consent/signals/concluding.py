"""What follows from a signal about one person: rule 5, and what keeps it from saying too much.

A no is applied before any yes. It is a *conflict* if it takes away something that stood: it counts
all the same, and the person may be asked (11 CCR 7025 (c)(3)). A GPC signal that the person
confirmed over changes nothing. A no goes towards `self`, which ends the purpose for everybody, and
towards each recipient who stood to receive, so that consent given to one of them again revives no
other's.

A yes ends no no, not even one of a signal: no machine acts for a person (rule 3). It has the lowest
rank, and is written only where no no stands and where it then permits: a yes that does not count
would be a source that disagrees, and take away what others permit.

Nothing is written twice: what the stream said last, and what still has its effect, is not said
again.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from consent.decision import LoggedEntry
from consent.events import ConsentEvent
from consent.fields import MAX_ITEMS, Entry
from consent.judging import DAY_MS
from consent.reasons import Scope
from consent.signal_records import (
    Conclusion,
    Meaning,
    SignalConcluded,
    SignalKind,
    SignalReceived,
)
from consent.signals.meaning import Said, said_by
from consent.signals.standing import Standing, stream_of
from consent.statements import Method, Relation
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, EventState

LOWEST_TRUST = 0
"""Rank of every yes of a signal: it settles no no of another source."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written about a signal."""

    subject_id: str
    at_ms: int
    conclusion: Conclusion
    meanings: tuple[Meaning, ...]
    against: tuple[str, ...]
    events: tuple[ConsentEvent, ...]

    def entries(self, signal_entry: str) -> Iterator[Entry]:
        """Return the conclusion, and the consent events that follow from it.

        A conclusion with more parts than fit into one entry becomes several.
        """
        parts = max(1, -(-max(len(self.meanings), len(self.against)) // MAX_ITEMS))
        for n in range(parts):
            part = slice(n * MAX_ITEMS, (n + 1) * MAX_ITEMS)
            yield SignalConcluded(
                subject_id=self.subject_id,
                signal_entry=signal_entry,
                conclusion=self.conclusion,
                concluded_at_ms=self.at_ms,
                meanings=self.meanings[part],
                against=self.against[part],
            )
        for event in self.events:
            yield dataclasses.replace(event, signal_entry=signal_entry)

    def says_the_same(self, conclusions: Sequence[SignalConcluded]) -> bool:
        """Whether an earlier signal, with these conclusions, meant the same."""
        confirmed = Conclusion.CONFIRMED_OVER
        return (
            bool(conclusions)
            and [m for c in conclusions for m in c.meanings] == list(self.meanings)
            and (conclusions[0].conclusion is confirmed) == (self.conclusion is confirmed)
        )


def conclude(
    signal: SignalReceived,
    entries: Sequence[LoggedEntry],
    vocabulary: Vocabulary,
    at_ms: int,
) -> Plan:
    """Return what follows from a signal.

    `entries` is everything else in the ledger about the person; signals among it are not looked at.
    Raises: MalformedSignal.
    """
    standing = Standing(entries, vocabulary, at_ms)
    weighing = _Weighing(signal, standing, at_ms)
    said = said_by(signal.signal, signal.raw, vocabulary)
    for one in said:
        weighing.weigh(one)
    weighing.drop_idle_yeses()
    against = weighing.takes_away()
    if against:
        conclusion = Conclusion.CONFLICT
    elif weighing.applies:
        conclusion = Conclusion.APPLIED
    else:
        confirmed = Conclusion.CONFIRMED_OVER
        conclusion = confirmed if weighing.confirmed_over else Conclusion.NOTHING_SAID
    return Plan(
        subject_id=signal.subject_id,
        at_ms=at_ms,
        conclusion=conclusion,
        meanings=_meanings(said, signal),
        against=against,
        events=tuple(weighing.events),
    )


def _meanings(said: Iterable[Said], signal: SignalReceived) -> tuple[Meaning, ...]:
    found = {
        Meaning(purpose=one.purpose, state=one.state, recipient=recipient)
        for one in said
        for recipient in _towards(one, signal)
    }
    return tuple(sorted(found, key=lambda m: (m.purpose, m.recipient, m.state)))


def _towards(said: Said, signal: SignalReceived) -> tuple[str, ...]:
    """Return whom a saying is about: a US opt-out everybody, all else those whom the caller named.

    A no towards `self` is one towards everybody.
    """
    if said.state is EventState.WITHDRAWN:
        return (SELF,)
    return signal.recipients or (SELF,)


class _Weighing:
    """Weighs what one signal says, saying by saying."""

    def __init__(self, signal: SignalReceived, standing: Standing, at_ms: int) -> None:
        self._signal, self._standing, self._at_ms = signal, standing, at_ms
        self._vocabulary = standing.vocabulary
        self._source = self._vocabulary.source(signal.source_id)
        self.events: list[ConsentEvent] = []
        self.applies = False
        """Something that it says stands now: written here, or already."""
        self.confirmed_over = False

    def weigh(self, said: Said) -> None:
        """Take up one saying."""
        time = min(self._signal.event_time_ms, said.no_later_ms)
        for recipient in _towards(said, self._signal):
            if not said.state.is_objection:
                self._agree(said, recipient, time)
            elif said.state is EventState.WITHDRAWN:
                for each in (recipient, *self._receivers(said.purpose)):
                    self._object(said, each, time)
            else:
                self._object(said, recipient, time)

    def takes_away(self) -> tuple[str, ...]:
        """Return the purposes for which the noes end something that was permitted."""
        noes = [event for event in self.events if event.state.is_objection]
        if not noes:
            return ()
        affected = self._beneath(event.purpose for event in noes)
        ended = self._standing.permitted(affected) - self._after(noes).permitted(affected)
        return tuple(sorted({purpose for purpose, _, _ in ended}))

    def _after(self, events: Sequence[ConsentEvent]) -> Standing:
        """Return how things stand once these are written."""
        entries = self._standing.entries
        index = max((e.index for e in entries), default=-1) + 1
        added = [LoggedEntry(index + n, self._at_ms, event) for n, event in enumerate(events)]
        return Standing([*entries, *added], self._vocabulary, self._at_ms)

    # -- a no --------------------------------------------------------------------------------------

    def _object(self, said: Said, recipient: str, time: int) -> None:
        scope: Scope = (said.purpose, recipient, ANY_CHANNEL)
        if said.by is SignalKind.GPC and self._standing.confirmed(said.purpose, recipient):
            self.confirmed_over = True
            return
        stream = stream_of(said.by)
        latest = self._standing.latest(stream, scope)
        if latest is not None:
            is_no = latest.judgement.objection is not None
            if is_no and self._standing.objects(scope):
                self.applies = True
                return
            if latest.clamped_ms > time or (is_no and latest.clamped_ms == time):
                return  # the stream has said something newer since
        self.applies = True
        self._add(self._event(said, recipient, time, self._vocabulary.source(stream).trust))

    def _receivers(self, purpose: str) -> list[str]:
        """Return who stands to receive for a purpose or what lies beneath it."""
        permitted = self._standing.permitted(self._beneath([purpose]))
        return sorted({recipient for _, recipient, _ in permitted} - {SELF})

    def _beneath(self, purposes: Iterable[str]) -> set[str]:
        above = set(purposes)
        names = (purpose.purpose_id for purpose in self._vocabulary.purposes)
        ancestors = self._vocabulary.ancestors
        return {p for p in names if p in above or not above.isdisjoint(ancestors(p))}

    # -- a yes -------------------------------------------------------------------------------------

    def _agree(self, said: Said, recipient: str, time: int) -> None:
        if not self._may_say_yes(time) or self._standing.forbids(said.purpose, recipient):
            return
        scope = (said.purpose, recipient, ANY_CHANNEL)
        latest = self._standing.latest(stream_of(said.by), scope)
        if latest is not None:
            if latest.judgement.rank == 0 and self._standing.holds(latest):
                self.applies = True
                return
            if latest.clamped_ms >= time:
                return
        self._add(self._event(said, recipient, time, LOWEST_TRUST))

    def drop_idle_yeses(self) -> None:
        """Keep only what then permits; what a yes does is in its own scope, so all at once."""
        if not any(event.state.valid_for_processing for event in self.events):
            return
        after = self._after(self.events)
        self.events = [
            event
            for event in self.events
            if event.state.is_objection or after.permits(event.purpose, event.recipient)
        ]
        self.applies |= any(event.state.valid_for_processing for event in self.events)

    def _may_say_yes(self, time: int) -> bool:
        """Rules 6 and 13: what the caller may not say itself, no signal says for it."""
        days = self._source.backdate_days
        recent = days is None or self._at_ms - time <= days * DAY_MS
        return recent and self._source.first_hand and not self._source.child_directed

    # -- writing -----------------------------------------------------------------------------------

    def _add(self, event: ConsentEvent) -> None:
        said_already = {(e.source_id, e.purpose, e.recipient) for e in self.events}
        if (event.source_id, event.purpose, event.recipient) not in said_already:
            self.events.append(event)

    def _event(self, said: Said, recipient: str, time: int, trust: int) -> ConsentEvent:
        signal = self._signal
        return ConsentEvent(
            subject_id=signal.subject_id,
            state=said.state,
            purpose=said.purpose,
            purpose_version=self._vocabulary.find(said.purpose).version,
            recipient=recipient,
            event_type=said.event_type,
            event_time_ms=time,
            source_id=stream_of(said.by),
            source_event_id=f"{signal.source_id}/{signal.source_event_id}/{len(self.events)}",
            source_trust=trust,
            jurisdiction=signal.jurisdiction,
            method=Method.SIGNAL,
            relation=Relation.MACHINE,
        )
