"""One scoring of this party's people: the gate is asked first, then rows are read, then it ends.

Whoever has withdrawn is in no later score and no later audience, and newcomers are. It costs no
budget: a model is what its sums, which were paid for, have come to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyroaring import BitMap

from party_node import uses
from party_node.dataset_index import DENSE, KEY
from party_node.errors import IllegalState, MissingColumn
from party_node.lookalike.reading import read_people
from party_node.scoring.purposes import purpose_for
from party_node.services import Services
from party_node.uses import Uses
from protocols.collaboration import Collaboration
from protocols.job import SCORING, JobDescription
from protocols.lookalike.features import FeatureSpecification

TTL_MS = 15 * 60 * 1000
Numbers = NDArray[np.int64]
Scores = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Scored:
    """Everybody who may be scored now, by dense number, rising, each with a score: the higher, the
    better.
    """

    job: str
    dataset: str
    people: Numbers = field(repr=False)
    scores: Scores = field(repr=False)
    withheld: int
    """People who were asked about and may not be scored."""
    keys: pa.Table = field(repr=False)
    """Row keys of these people (`key`), with the place of each one's score (`at`)."""

    def rows(self) -> Iterator[tuple[str, float]]:
        """Return key and score of every row, the best first."""
        scores = self.scores[self.keys["at"].to_numpy()]
        order = np.argsort(-scores, kind="stable")
        keys = self.keys["key"].take(order).to_pylist()
        yield from zip(keys, scores[order].tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class InUse:
    """People who may be scored now, rising, each with a score, while the use of them goes on."""

    uses: Uses
    people: Numbers = field(repr=False)
    scores: Scores = field(repr=False)

    @property
    def withheld(self) -> int:
        """People who were asked about and have no score: they may not be scored."""
        return self.uses.asked - len(self.people)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a kept model of one job is applied to, and who asks."""

    services: Services
    job: JobDescription
    agreed: Collaboration
    dataset: str
    requester: str
    without: BitMap = field(default_factory=BitMap, repr=False)
    """People who are not even asked about."""
    what: str = "score"
    """What is done, as the number of the use says."""
    beside: frozenset[str] = frozenset()
    """Columns of the dataset that are read beside those of the model."""

    def permit(self, among: BitMap | None = None) -> Uses:
        """Ask the gate about everybody in the dataset, or those of them who are `among` these;
        never about whoever is to be left out.

        Raises: MissingColumn; ScoringNotAgreed; as `uses.permit`; IllegalState if nobody may be
        scored.
        """
        parts = self.services
        self._require(self.beside)
        later = self._later(f"{self.job.job}-{self.what}-{parts.rng(8).hex()}", among)
        permitted = uses.permit(parts.gate, self.job, parts.home.keys.party, TTL_MS, later=later)
        if not permitted.allowed:
            uses.complete(parts.gate, permitted)
            raise IllegalState("nobody may be scored")
        return permitted

    def foreseen(self, read: frozenset[str], among: BitMap | None = None) -> uses.Foreseen:
        """Return whom `permit` would let be scored now, of a model that reads these columns;
        nothing is recorded.

        Raises: MissingColumn; ScoringNotAgreed; as `uses.foreseen`.
        """
        parts = self.services
        self._require(read)
        return uses.foreseen(parts.gate, self.job, parts.home.keys.party, self._later("", among))

    def _require(self, columns: frozenset[str]) -> None:
        there = set(self.services.datasets.info(self.dataset).report.columns)
        if missing := sorted(columns - there):
            raise MissingColumn(f"the dataset {self.dataset} has no column {missing[0]!r}")

    def _later(self, number: str, among: BitMap | None) -> uses.Later:
        parts = self.services
        purpose = purpose_for(self.job, self.agreed, parts.vocabulary)
        everybody = parts.datasets.asked(self.dataset) if among is None else among
        asked = everybody - self.without
        return uses.Later(number, SCORING, self.requester, asked, purpose, self.dataset)

    def columns(self, permitted: Uses, features: FeatureSpecification) -> Mapping[str, Any]:
        """Return these columns of who may be scored, a row for each person.

        Raises: MissingColumn, MisfitColumn, DatasetUnreadable, DatasetChanged.
        """
        people = people_of(permitted)
        return read_people(self.services.datasets, permitted.reading, people, features)

    def end(self, found: InUse) -> Scored:
        """Return scores with the row keys of whom they are of; the use is over."""
        datasets, people = self.services.datasets, found.people
        keys = datasets.over_index(found.uses.reading, [KEY, DENSE], partial(_keys, people))
        withheld = found.withheld
        uses.complete(self.services.gate, found.uses)
        return Scored(self.job.job, self.dataset, people, found.scores, withheld, keys)


def people_of(permitted: Uses) -> Numbers:
    """Return who may be used, by dense number, rising."""
    allowed = permitted.allowed
    return np.fromiter(allowed, np.int64, len(allowed))


def _keys(people: Numbers, index: pa.Table, permitted: NDArray[np.bool_]) -> pa.Table:
    rows = index.filter(pa.array(permitted))
    dense = rows[DENSE].to_numpy()
    # A permission towards the first of several parties may be wider than all of them together.
    at = np.minimum(np.searchsorted(people, dense), len(people) - 1)
    these = people[at] == dense
    return pa.table({"key": rows[KEY].filter(pa.array(these)), "at": at[these]})
