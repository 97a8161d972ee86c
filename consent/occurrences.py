"""How often a consent was used that permits only so many uses (rule 8, FixedOccurrences).

There are few such consents; they are counted one by one.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from consent.canonical import canonical_bytes
from consent.facts import ConsentWhat, Facts, OccurrenceWhat, Whats


class Occurrences:
    """Uses that are set aside or made, by the index of the grant."""

    __slots__ = ("_limits", "_released", "_reserved", "_used_up", "_whats")

    def __init__(self, whats: Whats) -> None:
        self._whats = whats
        self._limits: dict[int, tuple[int, int]] = {}
        """Grant → (subject, how many uses it permits)."""
        self._reserved: dict[int, set[int]] = {}
        self._released: dict[int, set[int]] = {}
        self._used_up: NDArray[np.int64] | None = None

    def take_in(self, facts: Facts) -> list[int]:
        """Take in facts of any kind; return the subjects whose counts changed."""
        changed: set[int] = set()
        present = np.bincount(facts["what"], minlength=len(self._whats))
        for number in np.flatnonzero(present).tolist():
            what = self._whats[number]
            if isinstance(what, ConsentWhat) and what.max_uses is not None:
                for fact in facts[facts["what"] == number]:
                    self._limits[int(fact["index"])] = int(fact["subject"]), what.max_uses
            elif isinstance(what, OccurrenceWhat):
                counted = self._reserved if what.reserved else self._released
                for fact in facts[facts["what"] == number]:
                    counted.setdefault(int(fact["until"]), set()).add(int(fact["index"]))
                    changed.add(int(fact["subject"]))
            else:
                continue
            self._used_up = None
        return sorted(changed)

    @property
    def any(self) -> bool:
        """Whether there is any such consent."""
        return bool(self._limits)

    def holders(self) -> NDArray[np.uint32]:
        """Return who gave one."""
        found = sorted({subject for subject, _ in self._limits.values()})
        return np.array(found, dtype=np.uint32)

    def is_limited(self, grant: int) -> bool:
        """Return whether the grant with this index permits only so many uses."""
        return grant in self._limits

    def left(self, grant: int) -> int:
        """Return how many uses a limited grant still permits: never more than it said."""
        reserved, released = self._reserved.get(grant, ()), self._released.get(grant, ())
        return self._limits[grant][1] - max(0, len(reserved) - len(released))

    def used_up(self) -> NDArray[np.int64]:
        """Return the grants that permit no further use, rising."""
        if self._used_up is None:
            found = sorted(grant for grant in self._limits if self.left(grant) <= 0)
            self._used_up = np.array(found, dtype=np.int64)
        return self._used_up

    def merge(self, kept: int, absorbed: int) -> None:
        """Let one subject hold the limited consents of two records."""
        for grant, (subject, limit) in self._limits.items():
            if subject == absorbed:
                self._limits[grant] = kept, limit

    def forget(self, subject: int) -> None:
        """Drop what is known about a subject."""
        for grant in [g for g, (who, _) in self._limits.items() if who == subject]:
            del self._limits[grant]
            self._reserved.pop(grant, None)
            self._released.pop(grant, None)
        self._used_up = None

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return what is left of each limited grant as one set."""
        if self._limits:
            left = [[grant, self.left(grant)] for grant in sorted(self._limits)]
            yield "occurrences", len(left), canonical_bytes(left)
