"""What the model is measured beside: central tree models that see every label, and the mean seed.

LightGBM and XGBoost are measured if they are installed, each as it comes and at three sizes, of
which the best on the held-out people counts: more than anybody could choose without looking. The
mean seed is the least that anybody would do with the same noise: how close a person is to the
noised mean of the seeds.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from protocols.lookalike.encoding import is_time, numbers

Scores = Callable[[NDArray[Any]], NDArray[Any]]
_SIZES = ((7, 300), (15, 150), (31, 200))
"""Leaves and rounds."""


NAMES = ("lightgbm", "xgboost")


def installed() -> tuple[str, ...]:
    """Return which central peers there are."""
    return tuple(n for n in NAMES if importlib.util.find_spec(n) is not None)


def table(columns: dict[str, Any]) -> tuple[NDArray[np.float32], list[int]]:
    """Return columns as trees take them, and which of them are categories."""
    found, categories = [], []
    for at, (name, column) in enumerate(columns.items()):
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            values = pc.cast(column, pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        elif is_time(column.type):
            values = numbers(name, column)
        else:
            codes = pc.dictionary_encode(pc.cast(column, pa.string())).indices
            values = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
            categories.append(at)
        found.append(np.asarray(values, np.float32))
    return np.stack(found, axis=1), categories


def fitted(
    peer: str, rows: NDArray[np.float32], seeds: NDArray[np.bool_], categories: list[int]
) -> list[Scores]:
    """Return a peer's models of who is a seed: as it comes, and one for each size."""
    if peer == "lightgbm":
        return [_scores(m.fit(rows, seeds, categorical_feature=categories)) for m in _lightgbm()]
    return [_scores(model.fit(rows, seeds)) for model in _xgboost()]


def mean_seed(
    placed: NDArray[np.floating], seeds: NDArray[np.bool_], sigma: float, draws: np.random.Generator
) -> NDArray[np.floating]:
    """Return the mean of the seeds' unit vectors with the noise that the model's sum has too."""
    unit = placed[seeds] / np.maximum(np.linalg.norm(placed[seeds], axis=1, keepdims=True), 1e-9)
    noised: NDArray[np.floating] = unit.sum(axis=0) + sigma * draws.normal(size=unit.shape[1])
    return noised


def cosine(placed: NDArray[np.floating], mean: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the cosine similarity of each row to a mean."""
    norms = np.maximum(np.linalg.norm(placed, axis=1), 1e-9)
    return np.asarray(placed @ mean / norms)


def _lightgbm() -> list[Any]:
    from lightgbm import LGBMClassifier  # type: ignore[import-not-found,unused-ignore]

    as_it_comes = LGBMClassifier(n_jobs=1, verbose=-1, random_state=0)
    return [as_it_comes] + [
        LGBMClassifier(
            n_estimators=rounds, learning_rate=0.05, num_leaves=leaves, min_child_samples=20,
            n_jobs=1, verbose=-1, random_state=0,
        )
        for leaves, rounds in _SIZES
    ]  # fmt: skip


def _xgboost() -> list[Any]:
    from xgboost import XGBClassifier  # type: ignore[import-not-found,unused-ignore]

    as_it_comes = XGBClassifier(n_jobs=1, random_state=0)
    return [as_it_comes] + [
        XGBClassifier(
            n_estimators=rounds, learning_rate=0.05, max_leaves=leaves, grow_policy="lossguide",
            tree_method="hist", n_jobs=1, random_state=0,
        )
        for leaves, rounds in _SIZES
    ]  # fmt: skip


def _scores(model: Any) -> Scores:
    return lambda rows: np.asarray(model.predict_proba(rows)[:, 1])
