"""A small made-up population, and a run's training sum over it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from protocols.lookalike import representation, training
from protocols.lookalike.encoding import Bins, Codes, encode_rows, learn_bins
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.representation import Representation
from tests.support.seeded import seeded

RHO = 17_210_000
SPEC = FeatureSpecification(
    (
        Feature("age", FeatureKind.NUMERIC, 0, 120_000),
        Feature("spend", FeatureKind.NUMERIC),
        Feature("tier", FeatureKind.ORDINAL, categories=("basic", "silver", "gold")),
        Feature("region", FeatureKind.CATEGORICAL),
        Feature("noise", FeatureKind.NUMERIC),
    )
)


def draws(label: int) -> np.random.Generator:
    return np.random.default_rng([label, 20])


def population(rows: int = 2000, label: int = 1) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """Return columns, and who is wanted: it hangs on age, tier, and age and spend together."""
    d = draws(label)
    age, spend = d.normal(45, 15, rows), np.exp(d.normal(3, 1, rows))
    tier = d.integers(0, 3, rows)
    logits = (age - 45) / 10 + 1.2 * (tier == 2) + (np.log(spend) - 3) * (age > 50) - 2.5
    wanted = d.random(rows) < 1 / (1 + np.exp(-logits))
    columns = {
        "age": pa.array(np.where(d.random(rows) < 0.1, np.nan, age), from_pandas=True),
        "spend": pa.array(spend),
        "tier": pa.array(np.array(["basic", "silver", "gold"])[tier]),
        "region": pa.array([f"r{v}" for v in d.integers(0, 8, rows)]),
        "noise": pa.array(d.normal(size=rows)),
    }
    return columns, wanted


@dataclass(frozen=True, slots=True)
class Prepared:
    bins: tuple[Bins, ...]
    codes: Codes
    made: Representation
    wanted: NDArray[np.bool_]


def prepared(rows: int = 2000, step: int = 200, label: int = 1) -> Prepared:
    columns, wanted = population(rows, label)
    bins = learn_bins(SPEC, columns)
    codes = encode_rows(bins, columns)
    return Prepared(
        bins, codes, representation.represent(bins, codes, step, RHO, seeded("made")), wanted
    )


def noised(made: Representation, seeds: Codes, d: np.random.Generator) -> NDArray[np.int64]:
    """Return the sum of seeds' rows with the noise of a run."""
    sums = made.rows(seeds).sum(axis=0, dtype=np.int64)
    sigma = made.sum_params(max(1, len(seeds))).sigma_milli[0] / 1000
    return np.asarray(sums + np.rint(sigma * d.normal(size=len(sums))).astype(np.int64))


def trained(p: Prepared, seeds: NDArray[np.intp], d: np.random.Generator) -> Any:
    return training.train(p.made, p.codes, noised(p.made, p.codes[seeds], d), seeded("train"))
