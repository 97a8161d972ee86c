"""What everybody's consent to one scope looks like: the bitmaps that a query combines.

For each subject the sources' streams are folded into a few numbers when an event comes in: until
when the scope permits, whether an objection stands and until when it is settled, and which reason
to give. As time passes grants only expire, so each of these changes at most once, at a known
instant.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from pyroaring import BitMap

from consent.records import ConsentEvent
from consent.rules import SKEW_MS, Place, Reason, covers, failure, place
from consent.timed import FOREVER, NEVER, TimedSet, canonical_bitmap
from consent.vocabulary import Vocabulary

_NOWHERE: Final[Place] = (-1, -1, -1)


class _Stream:
    """The latest of what one source said about the scope, for one subject."""

    __slots__ = (
        "cleared_ms", "covered", "explicit", "failure", "latest", "objected",
        "objection", "source", "trust", "until", "worst_trust",
    )  # fmt: skip

    def __init__(self, source: str) -> None:
        self.source = source
        self.latest = self.objected = _NOWHERE
        self.objection: Reason | None = None
        self.cleared_ms = -1
        self.worst_trust = 0
        self.until = NEVER
        self.failure: Reason | None = None
        self.explicit = False
        self.trust = 0
        self.covered: tuple[str, ...] = ()

    def fold(self, where: Place, event: ConsentEvent, vocabulary: Vocabulary) -> None:
        """Take in one event; every field is a maximum, so order does not matter."""
        explicit = event.is_explicit_grant
        if event.source_trust > self.worst_trust:
            self.worst_trust = event.source_trust
        if explicit and where[0] > self.cleared_ms:
            self.cleared_ms = where[0]
        if where[1] == 2 and where > self.objected:
            self.objected, self.objection = where, Reason(event.state.value)
        if where > self.latest:
            self.latest, self.explicit, self.trust = where, explicit, event.source_trust
            self.failure = failure(event, vocabulary)
            self.until = NEVER
            self.covered = ()
            if self.failure is None:
                self.until = FOREVER if event.valid_until_ms is None else event.valid_until_ms
                if event.listed:
                    self.covered = _covered(event, vocabulary)

    @property
    def objects(self) -> bool:
        """Whether a no stands that no explicit grant of this source came after."""
        return self.objection is not None and self.cleared_ms <= self.objected[0]


def _covered(event: ConsentEvent, vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(
        p
        for p in event.listed
        if p != event.purpose and vocabulary.has(p) and covers(event, p, vocabulary)
    )


class _Subject:
    """One subject's streams and what they were last folded to."""

    __slots__ = ("covered", "newest_ms", "objection", "reason", "streams")

    def __init__(self) -> None:
        self.streams: list[_Stream] = []
        self.newest_ms = -1
        self.reason: Reason | None = None
        self.objection: Reason | None = None
        self.covered: tuple[str, ...] = ()

    def stream(self, source: str) -> _Stream:
        for stream in self.streams:
            if stream.source == source:
                return stream
        stream = _Stream(source)
        self.streams.append(stream)
        return stream


class ScopeState:
    """The bitmaps of one scope."""

    __slots__ = (
        "_covered", "_disagreeing", "_newest_ms", "_objecting", "_own", "_people", "_permitted",
        "_reasons", "_settled", "_vocabulary",
    )  # fmt: skip

    def __init__(self, purpose: str, vocabulary: Vocabulary) -> None:
        self._own, self._vocabulary = purpose, vocabulary
        self._people: dict[int, _Subject] = {}
        self._newest_ms = -1
        self._permitted = TimedSet()
        self._covered: dict[str, TimedSet] = {}
        self._disagreeing = TimedSet()
        self._objecting: dict[Reason, BitMap] = {}
        self._settled = TimedSet()
        self._reasons: dict[Reason, BitMap] = {}

    @property
    def subjects(self) -> int:
        """How many subjects there is something known about."""
        return len(self._people)

    def apply(self, index: int, event: ConsentEvent, dense: int, recorded_at_ms: int) -> None:
        """Take in one event about the subject with number `dense`."""
        subject = self._people.get(dense)
        if subject is None:
            subject = self._people[dense] = _Subject()
        if recorded_at_ms > subject.newest_ms:
            subject.newest_ms = recorded_at_ms
            if recorded_at_ms > self._newest_ms:
                self._newest_ms = recorded_at_ms
        stream = subject.stream(event.source_id)
        stream.fold(place(index, recorded_at_ms, event), event, self._vocabulary)
        if len(subject.streams) == 1:
            self._settle_one(dense, subject, stream)
        else:
            self._settle_many(dense, subject)

    def forget(self, dense: int) -> None:
        """Drop everything about a subject."""
        subject = self._people.pop(dense, None)
        if subject is None:
            return
        self._permitted.put(dense, NEVER)
        self._disagreeing.put(dense, NEVER)
        self._settled.put(dense, NEVER)
        self._put_covered(dense, subject, ())
        _move(self._objecting, dense, subject.objection, None)
        _move(self._reasons, dense, subject.reason, None)

    def forbidden(self, at_ms: int, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return who of `among` objects at an instant, by the state of the latest objection."""
        settled: BitMap | None = None
        for reason, members in self._objecting.items():
            found = members & among
            if found:
                settled = self._settled.at(at_ms) if settled is None else settled
                yield reason, found - settled

    def newer_than(self, limit_ms: int, among: BitMap) -> BitMap:
        """Return who of `among` has an event that was recorded after `limit_ms`; empty in every
        live query.
        """
        if self._newest_ms <= limit_ms:
            return BitMap()
        people = self._people
        return BitMap([d for d in among if d in people and people[d].newest_ms > limit_ms])

    def permitted_for(self, purpose: str, at_ms: int) -> BitMap:
        """Return whom this scope permits `purpose` for; `purpose` is the scope's own or a narrower
        one.
        """
        if purpose == self._own:
            return self._permitted.at(at_ms)
        covered = self._covered.get(purpose)
        return BitMap() if covered is None else covered.at(at_ms)

    def explain(self, at_ms: int, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return why those of `among` who are in this scope are not permitted what was asked."""
        present = BitMap.union(BitMap(), *self._reasons.values()) & among
        if not present:
            return
        permitted = present & self._permitted.at(at_ms)
        yield Reason.NOT_LISTED, permitted
        disagreeing = (present - permitted) & self._disagreeing.at(at_ms)
        yield Reason.SOURCES_DISAGREE, disagreeing
        left = present - permitted - disagreeing
        for reason, members in self._reasons.items():
            yield reason, members & left

    def digest_into(self, state: "hashlib._Hash") -> None:
        """Feed the whole content, in one order, to a hash."""
        self._permitted.digest_into(state)
        self._disagreeing.digest_into(state)
        self._settled.digest_into(state)
        for purpose in sorted(self._covered):
            if self._covered[purpose]:
                state.update(purpose.encode() + b"\x00")
                self._covered[purpose].digest_into(state)
        for bitmaps in (self._objecting, self._reasons):
            for reason in sorted(r for r in bitmaps if bitmaps[r]):
                state.update(reason.encode() + b"\x00" + canonical_bitmap(bitmaps[reason]))

    def _settle_one(self, dense: int, subject: _Subject, only: _Stream) -> None:
        """Fold a single stream: what nearly everybody has."""
        objects = only.objects
        until = NEVER if objects else only.until
        self._permitted.put(dense, until)
        if only.covered or subject.covered:
            self._put_covered(dense, subject, [(p, until) for p in only.covered])
        self._give(dense, subject, only.objection if objects else None, _why_not(only))

    def _settle_many(self, dense: int, subject: _Subject) -> None:
        """Fold several streams: rule 4, and rule 3 across sources."""
        streams = subject.streams
        yes = [s for s in streams if not s.objects and s.until > 0]
        ends = sorted({s.until for s in yes}, reverse=True)
        objecting = [s for s in streams if s.objects]
        until = next((u for u in ends if _all_settled(_not_yes(streams, u), yes, u)), NEVER)
        quiet = next((u for u in ends if _all_settled(objecting, yes, u)), NEVER)
        self._permitted.put(dense, until)
        self._settled.put(dense, quiet if objecting else NEVER)
        self._disagreeing.put(dense, ends[0] if ends and ends[0] > until else NEVER)
        covered: dict[str, int] = {}
        for s in yes:
            for p in s.covered:
                covered[p] = max(covered.get(p, NEVER), min(s.until, until))
        self._put_covered(dense, subject, covered.items())
        latest = max(objecting, key=lambda s: s.objected, default=None)
        why = _why_not(max(streams, key=lambda s: s.latest))
        self._give(dense, subject, latest.objection if latest else None, why)

    def _put_covered(
        self, dense: int, subject: _Subject, covered: Iterable[tuple[str, int]]
    ) -> None:
        for purpose in subject.covered:
            self._covered[purpose].put(dense, NEVER)
        kept = dict(covered)
        for purpose, until in kept.items():
            self._covered.setdefault(purpose, TimedSet()).put(dense, until)
        subject.covered = tuple(kept)

    def _give(
        self, dense: int, subject: _Subject, objection: Reason | None, reason: Reason
    ) -> None:
        if objection is not subject.objection:
            _move(self._objecting, dense, subject.objection, objection)
            subject.objection = objection
        if reason is not subject.reason:
            _move(self._reasons, dense, subject.reason, reason)
            subject.reason = reason


def _not_yes(streams: list[_Stream], end: int) -> list[_Stream]:
    """Return the streams that say no in the last moment before `end`."""
    return [s for s in streams if s.objects or s.until < end]


def _all_settled(unwilling: list[_Stream], yes: list[_Stream], end: int) -> bool:
    """Rule 3 across sources, in the last moment before `end`."""
    lifting = [s for s in yes if s.explicit and s.until >= end]
    return all(
        any(y.trust >= s.worst_trust and y.latest[0] > s.latest[0] + SKEW_MS for y in lifting)
        for s in unwilling
    )


def _why_not(stream: _Stream) -> Reason:
    """Return the reason to give once this stream no longer says yes."""
    if stream.failure is not None:
        return stream.failure
    return Reason.UNKNOWN if stream.objects else Reason.EXPIRED


def _move(
    bitmaps: dict[Reason, BitMap], dense: int, old: Reason | None, new: Reason | None
) -> None:
    if old is not None:
        bitmaps[old].discard(dense)
    if new is not None:
        bitmaps.setdefault(new, BitMap()).add(dense)
