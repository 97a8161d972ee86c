"""What each source last said about one scope, for everybody: one row of numbers for each stream.

A stream is (subject, source). Taking in facts is a maximum in every column, so neither order nor
repetition matters, and thousands at once cost little more than one. The rows of a subject form a
chain; nearly everybody has a single one.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import SparseColumn, Subjects, bitmap
from consent.facts import Facts
from consent.fold import Streams, Times, placed, time_of
from consent.grouping import by_stream, last_of_greatest
from consent.instants import FOREVER, NEVER
from consent.judged import Judged
from consent.persons import UNKNOWN_AGE, YEAR_MS, Ages
from consent.reasons import NUMBER_OF, SKEW_MS, Reason

ROW = np.dtype(
    [
        ("newest", "<i8"),  # when the newest of its events was recorded
        ("place", "<i8"),  # where the latest stands (`fold.placed`), and its index
        ("index", "<i8"),
        ("until", "<i8"),  # until when the latest holds by its own term
        ("objected", "<i8"),  # place and index of the last no; NEVER where there is none
        ("objected_index", "<i8"),
        ("last_no", "<i8"),  # index of the no that was written last
        ("acted", "<i8"),  # place and index of the last act that may end a no; NEVER without one
        ("acted_index", "<i8"),
        ("subject", "<u4"),
        ("origin", "<u4"),  # whom its events were about before records were merged
        ("what", "<u4"),  # the latest
        ("objected_what", "<u4"),
        ("acted_what", "<u4"),
        ("next", "<i4"),  # the subject's next row
        ("worst_trust", "u1"),
        ("acts", "?"),  # the latest is an act that may end a no
    ]
)
Rows = NDArray[np.void]
Places = NDArray[np.int32]
_END = -1
_GUARDIAN_ENDED = NUMBER_OF[Reason.GUARDIAN_ENDED]
_NOT_BY_GUARDIAN = NUMBER_OF[Reason.NOT_BY_GUARDIAN]
_USED_UP, _EXPIRED = NUMBER_OF[Reason.USED_UP], NUMBER_OF[Reason.EXPIRED]
_RENEWAL = NUMBER_OF[Reason.RENEWAL_REQUIRED]


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

    def take_in(self, facts: Facts, origin: int | None = None) -> Subjects:
        """Take in facts of this scope; return whose streams changed, distinct and rising.

        `origin` is the number of the merged record that all of them are of, if they are of one.
        """
        if (np.diff(facts["index"]) < 0).any():
            facts = facts[np.argsort(facts["index"], kind="stable")]
        fresh = self._grouped(facts)
        fresh["origin"] = fresh["subject"] if origin is None else origin
        at = self._find(fresh)
        known = at != _END
        if known.any():
            self._rows[at[known]] = self._later_of(self._rows[at[known]], fresh[known])
        if not known.all():
            self._add(fresh[~known])
        self.newest_ms = max(self.newest_ms, int(facts["recorded"].max()))
        heads = np.append(True, fresh["subject"][1:] != fresh["subject"][:-1])
        changed: Subjects = fresh["subject"][heads]
        self.subjects |= bitmap(changed)
        return changed

    def drop(self, subject: int) -> None:
        """Take a subject's streams away."""
        one = np.array([subject], dtype=np.uint32)
        for _, at in self.by_length(one):
            self._rows[at] = 0
            self._free += at[0].tolist()
        self._first.put(one, _END)
        self.subjects.discard(subject)

    def move(self, subject: int, to: int) -> None:
        """Make one subject's streams further streams of another."""
        both = np.array([subject, to], dtype=np.uint32)
        first, following = self._first.get(both).tolist()
        if first == _END:
            return
        ((_, at),) = self.by_length(both[:1])
        self._rows["subject"][at[0]] = to
        self._rows["next"][at[0, -1]] = following
        self._first.put(both, np.array([_END, first], dtype=np.int32))
        self.subjects.discard(subject)
        self.subjects.add(to)

    def by_length(self, subjects: Subjects) -> Iterator[tuple[Subjects, Places]]:
        """Return these subjects, each with at least one stream, by how many they have.

        With those of k streams comes where their rows are, shape (n, k).
        """
        columns: list[Places] = []
        row = self._first.get(subjects)
        while len(subjects):
            columns.append(row)
            following = self._rows["next"][row]
            ended = following == _END
            if ended.all():
                yield subjects, np.stack(columns, axis=1)
                return
            if ended.any():
                yield subjects[ended], np.stack([c[ended] for c in columns], axis=1)
            more = ~ended
            columns = [c[more] for c in columns]
            subjects, row = subjects[more], following[more]

    def streams(self, at: Places, ages: Ages, used_up: Times) -> Streams:
        """Return the streams in these rows.

        `ages` are those of the subjects; `used_up` are the indices of grants that permit no further
        use.
        """
        rows, said = self._rows[at], self._judged.column
        what, own, objected = rows["what"], rows["until"], rows["objected"]
        holds, failure = said("holds_until", what), said("failure", what)
        grown = np.full(1, FOREVER)
        if (ages.youngest != UNKNOWN_AGE).any():
            by_age = self._by_age(what, time_of(rows["place"]), ages)
            failure = np.where(failure == 0, by_age, failure).astype(np.uint8)
            grown = self._grown(what, ages)
        if len(used_up):
            failure = np.where((failure == 0) & np.isin(rows["index"], used_up), _USED_UP, failure)
        end = np.minimum(np.minimum(own, holds), grown)
        ending = np.where(grown == end, _GUARDIAN_ENDED, _EXPIRED)
        return Streams(
            until=np.where(failure == 0, end, NEVER),
            ending=np.where(holds == end, _RENEWAL, ending).astype(np.uint8),
            failure=failure,
            acts=rows["acts"] & (failure == 0) & self._may_act(what, ages),
            trust=said("trust", what),
            worst_trust=rows["worst_trust"],
            place=rows["place"],
            index=rows["index"],
            objects=(objected != NEVER) & ~self._ended(rows, ages),
            objection=said("objection", rows["objected_what"]),
            objected=objected,
            objected_index=rows["objected_index"],
        )

    def whats(self, at: Places) -> NDArray[np.uint32]:
        """Return the whats of the latest in these rows."""
        found: NDArray[np.uint32] = self._rows["what"][at]
        return found

    def _ended(self, rows: Rows, ages: Ages) -> NDArray[np.bool_]:
        """Rule 3 within a stream: whether the last act ended every no.

        It must be newer, of at least the stream's rank, and by who may say yes for the subject. If
        it is newer by no more than the skew it must also have been written down after them.
        """
        what, time, no = rows["acted_what"], time_of(rows["acted"]), time_of(rows["objected"])
        after = (time > no + SKEW_MS) | ((time > no) & (rows["acted_index"] > rows["last_no"]))
        trusted = self._judged.column("trust", what) >= rows["worst_trust"]
        ended: NDArray[np.bool_] = (rows["acted"] != NEVER) & after & trusted
        if ended.any():
            ended &= (self._by_age(what, time, ages) == 0) & self._may_act(what, ages)
        return ended

    def _may_act(self, what: NDArray[np.uint32], ages: Ages) -> NDArray[np.bool_]:
        """Rule 13: a guardian ends no no of somebody who is not known to be a child."""
        known: NDArray[np.bool_] = ages.youngest != UNKNOWN_AGE
        return ~self._judged.column("guardian", what) | known[:, None]

    def _by_age(self, what: NDArray[np.uint32], time: Times, ages: Ages) -> NDArray[np.uint8]:
        """Rule 13: a child's own yes does not count, also later; nor a guardian's once the child is
        none.
        """
        below = self._judged.column("guardian_below", what)
        guardian = self._judged.column("guardian", what)
        known = (ages.youngest != UNKNOWN_AGE)[:, None]
        child = ages.youngest[:, None] < below
        as_child = child | ((ages.lowest[:, None] < below) & (time < ages.since[:, None]))
        reason = np.where(guardian & known & ~child, _GUARDIAN_ENDED, 0)
        return np.where(~guardian & known & as_child, _NOT_BY_GUARDIAN, reason).astype(np.uint8)

    def _grown(self, what: NDArray[np.uint32], ages: Ages) -> Times:
        """Rule 13: when a child is none any more for certain, and so what a guardian said ends."""
        below = self._judged.column("guardian_below", what)
        years = np.maximum(below - ages.youngest[:, None], 0).astype(np.int64)
        guardian = self._judged.column("guardian", what)
        known = (ages.youngest != UNKNOWN_AGE)[:, None]
        return np.where(guardian & known, ages.since[:, None] + years * YEAR_MS, FOREVER)

    def later_than(self, limit_ms: int, among: Subjects) -> Subjects:
        """Return who of `among` has an event that was recorded after `limit_ms`."""
        late = [
            subjects[(self._rows["newest"][at] > limit_ms).any(axis=1)]
            for subjects, at in self.by_length(among)
        ]
        return np.concatenate(late) if late else among[:0]

    def _grouped(self, facts: Facts) -> Rows:
        """Return one row for each stream in `facts`, which rise by index; by rising subject."""
        said = self._judged.column
        order, starts = by_stream(facts["subject"], said("source", facts["what"]))
        facts = facts[order]
        what, time = facts["what"], np.minimum(facts["time"], facts["recorded"])
        place = placed(time, said("rank", what))
        last = last_of_greatest(place, starts)
        rows = np.zeros(len(starts), dtype=ROW)
        for name in ("index", "until", "subject", "what"):
            rows[name] = facts[name][last]
        rows["place"], rows["next"] = place[last], _END
        acts = said("act", what) & (time < said("act_before", what))
        rows["acts"] = acts[last]
        rows["newest"] = np.maximum.reduceat(facts["recorded"], starts)
        rows["worst_trust"] = np.maximum.reduceat(said("trust", what), starts)
        acted = np.where(acts, place, NEVER)
        last_act = last_of_greatest(acted, starts)
        rows["acted"] = acted[last_act]
        rows["acted_index"] = np.where(acted[last_act] == NEVER, NEVER, facts["index"][last_act])
        rows["acted_what"] = np.where(acted[last_act] == NEVER, 0, what[last_act])
        noes = np.where(said("objection", what) > 0, place, NEVER)
        last_no = last_of_greatest(noes, starts)
        rows["objected"] = noes[last_no]
        rows["objected_index"] = np.where(noes[last_no] == NEVER, NEVER, facts["index"][last_no])
        rows["objected_what"] = np.where(noes[last_no] == NEVER, 0, what[last_no])
        index_of_no = np.where(noes == NEVER, NEVER, facts["index"])
        rows["last_no"] = np.maximum.reduceat(index_of_no, starts)
        return rows

    def _later_of(self, old: Rows, new: Rows) -> Rows:
        merged = old.copy()
        for name in ("newest", "last_no", "worst_trust"):
            merged[name] = np.maximum(old[name], new[name])
        later = _after(new["place"], new["index"], old["place"], old["index"])
        for name in ("place", "index", "until", "what", "acts"):
            merged[name] = np.where(later, new[name], old[name])
        later = _after(
            new["objected"], new["objected_index"], old["objected"], old["objected_index"]
        )
        for name in ("objected", "objected_index", "objected_what"):
            merged[name] = np.where(later, new[name], old[name])
        later = _after(new["acted"], new["acted_index"], old["acted"], old["acted_index"])
        for name in ("acted", "acted_index", "acted_what"):
            merged[name] = np.where(later, new[name], old[name])
        return merged

    def _find(self, rows: Rows) -> Places:
        """Return where the row of each of these streams is, or -1."""
        sources = self._judged.column("source", rows["what"])
        found = np.full(len(rows), _END, dtype=np.int32)
        row = self._first.get(rows["subject"])
        while (there := row != _END).any():
            known = self._rows[np.where(there, row, 0)]
            fits = there & (self._judged.column("source", known["what"]) == sources)
            fits &= known["origin"] == rows["origin"]
            found[fits] = row[fits]
            row = np.where(there & ~fits, known["next"], _END)
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


def _after(place: Times, index: Times, other: Times, other_index: Times) -> NDArray[np.bool_]:
    later: NDArray[np.bool_] = (place > other) | ((place == other) & (index > other_index))
    return later
