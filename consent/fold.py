"""What the streams of a subject come to, for many subjects at once: rules 3, 4, 8, 9 and 13.

A *stream* is what one source said about one scope. All arrays here have the shape (n, k): n
subjects with k streams each. As time passes grants only expire, so all that follows is instants:
until when the scope permits, until when a standing no is settled by a newer act, and which reason
to give.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consent.instants import NEVER
from consent.reasons import NUMBER_OF, SKEW_MS, Reason

Flags = NDArray[np.bool_]
Times = NDArray[np.int64]
Numbers = NDArray[np.uint8]

_UNKNOWN = NUMBER_OF[Reason.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of n subjects who have k each; shape (n, k)."""

    until: Times
    """Until when the latest of it permits by itself; NEVER where it does not."""
    ending: Numbers
    """Reason number of what ends it there: its own term, its notice, or the guardian's say."""
    failure: Numbers
    """Reason number of why it does not permit; 0 where it may."""
    acts: Flags
    """The latest of it is an act of the person that can end a no."""
    trust: Numbers
    worst_trust: Numbers
    place: Times
    """Where the latest stands (`placed`), and its index: of two, the later decides."""
    index: Times
    objects: Flags
    """A no stands in it that no act at this source ended."""
    objection: Numbers
    objected: Times
    objected_index: Times


@dataclass(frozen=True, slots=True)
class Hold:
    """What the merging of two records left open: as a stream that nobody speaks in (rule 4).

    It says no, or nothing, from the merge on; only a newer act of the person settles it.
    """

    place: int
    index: int
    objection: int
    """Reason number of what one of the records objected to; 0 if one only did not permit."""


def with_holds(s: Streams, holds: Sequence[Hold]) -> Streams:
    """Return the streams of one subject with those that merges left open."""
    objection = np.array([[hold.objection for hold in holds]], dtype=np.uint8)
    place = np.array([[hold.place for hold in holds]], dtype=np.int64)
    index = np.array([[hold.index for hold in holds]], dtype=np.int64)
    objects = objection > 0
    nothing = np.zeros(objection.shape, dtype=np.uint8)
    held = Streams(
        until=np.full(place.shape, NEVER, dtype=np.int64),
        ending=nothing,
        failure=np.where(objects, objection, np.uint8(_UNKNOWN)),
        acts=objects & False,
        trust=nothing,
        worst_trust=nothing,
        place=place,
        index=index,
        objects=objects,
        objection=objection,
        objected=np.where(objects, place, NEVER),
        objected_index=np.where(objects, index, NEVER),
    )
    names = [f.name for f in dataclasses.fields(s)]
    return Streams(*(np.concatenate([getattr(s, n), getattr(held, n)], axis=1) for n in names))


def placed(time: Times, rank: NDArray[np.int8]) -> Times:
    """Return what orders events: by time, and at one instant a no after neither after a yes."""
    return time * 4 + rank


def place_at(time_ms: int, rank: int) -> int:
    """Return the place of one event, as `placed` does for many."""
    return time_ms * 4 + rank


def time_of(place: Times) -> Times:
    """Return the time in what `placed` returned."""
    return place >> 2


class Folded(NamedTuple):
    """What the streams of each subject come to; shape (n,) each."""

    until: Times
    """Until when the scope permits; NEVER where it does not."""
    settled: Times
    """Until when the standing objections are settled; NEVER where there are none, or it is not."""
    disagreeing: Times
    """Until when some source says yes although the scope does not permit."""
    objection: Numbers
    reason: Numbers
    """Why it does not permit, once it does not."""
    granted: Times
    """Shape (n, k): until when each stream's yes counts; NEVER for the others."""


def fold(s: Streams) -> Folded:
    """Fold the streams of every subject."""
    granted = np.where(~s.objects & (s.until > 0), s.until, NEVER)
    until = _first_settled(s, granted, all_must_agree=True)
    settled = np.full(len(until), NEVER, dtype=np.int64)
    objection = np.zeros(len(until), dtype=np.uint8)
    some = np.flatnonzero(s.objects.any(axis=1))
    if len(some):
        settled[some] = _first_settled(rows_of(s, some), granted[some], all_must_agree=False)
        objected = np.where(s.objects[some], s.objected[some], NEVER)
        objection[some] = s.objection[some, _last(objected, s.objected_index[some])]
    longest = granted.max(axis=1)
    return Folded(
        until=until,
        settled=settled,
        disagreeing=np.where(longest > until, longest, NEVER),
        objection=objection,
        reason=_why_not(s, _last(s.place, s.index)),
        granted=np.minimum(granted, until[:, None]),
    )


def rows_of(s: Streams, rows: NDArray[np.intp]) -> Streams:
    """Return the streams of some of the subjects."""
    return Streams(*(getattr(s, f.name)[rows] for f in dataclasses.fields(s)))


def _first_settled(s: Streams, granted: Times, *, all_must_agree: bool) -> Times:
    """Return the latest end of a yes before which every unwilling stream is settled.

    Unwilling are those that object and, if all must agree, those that say no in the last moment
    before that end. Settled are they by a newer act, by more than the skew, of at least their
    trust, that still holds then.
    """
    best = np.full(len(granted), NEVER, dtype=np.int64)
    for candidate in range(granted.shape[1]):
        end = granted[:, candidate]
        fine: Flags = np.greater(end, 0)
        for unwilling in range(granted.shape[1]):
            needs = s.objects[:, unwilling].copy()
            if all_must_agree:
                needs |= granted[:, unwilling] < end
            rows = np.flatnonzero(needs & fine)
            if len(rows):
                fine[rows] = _is_settled(rows_of(s, rows), granted[rows], end[rows], unwilling)
        best = np.where(fine & (end > best), end, best)
    return best


def _is_settled(s: Streams, granted: Times, end: Times, unwilling: int) -> Flags:
    time = time_of(s.place)
    newer = time > time[:, unwilling, None] + SKEW_MS
    trusted = s.trust >= s.worst_trust[:, unwilling, None]
    lifting = s.acts & (granted >= end[:, None])
    settled: Flags = np.logical_or.reduce(lifting & newer & trusted, axis=1)
    return settled


def _last(place: Times, index: Times) -> NDArray[np.intp]:
    """Return for each subject the stream with the last place."""
    rows, last = np.arange(len(place)), np.zeros(len(place), dtype=np.intp)
    for stream in range(1, place.shape[1]):
        later = (place[:, stream] > place[rows, last]) | (
            (place[:, stream] == place[rows, last]) & (index[:, stream] > index[rows, last])
        )
        last[later] = stream
    return last


def _why_not(s: Streams, latest: NDArray[np.intp]) -> Numbers:
    rows = np.arange(len(latest))
    failure, objects = s.failure[rows, latest], s.objects[rows, latest]
    ended = s.ending[rows, latest]
    reasons: Numbers = np.where(failure > 0, failure, np.where(objects, _UNKNOWN, ended))
    return reasons.astype(np.uint8)
