"""What a `federated` job asks: which columns describe people, what they foretell, how, the price.

Every partner encodes its own columns by the same public bins, so that weights mean the same at all
of them. The parameters of the run follow from the question (`params_for`), and the terms of the
training from these and from the sizes that the pre-flights said (`terms_for`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.federated.terms import MOST_COLUMNS, MOST_PARTIES, MOST_ROUNDS, FederatedTerms
from protocols.job import JobDescription
from protocols.lookalike.encoding import Bins
from protocols.lookalike.features import (
    MAX_CATEGORIES,
    MAX_NAME,
    Feature,
    FeatureSpecification,
)
from protocols.psi.params import JOB_CHUNK_ITEMS, JOB_PEOPLE, MatchingParams

FEDERATED = "federated"
PROTOCOL = "federated-ridge/2"
LEAST_SIZE = 500
"""By how much a partner counts whose pre-flight says nothing but that it is small."""


@dataclass(frozen=True, slots=True)
class Label(Record):
    """What is foretold: whether a person's value is one of these. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "federated-label/1"
    column: str
    positive: tuple[str, ...]
    """Values, as texts, that count as a yes; every other value is a no. Nobody is used in whose row
    it is missing."""

    def __post_init__(self) -> None:
        if not (1 <= len(self.column) <= MAX_NAME and self.column.isprintable()):
            raise InvalidParameter(f"a label has a name of 1 to {MAX_NAME} printable characters")
        if not 1 <= len(self.positive) <= MAX_CATEGORIES:
            raise InvalidParameter("a label has at least one value that counts as a yes")
        if len(set(self.positive)) < len(self.positive):
            raise InvalidParameter("a value of the label stands there twice")


@dataclass(frozen=True, slots=True)
class FederatedParams(MatchingParams):
    """Parameters of a training, as they follow from the question; no column is named in them.

    Nobody is matched: of what nodes ask of matching parameters only room for people counts.
    Raises: InvalidParameter outside the ranges; `FederatedTerms` has the last word.
    """

    KIND: ClassVar[str] = "federated-params/1"
    one_hot: tuple[int, ...]
    rounds: int
    threshold: int
    """0: more than half of the partners, the least that is allowed."""
    ridge_milli: int
    rho_nano: int
    """For each round."""

    def __post_init__(self) -> None:
        if not self.one_hot or 1 + sum(self.one_hot) > MOST_COLUMNS:
            raise InvalidParameter(f"a model has features, and at most {MOST_COLUMNS} columns")
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise InvalidParameter(f"a training has 1 to {MOST_ROUNDS} rounds")
        if self.threshold and not 2 <= self.threshold <= MOST_PARTIES:
            raise InvalidParameter(f"the threshold is 2 to {MOST_PARTIES} partners")
        if not 0 <= self.ridge_milli <= 10**6:
            raise InvalidParameter("regularisation is 0 to 1000")
        if not 0 < self.rho_nano * self.rounds <= budget.MAX_RELEASE_NANO:
            raise InvalidParameter("all rounds together cost more than rho 0 and at most rho 10")

    @property
    @override
    def max_items(self) -> int:  # type: ignore[override] # a field where people are matched
        """The most people that a side may have."""
        return JOB_PEOPLE

    @property
    @override
    def chunk_items(self) -> int:  # type: ignore[override] # as above
        """Nothing is cut into chunks."""
        return JOB_CHUNK_ITEMS

    @property
    @override
    def tag_bytes(self) -> int:  # type: ignore[override] # as above
        """Nothing is matched by tags."""
        return 16

    @override
    def are_of(self, protocol: str) -> bool:
        """Return whether the protocol trains."""
        return protocol == PROTOCOL


@dataclass(frozen=True, slots=True)
class Federated(Record):
    """One question. Raises: InvalidParameter if no training can be made of it."""

    KIND: ClassVar[str] = "federated/1"
    features: FeatureSpecification
    """With public bins: edges of every numeric column, categories of every other one."""
    label: Label
    rounds: int
    threshold: int
    ridge_milli: int
    rho_nano: int
    """For each round, at each partner towards each other one."""

    def __post_init__(self) -> None:
        for feature in self.features.features:
            if not (feature.edges_milli or feature.categories):
                raise InvalidParameter(
                    f"column {feature.column} has no public bins: state edges or categories"
                )
            if feature.column == self.label.column:
                raise InvalidParameter("the label is not one of the features")
        params_for(self)

    @property
    def columns(self) -> set[str]:
        """What every partner reads."""
        return {f.column for f in self.features.features} | {self.label.column}

    @property
    def price(self) -> int:
        """What all rounds cost, in billionths of a rho."""
        return self.rounds * self.rho_nano


def bins_of(features: FeatureSpecification) -> tuple[Bins, ...]:
    """Return the public bins of every feature, in the order given."""
    return tuple(_bins(feature) for feature in features.features)


def _bins(feature: Feature) -> Bins:
    if feature.kind.is_measured:
        return Bins(feature, np.array(feature.edges_milli, np.float64) / 1000)
    return Bins(feature, None, feature.categories)


def params_for(asked: Federated) -> FederatedParams:
    """Return the parameters by which nodes run a question. Raises: InvalidParameter."""
    return FederatedParams(
        tuple(bins.size for bins in bins_of(asked.features)),
        asked.rounds,
        asked.threshold,
        asked.ridge_milli,
        asked.rho_nano,
    )


def terms_for(
    job: JobDescription, params: FederatedParams, sizes: Mapping[str, int]
) -> FederatedTerms:
    """Return the terms of a job's training; `sizes` are by how much each partner counts.

    Raises: InvalidParameter, also for a threshold that does not fit the number of partners.
    """
    parties = tuple(sorted(job.parties()))
    return FederatedTerms(
        job=job.job,
        parties=parties,
        sizes=tuple(sizes[party] for party in parties),
        threshold=params.threshold or len(parties) // 2 + 1,
        rounds=params.rounds,
        one_hot=params.one_hot,
        ridge_milli=params.ridge_milli,
        rho_nano=params.rho_nano,
    )


def size_of(permitted_step: int) -> int:
    """Return by how much a partner counts that has said this step in its pre-flight."""
    return permitted_step or LEAST_SIZE
