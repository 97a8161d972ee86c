"""How old each person is known to be, in bands: rule 13.

Of all that was said about a person's age the best assured counts; of equally assured the latest; at
one instant the youngest. Beside it stands the lowest age that anybody ever said: what a child
agreed to does not come to count when the child is none any more. A birth date is never kept.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consent.columns import SparseColumn, Subjects
from consent.facts import ConsentWhat, Facts, Whats
from consent.instants import NEVER
from consent.words import AgeBand, Assurance

UNKNOWN_AGE = -1
YEAR_MS = 365 * 86_400_000
"""A leap day too short, so that a guardian's consent ends too early rather than too late."""
_NOBODY = 127
"""Lowest age of whom nobody said one."""
_BANDS, _ASSURANCES = list(AgeBand), list(Assurance)
_TIME_BITS, _BAND_BITS = 48, 3
_ADULT = AgeBand.ADULT.youngest


def weight(band: AgeBand, assurance: Assurance | None, time_ms: int) -> int:
    """Return what orders statements about an age: the greatest counts. It holds time and band."""
    rank = 0 if assurance is None else _ASSURANCES.index(assurance)
    younger_first = len(_BANDS) - 1 - _BANDS.index(band)
    return (((rank << _TIME_BITS) + time_ms) << _BAND_BITS) + younger_first


def band_of(weight_: int) -> AgeBand:
    """Return the band that a weight holds."""
    return _BANDS[len(_BANDS) - 1 - weight_ % (1 << _BAND_BITS)]


class Ages(NamedTuple):
    """What is known of the ages of some subjects; shape (n,) each."""

    youngest: NDArray[np.int16]
    """The lowest age that each may have; UNKNOWN_AGE where it is not known."""
    since: NDArray[np.int64]
    """When that was said."""
    lowest: NDArray[np.int16]
    """The lowest age that was ever said."""


class Persons:
    """The weight of each person's age, and the lowest age ever said; most have none."""

    __slots__ = ("_lowest", "_said", "_weights", "_whats")

    def __init__(self, whats: Whats) -> None:
        self._whats = whats
        self._weights, self._lowest = SparseColumn("<i8", NEVER), SparseColumn("<i1", _NOBODY)
        self._said = np.zeros(0, dtype=np.int64)
        """By what: weight at time 0, or NEVER where it says no age."""

    def take_in(self, facts: Facts) -> Subjects:
        """Take in facts of any kind; return of whom it may matter, distinct and rising."""
        self._catch_up()
        said = self._said[facts["what"]]
        telling = said != NEVER
        if not telling.any():
            return np.empty(0, dtype=np.uint32)
        facts, said = facts[telling], said[telling]
        weights = said + (np.minimum(facts["time"], facts["recorded"]) << _BAND_BITS)
        order = np.argsort(facts["subject"], kind="stable")
        subjects, weights = facts["subject"][order], weights[order]
        starts = np.flatnonzero(np.append(True, subjects[1:] != subjects[:-1]))
        who: Subjects = subjects[starts]
        before = self.known(who)
        lowest = np.minimum.reduceat(_youngest(weights), starts)
        self._weights.put(
            who, np.maximum(self._weights.get(who), np.maximum.reduceat(weights, starts))
        )
        self._lowest.put(who, np.minimum(before.lowest, lowest))
        after = self.known(who)
        # Of those who were never said to be less than adults it makes no difference since when.
        minor = after.lowest < _ADULT
        concerned: Subjects = who[minor | (after.youngest != before.youngest)]
        return concerned

    def known(self, subjects: Subjects) -> Ages:
        """Return what is known of the ages of these."""
        weights = self._weights.get(subjects)
        time = (weights >> _BAND_BITS) & ((1 << _TIME_BITS) - 1)
        return Ages(_youngest(weights), time, self._lowest.get(subjects).astype(np.int16))

    def merge(self, kept: int, absorbed: int) -> None:
        """Let one subject be as old as two records say."""
        both = np.array([kept, absorbed], dtype=np.uint32)
        greatest, lowest = self._weights.get(both).max(), self._lowest.get(both).min()
        self._weights.put(both, np.array([greatest, NEVER]))
        self._lowest.put(both, np.array([lowest, _NOBODY]))

    def forget(self, subject: int) -> None:
        """Drop what is known about a subject."""
        one = np.array([subject], dtype=np.uint32)
        self._weights.put(one, NEVER)
        self._lowest.put(one, _NOBODY)

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return what is known as one set: its name, its size, its one encoding."""
        who = self._weights.members()
        if len(who):
            rows = np.rec.fromarrays(
                [who, self._weights.get(who), self._lowest.get(who)],
                dtype=[("s", ">u4"), ("w", ">i8"), ("l", ">i1")],
            )
            yield "ages", len(who), rows.tobytes()

    def _catch_up(self) -> None:
        fresh = [_weight_of(what) for what in self._whats.since(len(self._said))]
        self._said = np.append(self._said, np.array(fresh, dtype=np.int64))


def _weight_of(what: object) -> int:
    if isinstance(what, ConsentWhat) and what.age_band is not None:
        return weight(what.age_band, what.age_assurance, 0)
    return NEVER


_AGES = np.array([band.youngest for band in reversed(_BANDS)] + [0, 0], dtype=np.int16)


def _youngest(weights: NDArray[np.int64]) -> NDArray[np.int16]:
    ages: NDArray[np.int16] = _AGES[weights & ((1 << _BAND_BITS) - 1)]
    return np.where(weights == NEVER, np.int16(UNKNOWN_AGE), ages)
