"""What each source last said about one scope, for everybody: one row of numbers for each stream.

A stream is (subject, source). Taking in facts is a maximum in every column, so neither order nor
repetition matters, and thousands at once cost little more than one. The rows of a subject form a
chain; nearly everybody has a single one.
"""

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import SparseColumn, Subjects, bitmap
from consent.facts import Facts
from consent.fold import Streams, Times, placed, time_of
from consent.instants import NEVER
from consent.judged import Judged
from consent.reasons import NUMBER_OF, Reason

ROW = np.dtype(
    [
        ("newest", "<i8"),  # when the newest of its events was recorded
        ("place", "<i8"),  # where the latest stands (`fold.placed`), and its index
        ("index", "<i8"),
        ("until", "<i8"),  # until when the latest holds by its own term
        ("objected", "<i8"),  # place and index of the last no; NEVER where there is none
        ("objected_index", "<i8"),
        ("cleared", "<i8"),  # time of the last act that can end a no
        ("subject", "<u4"),
        ("what", "<u4"),  # the latest
        ("objected_what", "<u4"),
        ("next", "<i4"),  # the subject's next row
        ("worst_trust", "u1"),
        ("acts", "?"),  # the latest is an act that can end a no
    ]
)
Rows = NDArray[np.void]
Places = NDArray[np.int32]
_END = -1
_GUARDIAN_ENDED = NUMBER_OF[Reason.GUARDIAN_ENDED]
_NOT_BY_GUARDIAN = NUMBER_OF[Reason.NOT_BY_GUARDIAN]
_USED_UP = NUMBER_OF[Reason.USED_UP]


class StreamTable:
    """The streams of one scope, by subject."""

    __slots__ = ("_first", "_free", "_judged", "_rows", "_used", "newest_ms", "subjects")

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._rows = np.empty(16, dtype=ROW)
        self._used = 0
        self._free: list[int] = []
        self._first = SparseColumn("<i4", _END)
        self.newest_ms = NEVER
        """When the newest event of anybody was recorded."""
        self.subjects = BitMap()
        """Who has a stream."""

    def take_in(self, facts: Facts) -> Subjects:
        """Take in facts of this scope; return whose streams changed, distinct and rising."""
        fresh = self._grouped(facts)
        at = self._find(fresh["subject"], self._judged.column("source", fresh["what"]))
        known = at != _END
        if known.any():
            self._rows[at[known]] = self._later_of(self._rows[at[known]], fresh[known])
        if not known.all():
            self._add(fresh[~known])
        self.newest_ms = max(self.newest_ms, int(facts["recorded"].max()))
        changed: Subjects = np.unique(fresh["subject"])
        self.subjects |= bitmap(changed)
        return changed

    def drop(self, subject: int) -> None:
        """Take a subject's streams away."""
        one = np.array([subject], dtype=np.uint32)
        for row in self._chains(one)[0].tolist():
            self._rows[row] = 0
            self._free.append(row)
        self._first.put(one, _END)
        self.subjects.discard(subject)

    def streams(self, subjects: Subjects, youngest: NDArray[np.int16], used_up: Times) -> Streams:
        """Return the streams of these subjects, each with at least one.

        `youngest` is the lowest age that each may have, or -1 where it is not known; `used_up` are
        the indices of grants that permit no further use.
        """
        chains = self._chains(subjects)
        present = chains != _END
        rows = self._rows[np.where(present, chains, 0)]
        what, said = rows["what"], self._judged.column
        objected = np.where(present, rows["objected"], NEVER)
        holds, failure = said("holds_until", what), said("failure", what)
        child = youngest[:, None] < said("guardian_below", what)
        guardian, age_known = said("guardian", what), youngest[:, None] >= 0
        too_young = (failure == 0) & age_known & child & ~guardian
        too_old = (failure == 0) & age_known & ~child & guardian
        failure = np.where(too_young, _NOT_BY_GUARDIAN, failure)
        failure = np.where(too_old, _GUARDIAN_ENDED, failure)
        if len(used_up):
            failure = np.where((failure == 0) & np.isin(rows["index"], used_up), _USED_UP, failure)
        return Streams(
            present=present,
            until=np.where(failure == 0, np.minimum(rows["until"], holds), NEVER),
            renewal=holds <= rows["until"],
            failure=failure,
            acts=rows["acts"] & (failure == 0),
            trust=said("trust", what),
            worst_trust=rows["worst_trust"],
            place=rows["place"],
            index=rows["index"],
            objects=(objected != NEVER) & (rows["cleared"] <= time_of(objected)),
            objection=said("objection", rows["objected_what"]),
            objected=objected,
            objected_index=rows["objected_index"],
        )

    def whats(self, subjects: Subjects) -> NDArray[np.uint32]:
        """Return the whats of their streams' latest, in the shape of `streams`."""
        chains = self._chains(subjects)
        found: NDArray[np.uint32] = self._rows["what"][np.where(chains == _END, 0, chains)]
        return found

    def later_than(self, limit_ms: int, among: Subjects) -> Subjects:
        """Return who of `among` has an event that was recorded after `limit_ms`."""
        chains = self._chains(among)
        late = (chains != _END) & (self._rows["newest"][chains] > limit_ms)
        found: Subjects = among[late.any(axis=1)]
        return found

    def _grouped(self, facts: Facts) -> Rows:
        """Return one row for each stream in `facts`, by rising subject."""
        what, said = facts["what"], self._judged.column
        time = np.minimum(facts["time"], facts["recorded"])
        place = placed(time, said("rank", what))
        source = said("source", what)
        order = np.lexsort((facts["index"], place, source, facts["subject"]))
        facts, place, time, source = facts[order], place[order], time[order], source[order]
        what = facts["what"]
        starts = _starts(facts["subject"], source)
        last = np.append(starts[1:], len(facts)) - 1
        rows = np.zeros(len(starts), dtype=ROW)
        for name in ("index", "until", "subject", "what"):
            rows[name] = facts[name][last]
        rows["place"], rows["next"] = place[last], _END
        acts = said("act", what) & (time < said("act_before", what))
        rows["acts"] = acts[last]
        rows["newest"] = np.maximum.reduceat(facts["recorded"], starts)
        rows["worst_trust"] = np.maximum.reduceat(said("trust", what), starts)
        rows["cleared"] = np.maximum.reduceat(np.where(acts, time, NEVER), starts)
        rows["objected"] = rows["objected_index"] = NEVER
        noes = np.flatnonzero(said("objection", what) > 0)
        if len(noes):
            # In the order of places; the last assignment to a group's row stands.
            group = np.searchsorted(starts, noes, side="right") - 1
            final = np.append(group[1:] != group[:-1], True)
            group, noes = group[final], noes[final]
            rows["objected"][group], rows["objected_index"][group] = (
                place[noes],
                facts["index"][noes],
            )
            rows["objected_what"][group] = what[noes]
        return rows

    def _later_of(self, old: Rows, new: Rows) -> Rows:
        merged = old.copy()
        for name in ("newest", "cleared", "worst_trust"):
            merged[name] = np.maximum(old[name], new[name])
        later = _after(new["place"], new["index"], old["place"], old["index"])
        for name in ("place", "index", "until", "what", "acts"):
            merged[name] = np.where(later, new[name], old[name])
        later = _after(
            new["objected"], new["objected_index"], old["objected"], old["objected_index"]
        )
        for name in ("objected", "objected_index", "objected_what"):
            merged[name] = np.where(later, new[name], old[name])
        return merged

    def _find(self, subjects: Subjects, sources: NDArray[np.uint32]) -> Places:
        """Return the row of each (subject, source), or -1."""
        found = np.full(len(subjects), _END, dtype=np.int32)
        row = self._first.get(subjects)
        while (there := row != _END).any():
            at = np.where(there, row, 0)
            fits = there & (self._judged.column("source", self._rows["what"][at]) == sources)
            found[fits] = row[fits]
            row = np.where(there & ~fits, self._rows["next"][at], _END)
        return found

    def _add(self, rows: Rows) -> None:
        at = self._places(len(rows))
        heads = np.append(True, rows["subject"][1:] != rows["subject"][:-1])
        following = self._first.get(rows["subject"])
        # A subject's further rows follow its first one here, and its old chain the last of them.
        inner = ~np.append(heads[1:], True)
        following[inner] = at[1:][inner[:-1]]
        rows["next"] = following
        self._rows[at] = rows
        self._first.put(rows["subject"][heads], at[heads])

    def _places(self, count: int) -> Places:
        """Return free row numbers."""
        reused = [self._free.pop() for _ in range(min(count, len(self._free)))]
        needed = self._used + count - len(reused)
        if needed > len(self._rows):
            more = np.empty(max(needed, 2 * len(self._rows)), dtype=ROW)
            more[: self._used] = self._rows[: self._used]
            self._rows = more
        fresh = np.arange(self._used, needed, dtype=np.int32)
        self._used = needed
        return np.concatenate([np.array(reused, dtype=np.int32), fresh])

    def _chains(self, subjects: Subjects) -> Places:
        """Return the row numbers of each subject, shape (n, k), -1 where there are fewer."""
        columns = [self._first.get(subjects)]
        while True:
            there = columns[-1] != _END
            row = np.where(there, self._rows["next"][np.where(there, columns[-1], 0)], _END)
            if not (row != _END).any():
                return np.stack(columns, axis=1)
            columns.append(row.astype(np.int32))


def _starts(subjects: Subjects, sources: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return where each run of one (subject, source) begins."""
    change = (subjects[1:] != subjects[:-1]) | (sources[1:] != sources[:-1])
    return np.flatnonzero(np.append(True, change))


def _after(place: Times, index: Times, other: Times, other_index: Times) -> NDArray[np.bool_]:
    later: NDArray[np.bool_] = (place > other) | ((place == other) & (index > other_index))
    return later
