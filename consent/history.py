"""What all sources said about one scope for one subject, read event by event: rules 1 to 13.

The plain half of the reference (`decision.py`); nothing here is fast.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from consent.events import ConsentEvent
from consent.facts import ConsentWhat, Whats
from consent.fields import Entry
from consent.instants import FOREVER
from consent.judging import Judgement, judge
from consent.persons import band_of, weight
from consent.reasons import SKEW_MS, Reason
from consent.uses import OccurrenceReleased, OccurrenceReserved
from consent.vocabulary import Vocabulary

Place = tuple[int, int, int]
"""(time, rank, index): what decides which event of a stream is the latest."""


class Logged(Protocol):
    """An entry where it stands."""

    @property
    def index(self) -> int: ...
    @property
    def recorded_at_ms(self) -> int: ...
    @property
    def record(self) -> Entry: ...


@dataclass(frozen=True, slots=True)
class Said:
    """One consent event of the subject, judged."""

    index: int
    recorded_ms: int
    time_ms: int
    until_ms: int
    judgement: Judgement
    failure: Reason | None
    origin: str
    """Subject id of the record that it is of: after a merge there are several. Empty for what a
    merge itself left open."""

    @property
    def stream(self) -> tuple[str, str]:
        """Of one source about one record, the latest decides."""
        return self.origin, self.judgement.source

    @property
    def place(self) -> Place:
        """Rule 2: the source's time, but no later than it was recorded; then no over yes; then
        index.

        Nothing happened after it was written down. A source whose clock runs ahead could otherwise
        give a consent that outlives the withdrawal which follows it.
        """
        return self.clamped_ms, self.judgement.rank, self.index

    @property
    def clamped_ms(self) -> int:
        return min(self.time_ms, self.recorded_ms)

    @property
    def acts(self) -> bool:
        """Rule 3: an act of the person on the notice that was current then."""
        return self.judgement.act and self.clamped_ms < self.judgement.act_before_ms


def judged(entries: Sequence[Logged], vocabulary: Vocabulary) -> list[Said]:
    """Return the subject's consent events that count, each judged; rules 6, 7, 8 and 13."""
    consents = [(e, e.record) for e in entries if isinstance(e.record, ConsentEvent)]
    age = _youngest(consents)
    said = []
    for e, event in consents:
        whats = Whats()
        what = whats[whats.number_of(event)]
        assert isinstance(what, ConsentWhat)
        verdict = judge(what, vocabulary)
        until = FOREVER if event.valid_until_ms is None else event.valid_until_ms
        if verdict.rank == 0 and not _in_time(event, e.recorded_at_ms, verdict):
            continue
        failure = verdict.failure or _by_age(verdict, age) or _used_up(e.index, verdict, entries)
        said.append(
            Said(
                e.index,
                e.recorded_at_ms,
                event.event_time_ms,
                until,
                verdict,
                failure,
                event.subject_id,
            )
        )
    return said


def _in_time(event: ConsentEvent, recorded_ms: int, verdict: Judgement) -> bool:
    """Rules 6 and 7: a grant from too far ahead or behind does not count; a no always does."""
    ahead = event.event_time_ms > recorded_ms + SKEW_MS
    return not ahead and recorded_ms - event.event_time_ms <= verdict.back_ms


def _youngest(consents: Sequence[tuple[Logged, ConsentEvent]]) -> int | None:
    """Rule 13: return the lowest age that the subject may have, if anything is known."""
    weights = [
        weight(c.age_band, c.age_assurance, min(c.event_time_ms, e.recorded_at_ms))
        for e, c in consents
        if c.age_band is not None
    ]
    return band_of(max(weights)).youngest if weights else None


def _by_age(verdict: Judgement, youngest: int | None) -> Reason | None:
    if youngest is None:
        return None
    child = youngest < verdict.guardian_below
    if child and not verdict.guardian:
        return Reason.NOT_BY_GUARDIAN
    return Reason.GUARDIAN_ENDED if verdict.guardian and not child else None


def _used_up(index: int, verdict: Judgement, entries: Sequence[Logged]) -> Reason | None:
    """Rule 8: a consent to so many uses permits no more than that."""
    if verdict.max_uses is None:
        return None
    reserved = {e.index for e in entries if _is_of(e, OccurrenceReserved, index)}
    released = {e.index for e in entries if _is_of(e, OccurrenceReleased, index)}
    return Reason.USED_UP if len(reserved) - len(released) >= verdict.max_uses else None


def _is_of(
    entry: Logged, kind: type[OccurrenceReserved] | type[OccurrenceReleased], grant: int
) -> bool:
    return isinstance(entry.record, kind) and entry.record.grant == grant


class _Stream:
    """What one source said about one scope, latest last."""

    def __init__(self, said: Iterable[Said], at_ms: int) -> None:
        self.said = sorted(said, key=lambda s: s.place)
        self.latest = self.said[-1]
        self.failure = self.latest.failure or _ended(self.latest, at_ms)
        self.objection = self._uncleared_objection()
        self.worst_trust = max(s.judgement.trust for s in self.said)

    @property
    def says_yes(self) -> bool:
        return self.failure is None and self.objection is None

    def _uncleared_objection(self) -> Said | None:
        """Rule 3: a no stands until an act that is strictly newer; a copy never lifts it."""
        objections = [s for s in self.said if s.judgement.objection is not None]
        if not objections:
            return None
        last = objections[-1]
        cleared = any(s.acts and s.clamped_ms > last.clamped_ms for s in self.said)
        return None if cleared else last


def _ended(said: Said, at_ms: int) -> Reason | None:
    """Rules 8 and 9: its own term or a later notice ends it, whichever comes first."""
    renewal = said.judgement.holds_until_ms
    if min(renewal, said.until_ms) > at_ms:
        return None
    return Reason.RENEWAL_REQUIRED if renewal <= said.until_ms else Reason.EXPIRED


class History:
    """What all sources said about one scope, as it stands at an instant."""

    def __init__(self, said: Sequence[Said], at_ms: int) -> None:
        self.said = said
        self._streams = [
            _Stream((s for s in said if s.stream == stream), at_ms)
            for stream in {s.stream for s in said}
        ]

    def standing_objection(self) -> Said | None:
        """Return the latest no that nothing settled, if there is one."""
        objecting = [s for s in self._streams if s.objection is not None]
        if all(self._is_settled(s) for s in objecting):
            return None
        return max((s.objection for s in objecting if s.objection), key=lambda s: s.place)

    def grant_for(self, purpose: str) -> Said | None:
        """Return the latest grant that permits `purpose`, if the scope permits."""
        if not self.permits():
            return None
        granting = [
            s.latest
            for s in self._streams
            if s.says_yes and self._covers(s.latest.judgement, purpose)
        ]
        return max(granting, key=lambda s: s.place, default=None)

    def explain(self) -> tuple[Reason, int]:
        """Return the denial of a scope without a standing objection and without a fitting grant."""
        latest = max(self._streams, key=lambda s: s.latest.place)
        if self.permits():
            return Reason.NOT_LISTED, latest.latest.index
        if any(s.says_yes for s in self._streams):
            against = [s.latest for s in self._streams if not s.says_yes]
            return Reason.SOURCES_DISAGREE, max(against, key=lambda s: s.place).index
        return latest.failure or Reason.UNKNOWN, latest.latest.index

    def _is_settled(self, stream: _Stream) -> bool:
        """Rule 3 across sources: a newer act, by more than the skew, of at least this trust."""
        return any(
            other.says_yes
            and other.latest.acts
            and other.latest.judgement.trust >= stream.worst_trust
            and other.latest.clamped_ms > stream.latest.clamped_ms + SKEW_MS
            for other in self._streams
        )

    def permits(self) -> bool:
        """Rule 4: every source that said anything must say yes, or be settled by a newer act."""
        yes = any(s.says_yes for s in self._streams)
        return yes and all(s.says_yes or self._is_settled(s) for s in self._streams)

    def _covers(self, judgement: Judgement, purpose: str) -> bool:
        """Rule 10: its own purpose, or a narrower one that its notice listed."""
        own = judgement.scope is not None and judgement.scope[0] == purpose
        return own or purpose in judgement.covered
