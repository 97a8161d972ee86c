"""What everybody's consent to one scope looks like: the bitmaps that a query combines.

When facts come in, the streams of whom they are about are folded into a few instants; the bitmaps
hold these. As time passes grants only expire, so each of them changes at most once, at a known
instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import Subjects, bitmap, members
from consent.facts import Facts
from consent.fold import Folded, Hold, Numbers, Streams, fold, place_at, rows_of, with_holds
from consent.instants import NEVER
from consent.judged import Judged
from consent.occurrences import Occurrences
from consent.persons import Persons
from consent.reasons import REASONS, Reason, Scope
from consent.streams import StreamTable
from consent.timed import TimedSet, canonical_bitmap

NO_WHAT = 2**32 - 1
"""Stands where nobody said anything."""
_PART = 1 << 20
"""Facts or subjects that are worked on at a time."""


@dataclass(frozen=True, slots=True)
class _Stance:
    """What one record of a person says about the scope at an instant."""

    known: bool
    permits: bool
    objection: int


class ScopeState:
    """The bitmaps of one scope."""

    __slots__ = (
        "_covered", "_disagreeing", "_holds", "_judged", "_objecting", "_occurrences",
        "_permitted", "_persons", "_reasons", "_scope", "_settled", "_streams",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, judged: Judged, persons: Persons, occurrences: Occurrences
    ) -> None:
        self._scope, self._judged = scope, judged
        self._persons, self._occurrences = persons, occurrences
        self._streams = StreamTable(judged)
        self._permitted, self._settled, self._disagreeing = TimedSet(), TimedSet(), TimedSet()
        self._covered: dict[str, TimedSet] = {}
        self._holds: dict[int, list[Hold]] = {}
        """What merges left open, by the subject that is continued."""
        self._objecting: dict[Reason, BitMap] = {}
        self._reasons: dict[Reason, BitMap] = {}

    @property
    def subjects(self) -> BitMap:
        """Everybody about whom there is something known here; not to be changed."""
        return self._streams.subjects

    def take_in(self, facts: Facts, origin: int | None = None) -> None:
        """Take in facts of this scope, in parts that bound the memory."""
        changed = BitMap()
        for start in range(0, len(facts), _PART):
            changed |= bitmap(self._streams.take_in(facts[start : start + _PART], origin))
        self.refold(changed)

    def merge(self, kept: int, absorbed: int, index: int, at_ms: int) -> None:
        """Rule 4: two records turn out to be one person.

        What either objects to or does not permit at that moment is not permitted from then on,
        until a newer act of the person.
        """
        stances = [self._stance(subject, at_ms) for subject in (kept, absorbed)]
        if not any(stance.known for stance in stances):
            return
        self._streams.move(absorbed, kept)
        holds = self._holds.pop(kept, []) + self._holds.pop(absorbed, [])
        if not all(stance.permits for stance in stances):
            objection = max((s.objection for s in stances), key=lambda o: (o > 0, -o))
            holds.append(Hold(place_at(at_ms, 2 if objection else 1), index, objection))
        if holds:
            self._holds[kept] = holds
        self._clear(absorbed)
        self.refold(BitMap([kept]))

    def refold(self, subjects: BitMap) -> None:
        """Look again at those of these subjects who are here: something about them changed."""
        here = members(subjects & self._streams.subjects)
        for start in range(0, len(here), _PART):
            self._set(here[start : start + _PART])

    def forget(self, subject: int) -> None:
        """Drop everything about a subject."""
        if subject in self._streams.subjects:
            self._streams.drop(subject)
            self._holds.pop(subject, None)
            self._clear(subject)

    def forbidden(self, at_ms: int, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return who of `among` objects at an instant, by the state of the latest objection."""
        for reason, who in self._objecting.items():
            found = who & among
            if found:
                yield reason, found - self._settled.among(at_ms, found)

    def newer_than(self, limit_ms: int, among: BitMap) -> BitMap:
        """Return who of `among` has an event that was recorded after `limit_ms`; empty in every
        live query.
        """
        if self._streams.newest_ms <= limit_ms:
            return BitMap()
        return bitmap(self._streams.later_than(limit_ms, members(among & self.subjects)))

    def permitted(self, purpose: str, at_ms: int, among: BitMap) -> BitMap:
        """Return whom of `among` this scope permits `purpose` for: the scope's own or a narrower
        one.
        """
        if purpose == self._scope[0]:
            return self._permitted.among(at_ms, among)
        covered = self._covered.get(purpose)
        return BitMap() if covered is None else covered.among(at_ms, among)

    def explain(self, at_ms: int, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return why those of `among` who are in this scope are not permitted what was asked."""
        present = self.subjects & among
        if not present:
            return
        permitted = self._permitted.among(at_ms, present)
        yield Reason.NOT_LISTED, permitted
        disagreeing = self._disagreeing.among(at_ms, present - permitted)
        yield Reason.SOURCES_DISAGREE, disagreeing
        left = present - permitted - disagreeing
        for reason, who in self._reasons.items():
            yield reason, who & left

    def expiring(self, after_ms: int, until_ms: int) -> BitMap:
        """Return whose permission ends after the one instant, up to and including the other."""
        return self._permitted.leaving(after_ms, until_ms)

    def latest_grants(self, who: BitMap, purpose: str, at_ms: int) -> dict[int, int]:
        """Return the index of the grant by which each of these was permitted `purpose` until after
        `at_ms`: the latest one that covers it.
        """
        subjects = members(who & self.subjects)
        grants: dict[int, int] = {}
        for some, streams, whats in self._fetch(subjects):
            granted = fold(streams).granted > at_ms
            if purpose != self._scope[0]:
                covering = self._judged.covered.get(purpose, np.empty(0, dtype=np.uint32))
                granted &= np.isin(whats, covering)
            place = np.where(granted, streams.place, NEVER)
            latest = granted & (place == place.max(axis=1, keepdims=True))
            index = np.where(latest, streams.index, NEVER).max(axis=1)
            found = index != NEVER
            grants.update(zip(some[found].tolist(), index[found].tolist(), strict=True))
        return grants

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return every set of this scope that is not empty: name, size, its one encoding."""
        timed = {
            "permitted": self._permitted,
            "settled": self._settled,
            "disagreeing": self._disagreeing,
            **{f"covers {p}": self._covered[p] for p in sorted(self._covered)},
        }
        for name, of in timed.items():
            if of:
                yield name, len(of), of.canonical()
        for kind, bitmaps in (("objecting", self._objecting), ("reason", self._reasons)):
            for reason in sorted(r for r in bitmaps if bitmaps[r]):
                who = bitmaps[reason]
                yield f"{kind} {reason.value}", len(who), canonical_bitmap(who)

    # -- inside ------------------------------------------------------------------------------------

    def _fetch(self, subjects: Subjects) -> Iterator[tuple[Subjects, Streams, NDArray[np.uint32]]]:
        """Return these subjects in parts, with their streams and the whats of the latest."""
        used_up = self._occurrences.used_up()
        for some, at in self._streams.by_length(subjects):
            ages = self._persons.known(some)
            streams, whats = self._streams.streams(at, ages, used_up), self._streams.whats(at)
            if not self._holds:
                yield some, streams, whats
                continue
            held = np.isin(some, np.array(list(self._holds), dtype=np.uint32))
            if not held.all():
                plain = np.flatnonzero(~held)
                yield some[plain], rows_of(streams, plain), whats[plain]
            for place in np.flatnonzero(held).tolist():
                holds = self._holds[int(some[place])]
                one = np.array([place])
                more = np.full((1, len(holds)), NO_WHAT, dtype=np.uint32)
                own = with_holds(rows_of(streams, one), holds)
                yield some[one], own, np.concatenate([whats[one], more], axis=1)

    def _set(self, subjects: Subjects) -> None:
        """Put these subjects where their streams say they belong now."""
        for some, streams, whats in self._fetch(subjects):
            folded = fold(streams)
            self._write(
                some, folded.until, folded.settled, folded.disagreeing, folded.objection,
                folded.reason,
            )  # fmt: skip
            if self._judged.covered:
                self._cover(some, whats, folded)

    def _stance(self, subject: int, at_ms: int) -> "_Stance":
        """Return what one subject permits at an instant."""
        if subject not in self._streams.subjects:
            return _Stance(known=False, permits=False, objection=0)
        ((_, streams, _),) = self._fetch(np.array([subject], dtype=np.uint32))
        folded = fold(streams)
        objects = int(folded.settled[0]) <= at_ms
        return _Stance(
            known=True,
            permits=int(folded.until[0]) > at_ms,
            objection=int(folded.objection[0]) if objects else 0,
        )

    def _clear(self, subject: int) -> None:
        """Take a subject out of every set."""
        one = np.array([subject], dtype=np.uint32)
        nothing, none = np.array([NEVER]), np.zeros(1, dtype=np.uint8)
        self._write(one, nothing, nothing, nothing, none, none)
        for covered in self._covered.values():
            covered.put(one, nothing)

    def _write(
        self,
        subjects: Subjects,
        until: NDArray[np.int64],
        settled: NDArray[np.int64],
        disagreeing: NDArray[np.int64],
        objection: Numbers,
        reason: Numbers,
    ) -> None:
        self._permitted.put(subjects, until)
        self._settled.put(subjects, settled)
        self._disagreeing.put(subjects, disagreeing)
        _sort_into(self._objecting, subjects, objection)
        _sort_into(self._reasons, subjects, reason)

    def _cover(self, subjects: Subjects, whats: NDArray[np.uint32], folded: Folded) -> None:
        """Rule 10: until when narrower purposes are permitted too."""
        for purpose, granting in self._judged.covered.items():
            until = np.where(np.isin(whats, granting), folded.granted, NEVER).max(axis=1)
            covered = self._covered.get(purpose)
            if covered is None and (until > 0).any():
                covered = self._covered[purpose] = TimedSet()
            if covered is not None:
                covered.put(subjects, until)


def _sort_into(bitmaps: dict[Reason, BitMap], subjects: Subjects, reasons: Numbers) -> None:
    """Move each subject to the bitmap of its reason; number 0 is none."""
    who = bitmap(subjects)
    for known in bitmaps.values():
        known -= who
    for number in np.unique(reasons).tolist():
        reason = REASONS[number]
        if reason is not None:
            bitmaps[reason] = bitmaps.get(reason, BitMap()) | bitmap(subjects[reasons == number])
