"""What everybody's consent to one scope looks like: the bitmaps that a query combines.

For each subject the sources' streams are folded into a few numbers when an event comes in: until
when the scope permits, whether an objection stands and until when it is settled, and which reason
to give. As time passes grants only expire, so each of these changes at most once, at a known
instant.
"""

import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from pyroaring import BitMap

from consent.canonical import Json
from consent.events import ConsentEvent
from consent.rules import SKEW_MS, Reason, place
from consent.streams import Stream, StreamTable
from consent.timed import NEVER, TimedSet, canonical_bitmap
from consent.vocabulary import Vocabulary


class _Folded(NamedTuple):
    """What the streams of one subject come to."""

    until: int
    """Until when the scope permits; NEVER where it does not."""
    settled: int
    """Until when the standing objections are settled."""
    disagreeing: int
    """Until when some source says yes although the scope does not permit."""
    covered: tuple[tuple[str, int], ...]
    """Narrower purposes that are permitted too, and until when."""
    objection: Reason | None
    reason: Reason | None


_NOTHING: Final = _Folded(NEVER, NEVER, NEVER, (), None, None)


class ScopeState:
    """The bitmaps of one scope."""

    __slots__ = (
        "_covered", "_disagreeing", "_newest_ms", "_objecting", "_own", "_permitted", "_reasons",
        "_settled", "_streams", "_vocabulary",
    )  # fmt: skip

    def __init__(self, purpose: str, vocabulary: Vocabulary) -> None:
        self._own, self._vocabulary = purpose, vocabulary
        self._streams = StreamTable()
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
        return self._streams.subjects

    def apply(self, index: int, event: ConsentEvent, dense: int, recorded_at_ms: int) -> None:
        """Take in one event about the subject with number `dense`."""
        streams = self._streams.of(dense)
        before = _folded(streams) if streams else _NOTHING
        stream = next((s for s in streams if s.source == event.source_id), None)
        if stream is None:
            stream = Stream(event.source_id)
            streams.append(stream)
        stream.fold(place(index, recorded_at_ms, event), event, recorded_at_ms, self._vocabulary)
        self._streams.keep(dense, stream)
        if recorded_at_ms > self._newest_ms:
            self._newest_ms = recorded_at_ms
        self._change(dense, before, _folded(streams))

    def forget(self, dense: int) -> None:
        """Drop everything about a subject."""
        streams = self._streams.of(dense)
        if streams:
            self._streams.drop(dense)
            self._change(dense, _folded(streams), _NOTHING)

    def dump(self) -> tuple[list[Json], bytes]:
        """Return all that `load` needs, in an order that depends on the content alone."""
        return self._streams.dump()

    def load(self, kinds: list[Json], rows: bytes) -> None:
        """Fill a state about nobody with what `dump` returned.

        Raises: MalformedRecord.
        """
        self._streams.load(kinds, rows)
        for dense, streams in self._streams:
            self._newest_ms = max(self._newest_ms, *(s.newest_ms for s in streams))
            self._change(dense, _NOTHING, _folded(streams))

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
        streams = self._streams
        return BitMap([d for d in among if any(s.newest_ms > limit_ms for s in streams.of(d))])

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

    def _change(self, dense: int, before: _Folded, after: _Folded) -> None:
        """Move a subject in the bitmaps from where it was to where it belongs now."""
        if after.until != before.until:
            self._permitted.put(dense, after.until)
        if after.settled != before.settled:
            self._settled.put(dense, after.settled)
        if after.disagreeing != before.disagreeing:
            self._disagreeing.put(dense, after.disagreeing)
        if after.covered != before.covered:
            for purpose, _ in before.covered:
                self._covered[purpose].put(dense, NEVER)
            for purpose, until in after.covered:
                self._covered.setdefault(purpose, TimedSet()).put(dense, until)
        if after.objection is not before.objection:
            _move(self._objecting, dense, before.objection, after.objection)
        if after.reason is not before.reason:
            _move(self._reasons, dense, before.reason, after.reason)


def _folded(streams: list[Stream]) -> _Folded:
    return _fold_one(streams[0]) if len(streams) == 1 else _fold_many(streams)


def _fold_one(only: Stream) -> _Folded:
    """Fold a single stream: what nearly everybody has."""
    objects = only.objects
    until = NEVER if objects else only.until
    covered = tuple((p, until) for p in only.covered) if only.covered else ()
    return _Folded(
        until, NEVER, NEVER, covered, only.objection if objects else None, _why_not(only)
    )


def _fold_many(streams: list[Stream]) -> _Folded:
    """Fold several streams: rule 4, and rule 3 across sources."""
    yes = [s for s in streams if not s.objects and s.until > 0]
    ends = sorted({s.until for s in yes}, reverse=True)
    objecting = [s for s in streams if s.objects]
    until = next((u for u in ends if _all_settled(_not_yes(streams, u), yes, u)), NEVER)
    quiet = next((u for u in ends if _all_settled(objecting, yes, u)), NEVER)
    covered: dict[str, int] = {}
    for s in yes:
        for p in s.covered:
            covered[p] = max(covered.get(p, NEVER), min(s.until, until))
    latest = max(objecting, key=lambda s: s.objected, default=None)
    return _Folded(
        until=until,
        settled=quiet if objecting else NEVER,
        disagreeing=ends[0] if ends and ends[0] > until else NEVER,
        covered=tuple(covered.items()),
        objection=latest.objection if latest else None,
        reason=_why_not(max(streams, key=lambda s: s.latest)),
    )


def _not_yes(streams: list[Stream], end: int) -> list[Stream]:
    """Return the streams that say no in the last moment before `end`."""
    return [s for s in streams if s.objects or s.until < end]


def _all_settled(unwilling: list[Stream], yes: list[Stream], end: int) -> bool:
    """Rule 3 across sources, in the last moment before `end`."""
    lifting = [s for s in yes if s.explicit and s.until >= end]
    return all(
        any(y.trust >= s.worst_trust and y.latest[0] > s.latest[0] + SKEW_MS for y in lifting)
        for s in unwilling
    )


def _why_not(stream: Stream) -> Reason:
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
