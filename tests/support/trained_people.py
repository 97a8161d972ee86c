"""People to train on: made up, and those of UCI Adult; and a whole training without masks."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression

from protocols.federated import estimate, fixed_point, learning, noise, updates
from protocols.federated.estimate import Summed
from protocols.federated.fixed_point import Weights, Whole
from protocols.federated.learning import NONE, Codes, People
from protocols.federated.terms import FederatedTerms
from tests.support.federation import terms_of

ROOT = Path(__file__).parents[2]
SHAPE = (4, 3, 6, 2)


def population(n: int, seed: int, shape: tuple[int, ...] = SHAPE) -> People:
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, k, n) for k in shape], axis=1).astype(np.uint16)
    codes[rng.random(codes.shape) < 0.05] = NONE
    terms = terms_of(2, one_hot=shape)
    truth = np.random.default_rng(7).normal(0, 1, terms.columns)
    chance = 1 / (1 + np.exp(-learning.score(terms, truth, codes)))
    return People(codes, (rng.random(n) < chance).astype(np.uint8))


def matrix(terms: FederatedTerms, codes: Codes) -> Weights:
    """What each person has, as 0 and 1: the constant first."""
    found = np.zeros((len(codes), terms.columns + 1))
    np.put_along_axis(found, learning.columns_of(terms, codes), 1.0, axis=1)
    return found[:, :-1]


def pooled(terms: FederatedTerms, people: People, ridge: float) -> Weights:
    """The weights of a ridge regression on everybody's rows; `ridge` is for each person."""
    model = LogisticRegression(
        C=1 / (ridge * len(people.labels)), fit_intercept=False, tol=1e-8, max_iter=2000
    )
    found: Weights = model.fit(matrix(terms, people.codes), people.labels).coef_[0]
    return found


def trained(
    terms: FederatedTerms,
    parts: Sequence[People],
    gone: frozenset[int] = frozenset(),
    add: Callable[[FederatedTerms, int, Whole], Whole] = noise.add,
) -> Weights:
    """Weights after all rounds; partners in `gone` are there in the first one only.

    `add` adds the noise, as `noise.add` does.
    """
    weights, sums = fixed_point.start(terms), list[Summed]()
    for turn in range(terms.rounds):
        numbers = tuple(i for i in range(len(parts)) if not (turn and i in gone))
        total = sum(
            add(terms, turn, updates.update(terms, turn, parts[i], weights)) for i in numbers
        )
        sums.append(Summed(weights, numbers, np.asarray(total).astype("<i8").tobytes()))
        weights = estimate.weights(terms, sums)
    return fixed_point.read_weights(terms, weights)


def adults() -> tuple[Codes, np.ndarray, tuple[int, ...]]:
    """Return codes, labels and code counts; numbers with many values are cut into eighths."""
    table = pq.read_table(ROOT / "party_node/demo/data/adult.parquet")
    columns, sizes = [], []
    for name in (n for n in table.column_names if n != "income"):
        values = np.array(table[name].to_pylist())
        if values.dtype.kind in "if" and len(np.unique(values)) > 20:
            cuts = np.unique(np.quantile(values, np.linspace(0, 1, 9)[1:-1]))
            columns.append(np.searchsorted(cuts, values, side="right"))
            sizes.append(len(cuts) + 1)
        else:
            kinds, found = np.unique(values.astype(str), return_inverse=True)
            columns.append(found)
            sizes.append(len(kinds))
    rich = [str(v).strip().startswith(">50") for v in table["income"].to_pylist()]
    return np.stack(columns, 1).astype(np.uint16), np.array(rich, np.uint8), tuple(sizes)
