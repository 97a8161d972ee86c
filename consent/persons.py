"""How old each person is known to be, in bands: rule 13.

Of all that was said about a person's age the best assured counts; of equally assured the latest; at
one instant the youngest. A birth date is never kept.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from consent.columns import SparseColumn, Subjects
from consent.facts import ConsentWhat, Facts, Whats
from consent.instants import NEVER
from consent.words import AgeBand, Assurance

UNKNOWN_AGE = -1
_BANDS, _ASSURANCES = list(AgeBand), list(Assurance)
_TIME_BITS, _BAND_BITS = 48, 3


def weight(band: AgeBand, assurance: Assurance | None, time_ms: int) -> int:
    """Return what orders statements about an age: the greatest counts. It holds the band."""
    rank = 0 if assurance is None else _ASSURANCES.index(assurance)
    younger_first = len(_BANDS) - 1 - _BANDS.index(band)
    return (((rank << _TIME_BITS) + time_ms) << _BAND_BITS) + younger_first


def band_of(weight_: int) -> AgeBand:
    """Return the band that a weight holds."""
    return _BANDS[len(_BANDS) - 1 - weight_ % (1 << _BAND_BITS)]


class Persons:
    """The weight of each person's age; most have none."""

    __slots__ = ("_said", "_weights", "_whats")

    def __init__(self, whats: Whats) -> None:
        self._whats = whats
        self._weights = SparseColumn("<i8", NEVER)
        self._said = np.zeros(0, dtype=np.int64)
        """By what: weight at time 0, or NEVER where it says no age."""

    def take_in(self, facts: Facts) -> Subjects:
        """Take in consent facts; return whose band changed, distinct and rising."""
        self._catch_up()
        said = self._said[facts["what"]]
        telling = said != NEVER
        if not telling.any():
            return np.empty(0, dtype=np.uint32)
        facts, said = facts[telling], said[telling]
        time = np.minimum(facts["time"], facts["recorded"])
        weights = said + (time << _BAND_BITS)
        order = np.lexsort((weights, facts["subject"]))
        subjects, weights = facts["subject"][order], weights[order]
        last = np.append(subjects[1:] != subjects[:-1], True)
        subjects, weights = subjects[last], weights[last]
        before = self._weights.get(subjects)
        higher = weights > before
        self._weights.put(subjects[higher], weights[higher])
        changed = higher & (_youngest(weights) != _youngest(before))
        found: Subjects = subjects[changed]
        return found

    def merge(self, kept: int, absorbed: int) -> None:
        """Let one subject be as old as two records say."""
        both = np.array([kept, absorbed], dtype=np.uint32)
        greatest = self._weights.get(both).max()
        self._weights.put(both, np.array([greatest, NEVER]))

    def youngest(self, subjects: Subjects) -> NDArray[np.int16]:
        """Return the lowest age that each of these may have; UNKNOWN_AGE where it is not known."""
        return _youngest(self._weights.get(subjects))

    def forget(self, subject: int) -> None:
        """Drop what is known about a subject."""
        self._weights.put(np.array([subject], dtype=np.uint32), NEVER)

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return what is known as one set of weights: its name, its size, its one encoding."""
        who = self._weights.members()
        if len(who):
            pairs = np.rec.fromarrays(
                [who, self._weights.get(who)], dtype=[("s", ">u4"), ("w", ">i8")]
            )
            yield "ages", len(who), pairs.tobytes()

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
