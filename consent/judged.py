"""The judgements of all whats under one vocabulary, as columns: looked up for many at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from consent.facts import ConsentWhat, MergeWhat, Whats
from consent.instants import FOREVER
from consent.judging import Judgement, judge
from consent.reasons import NUMBER_OF, Scope
from consent.vocabulary import Vocabulary

NO_SCOPE = -1
_NOTHING = Judgement(
    scope=None, source="", rank=1, objection=None, failure=None, act=False, act_before_ms=FOREVER,
    holds_until_ms=FOREVER, covered=(), guardian=False, guardian_below=0, back_ms=FOREVER, trust=0,
    max_uses=None,
)  # fmt: skip
_COLUMNS: dict[str, Any] = {
    "rank": np.int8,
    "objection": np.uint8,
    "failure": np.uint8,
    "act": np.bool_,
    "act_before": np.int64,
    "holds_until": np.int64,
    "guardian": np.bool_,
    "guardian_below": np.uint8,
    "back": np.int64,
    "trust": np.uint8,
    "max_uses": np.int64,
    "source": np.uint32,
    "scope": np.int32,
    "merging": np.bool_,
}


class Judged:
    """Columns by the number of the what; they grow when new whats have come."""

    __slots__ = ("_columns", "_length", "_scopes", "_sources", "_whats", "covered", "vocabulary")

    def __init__(self, vocabulary: Vocabulary, whats: Whats) -> None:
        self.vocabulary, self._whats = vocabulary, whats
        self._columns = {name: np.empty(64, dtype=kind) for name, kind in _COLUMNS.items()}
        self._length = 0
        self._scopes: dict[Scope, int] = {}
        self._sources: dict[str, int] = {}
        self.covered: dict[str, NDArray[np.uint32]] = {}
        """Purpose → numbers of the whats whose grant covers it besides their own."""

    def column(self, name: str, whats: NDArray[np.uint32]) -> NDArray[Any]:
        """Return one column for these whats."""
        found: NDArray[Any] = self._columns[name][whats]
        return found

    def scope(self, number: int) -> Scope:
        """Return the scope with a number."""
        return tuple(self._scopes)[number]

    def catch_up(self) -> None:
        """Judge the whats that have come since."""
        fresh = self._whats.since(self._length)
        if not fresh:
            return
        total = self._length + len(fresh)
        if total > len(self._columns["rank"]):
            for name, column in self._columns.items():
                self._columns[name] = np.resize(column, max(total, 2 * len(column)))
        for number, what in enumerate(fresh, self._length):
            said = judge(what, self.vocabulary) if isinstance(what, ConsentWhat) else _NOTHING
            self._write(number, said)
            self._columns["merging"][number] = isinstance(what, MergeWhat)
        self._length = total

    def _write(self, number: int, said: Judgement) -> None:
        columns = self._columns
        columns["rank"][number] = said.rank
        columns["objection"][number] = NUMBER_OF[said.objection]
        columns["failure"][number] = NUMBER_OF[said.failure]
        columns["act"][number] = said.act
        columns["act_before"][number] = said.act_before_ms
        columns["holds_until"][number] = said.holds_until_ms
        columns["guardian"][number] = said.guardian
        columns["guardian_below"][number] = said.guardian_below
        columns["back"][number] = said.back_ms
        columns["trust"][number] = said.trust
        columns["max_uses"][number] = FOREVER if said.max_uses is None else said.max_uses
        columns["source"][number] = self._sources.setdefault(said.source, len(self._sources))
        columns["scope"][number] = (
            NO_SCOPE
            if said.scope is None
            else self._scopes.setdefault(said.scope, len(self._scopes))
        )
        for purpose in said.covered:
            known = self.covered.get(purpose, np.empty(0, dtype=np.uint32))
            self.covered[purpose] = np.append(known, np.uint32(number))
