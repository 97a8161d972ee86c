"""What a joint score is measured beside: the same people with both sides' features in one table.

The *same model* is the fit by second moments, added up in the clear: what the protocols cost beside
it is the price of not pooling. A logistic regression and boosted trees (scikit-learn's, 100 rounds)
are what somebody would fit who has the table.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from party_node.bench.lookalike_peers import table
from protocols.joint import moments, table_learning
from protocols.joint.fitting import JointModel, fit, left_of
from protocols.joint.kept import KeptJointModel, rounded
from protocols.joint.looks import Look
from protocols.joint.table_learning import Looked
from protocols.lookalike.encoding import Codes, learn_one, numbers, suggest

ROUNDS = 100
_CATEGORIES = 255
"""Of one column, at most, as the trees take them."""
Floats = NDArray[np.float64]


def pooled_moments(
    own: NDArray[np.uint8], labels: NDArray[np.uint8], theirs: NDArray[np.uint8],
    held: Floats | None = None,
) -> JointModel:  # fmt: skip
    """Return the joint model of these columns, computed in the clear."""
    p = theirs.shape[1]
    within = np.zeros(p + p * (p + 1) // 2, np.int64)
    for at in range(0, len(own), moments.CHUNK_ROWS):
        rows = moments.with_products(theirs[at : at + moments.CHUNK_ROWS])
        within += rows.sum(axis=0, dtype=np.int64)
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    # Whole numbers below 2^53: as floats they are exact, and much sooner multiplied.
    across = moments.vectors_of(values).T.astype(np.float64) @ moments.plainly(theirs).astype(
        np.float64
    )
    second = moments.second_moments(own, labels, within, across.astype(np.int64))
    return fit(second, own.shape[1], held_more=held)


def kept_model(
    own: NDArray[np.uint8], labels: NDArray[np.uint8], theirs: NDArray[np.uint8],
    held: Floats | None = None,
) -> KeptJointModel:  # fmt: skip
    """Return the same, as it is kept and used."""
    return rounded(pooled_moments(own, labels, theirs, held))


def looked(
    own: NDArray[np.uint8], labels: NDArray[np.uint8], look: Look, cells: Codes, most: int
) -> Looked:
    """Return the tables of a look at the cells of who trains, counted in the clear."""
    left = left_of(own, labels)
    quantised = table_learning.quantised(left)
    people, added = (
        np.concatenate(
            [
                np.bincount(cells[:, at], weights, size).astype(np.int64)
                for at, size in enumerate(look.sizes)
            ]
            or [np.zeros(0, np.int64)]
        )
        for weights in (None, quantised)
    )
    return table_learning.learn(look, people, added, float(left.var()), most)


def logistic(rows: Floats, labels: NDArray[np.bool_]) -> Any:
    """Return a logistic regression of standardised columns."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=5000).fit(rows, labels)


def trees(rows: NDArray[np.floating], labels: NDArray[np.bool_], categories: list[int]) -> Any:
    """Return boosted trees; `categories` are the columns that are no numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS, early_stopping=False, categorical_features=categories, random_state=0
    )
    return model.fit(rows, labels)


def for_trees(columns: dict[str, Any]) -> tuple[NDArray[np.float32], list[int]]:
    """Return columns as the trees take them, and which of them are categories.

    What is missing of everybody is 0 of everybody: the trees refuse to bin nothing.
    """
    rows, categories = table(columns)
    rows[:, np.isnan(rows).all(axis=0)] = 0
    return rows, [at for at in categories if rows[:, at].max() < _CATEGORIES]


def standard(columns: dict[str, Any]) -> Floats:
    """Return columns as a linear model takes them: standardised numbers, a column for each
    category, and one for what is missing.
    """
    return np.concatenate([_standard(name, c) for name, c in columns.items()], axis=1)


def _standard(name: str, column: Any) -> Floats:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        bins = learn_one(suggest(name, column), column)
        return np.asarray(bins.encode(column)[:, None] == np.arange(bins.size), np.float64)
    values = numbers(name, column)
    missing = ~np.isfinite(values)
    told = values[~missing]
    if not len(told):
        return np.zeros((len(values), 1))
    filled = np.where(missing, told.mean(), values)
    scaled = (filled - told.mean()) / (told.std() + 1e-9)
    return np.stack([scaled, missing.astype(np.float64)], axis=1)
