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
from consent.persons import YEAR_MS, band_of, weight
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
    age: "Age | None"
    used_up: bool
    origin: str
    """Subject id of the record that it is of: after a merge there are several. Empty for what a
    merge itself left open."""

    @property
    def stream(self) -> tuple[str, str]:
        """Of one source about one record, the latest decides."""
        return self.origin, self.judgement.source

    @property
    def failure(self) -> Reason | None:
        """Why it permits nothing, whatever the time."""
        if self.judgement.failure is not None:
            return self.judgement.failure
        return _by_age(self) or (Reason.USED_UP if self.used_up else None)

    @property
    def ends(self) -> tuple[int, Reason]:
        """Rules 8, 9 and 13: when its term, its notice or the guardian's say ends it, and which."""
        grown = FOREVER
        if self.judgement.guardian and self.age is not None:
            years = max(self.judgement.guardian_below - self.age.youngest, 0)
            grown = self.age.since_ms + years * YEAR_MS
        ends = (
            (self.judgement.holds_until_ms, Reason.RENEWAL_REQUIRED),
            (grown, Reason.GUARDIAN_ENDED),
            (self.until_ms, Reason.EXPIRED),
        )
        return min(ends, key=lambda end: end[0])

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

    @property
    def may_end_a_no(self) -> bool:
        """Rules 3 and 13: an act by who may say yes for the person, as far as ages are known."""
        unknown_child = self.judgement.guardian and self.age is None
        return self.acts and not unknown_child and _by_age(self) is None


@dataclass(frozen=True, slots=True)
class Age:
    """What is known of the subject's age."""

    youngest: int
    """The lowest age that they may have."""
    since_ms: int
    """When that was said."""
    lowest: int
    """The lowest age that was ever said."""


def judged(entries: Sequence[Logged], vocabulary: Vocabulary) -> list[Said]:
    """Return the subject's consent events that count, each judged; rules 6, 7, 8 and 13."""
    consents = []
    for e in entries:
        if isinstance(e.record, ConsentEvent):
            verdict = _judge(e.record, vocabulary)
            if verdict.rank != 0 or _in_time(e.record, e.recorded_at_ms, verdict):
                consents.append((e, e.record, verdict))
    age = _age([(e, event) for e, event, _ in consents])
    return [
        Said(
            index=e.index,
            recorded_ms=e.recorded_at_ms,
            time_ms=event.event_time_ms,
            until_ms=FOREVER if event.valid_until_ms is None else event.valid_until_ms,
            judgement=verdict,
            age=age,
            used_up=_used_up(e.index, verdict, entries),
            origin=event.subject_id,
        )
        for e, event, verdict in consents
    ]


def _judge(event: ConsentEvent, vocabulary: Vocabulary) -> Judgement:
    whats = Whats()
    what = whats[whats.number_of(event)]
    assert isinstance(what, ConsentWhat)
    return judge(what, vocabulary)


def _in_time(event: ConsentEvent, recorded_ms: int, verdict: Judgement) -> bool:
    """Rules 6 and 7: a grant from too far ahead or behind does not count; a no always does."""
    ahead = event.event_time_ms > recorded_ms + SKEW_MS
    return not ahead and recorded_ms - event.event_time_ms <= verdict.back_ms


def _age(consents: Sequence[tuple[Logged, ConsentEvent]]) -> Age | None:
    """Rule 13: return what is known of the subject's age, if anything is."""
    told = []
    for e, c in consents:
        if c.age_band is not None:
            time_ms = min(c.event_time_ms, e.recorded_at_ms)
            told.append((weight(c.age_band, c.age_assurance, time_ms), time_ms, c.age_band))
    if not told:
        return None
    best, since_ms, _ = max(told)
    return Age(band_of(best).youngest, since_ms, min(band.youngest for _, _, band in told))


def _by_age(said: Said) -> Reason | None:
    """Rule 13: a child's own yes does not count, also later; nor a guardian's once the child is
    none.
    """
    age, below = said.age, said.judgement.guardian_below
    if age is None:
        return None
    child = age.youngest < below
    if said.judgement.guardian:
        return None if child else Reason.GUARDIAN_ENDED
    as_child = child or (age.lowest < below and said.clamped_ms < age.since_ms)
    return Reason.NOT_BY_GUARDIAN if as_child else None


def _used_up(index: int, verdict: Judgement, entries: Sequence[Logged]) -> bool:
    """Rule 8: a consent to so many uses permits no more than that, whatever is given back."""
    if verdict.max_uses is None:
        return False
    reserved = {e.index for e in entries if _is_of(e, OccurrenceReserved, index)}
    released = {e.index for e in entries if _is_of(e, OccurrenceReleased, index)}
    return max(0, len(reserved) - len(released)) >= verdict.max_uses


def _is_of(
    entry: Logged, kind: type[OccurrenceReserved] | type[OccurrenceReleased], grant: int
) -> bool:
    return isinstance(entry.record, kind) and entry.record.grant == grant


class _Stream:
    """What one source said about one scope, latest last."""

    def __init__(self, said: Iterable[Said], at_ms: int) -> None:
        self.said = sorted(said, key=lambda s: s.place)
        self.latest = self.said[-1]
        end_ms, ending = self.latest.ends
        self.failure = self.latest.failure or (ending if end_ms <= at_ms else None)
        self.worst_trust = max(s.judgement.trust for s in self.said)
        self.objection = self._standing_objection()

    @property
    def says_yes(self) -> bool:
        return self.failure is None and self.objection is None

    def _standing_objection(self) -> Said | None:
        """Rule 3: a no stands until an act that is newer and of the stream's rank.

        If it is newer by no more than the skew it must also have been written down after every no:
        where it was not, the clocks of a source may have differed. A copy never ends a no.
        """
        objections = [s for s in self.said if s.judgement.objection is not None]
        if not objections:
            return None
        last = objections[-1]
        acts = [s for s in self.said if s.acts]
        if not acts:
            return last
        act = acts[-1]
        newer_ms = act.clamped_ms - last.clamped_ms
        after = newer_ms > 0 and act.index > max(s.index for s in objections)
        ended = (
            (after or newer_ms > SKEW_MS)
            and act.judgement.trust >= self.worst_trust
            and act.may_end_a_no
        )
        return None if ended else last


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
            and other.latest.may_end_a_no
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
