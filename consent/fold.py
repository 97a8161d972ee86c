"""What the streams of a subject come to, for many subjects at once: rules 3, 4, 8, 9 and 13.

A *stream* is what one source said about one scope. All arrays here have the shape (n, k): n
subjects, each with up to k streams; `present` says which of them there are. As time passes grants
only expire, so all that follows is instants: until when the scope permits, until when a standing
no is settled by a newer act, and which reason to give.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consent.instants import NEVER
from consent.reasons import NUMBER_OF, SKEW_MS, Reason

Flags = NDArray[np.bool_]
Times = NDArray[np.int64]
Numbers = NDArray[np.uint8]

_EXPIRED, _UNKNOWN = NUMBER_OF[Reason.EXPIRED], NUMBER_OF[Reason.UNKNOWN]
_RENEWAL = NUMBER_OF[Reason.RENEWAL_REQUIRED]


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of n subjects; shape (n, k) each."""

    present: Flags
    until: Times
    """Until when the latest of it permits by itself; NEVER where it does not."""
    renewal: Flags
    """What ends there is its notice, not its own term."""
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
    """A no stands in it that no newer act of this source ended."""
    objection: Numbers
    objected: Times
    objected_index: Times


def placed(time: Times, rank: NDArray[np.int8]) -> Times:
    """Return what orders events: by time, and at one instant a no after neither after a yes."""
    return time * 4 + rank


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
    yes = s.present & ~s.objects & (s.until > 0)
    granted = np.where(yes, s.until, NEVER)
    objecting = s.present & s.objects
    until = _first_settled(s, granted, objecting, yes, all_must_agree=True)
    settled = _first_settled(s, granted, objecting, yes, all_must_agree=False)
    settled[~objecting.any(axis=1)] = NEVER
    longest = granted.max(axis=1)
    latest = _last(s.present, s.place, s.index)
    strongest = _last(objecting, s.objected, s.objected_index)
    rows = np.arange(len(until))
    return Folded(
        until=until,
        settled=settled,
        disagreeing=np.where(longest > until, longest, NEVER),
        objection=np.where(objecting.any(axis=1), s.objection[rows, strongest], 0).astype(np.uint8),
        reason=_why_not(s, rows, latest),
        granted=np.minimum(granted, until[:, None]),
    )


def _first_settled(
    s: Streams, granted: Times, objecting: Flags, yes: Flags, *, all_must_agree: bool
) -> Times:
    """Return the latest end of a yes before which every unwilling stream is settled.

    Unwilling are those that object and, if all must agree, those that say no in the last moment
    before that end. Settled are they by a newer act, by more than the skew, of at least their
    trust, that still holds then.
    """
    best = np.full(len(granted), NEVER, dtype=np.int64)
    for candidate in range(granted.shape[1]):
        end = granted[:, candidate]
        fine: Flags = end > 0
        for unwilling in range(granted.shape[1]):
            needs = objecting[:, unwilling]
            if all_must_agree:
                says_no = s.objects[:, unwilling] | (granted[:, unwilling] < end)
                needs = s.present[:, unwilling] & says_no
            if needs.any():
                fine = np.logical_and(fine, ~needs | _is_settled(s, yes, end, unwilling))
        best = np.where(fine & (end > best), end, best)
    return best


def _is_settled(s: Streams, yes: Flags, end: Times, unwilling: int) -> Flags:
    newer = time_of(s.place) > time_of(s.place[:, unwilling, None]) + SKEW_MS
    trusted = s.trust >= s.worst_trust[:, unwilling, None]
    lifting = yes & s.acts & (s.until >= end[:, None])
    settled: Flags = (lifting & newer & trusted).any(axis=1)
    return settled


def _last(among: Flags, place: Times, index: Times) -> NDArray[np.intp]:
    """Return for each subject the stream with the last place among these; 0 where there is none."""
    rows, last = np.arange(len(among)), np.zeros(len(among), dtype=np.intp)
    for stream in range(1, among.shape[1]):
        later = (place[:, stream] > place[rows, last]) | (
            (place[:, stream] == place[rows, last]) & (index[:, stream] > index[rows, last])
        )
        last[among[:, stream] & (later | ~among[rows, last])] = stream
    return last


def _why_not(s: Streams, rows: NDArray[np.intp], latest: NDArray[np.intp]) -> Numbers:
    failure, objects = s.failure[rows, latest], s.objects[rows, latest]
    ended = np.where(s.renewal[rows, latest], _RENEWAL, _EXPIRED)
    reasons: Numbers = np.where(failure > 0, failure, np.where(objects, _UNKNOWN, ended))
    return reasons.astype(np.uint8)
