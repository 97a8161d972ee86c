"""`accord bench lookalike --part joint`: how good a joint score is, on any people.

The brand has the columns that are named, or the first half, and the partner the others; half of the
people train and half judge. Features are those that a careful asker would state: few categories by
name. Sums are exact, so the model is computed in the clear. Beside it stand models of the pooled
table, which see every column and label: a logistic regression, boosted trees, and LightGBM and
XGBoost where they are installed, each at its best (`lookalike_peers.py`).
"""

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from party_node.bench import joint_plain as plain
from party_node.bench import lookalike_peers as peers
from party_node.bench.joint import LEAST
from party_node.bench.joint_people import partner, specification
from party_node.bench.lookalike_data import People, usable
from party_node.surface_errors import BenchRefused
from protocols.joint.basis_learning import learn
from protocols.joint.coarse import coarse
from protocols.joint.refining import refine
from protocols.joint.widths import MOST_COLUMNS, widths

_FIGURES = (
    "joint", "straight_line", "pooled_logistic", "pooled_trees", *peers.NAMES, "own_columns_alone",
    "ratio_to_logistic", "ratio_to_trees", "ratio_to_central",
)  # fmt: skip

Columns = dict[str, Any]


def accuracy(people: People, repeats: int, ours: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return areas under the curve on people who did not train. Raises: BenchRefused."""
    columns, refused = usable(people)
    if len(people.wanted) < LEAST:
        raise BenchRefused(f"a joint model is measured on {LEAST} people or more")
    own, theirs = sides_of(columns, ours)
    for whose, side in (("brand", own), ("partner", theirs)):
        wide = sum(widths(specification(side)))
        if wide > MOST_COLUMNS:
            raise BenchRefused(
                f"the features of the {whose} become {wide} columns, and {MOST_COLUMNS} are the "
                "most of a side",
                hint="leave some out with --without, or divide them with --ours",
            )
    runs = [_areas(own, theirs, people.wanted, repeat) for repeat in range(repeats)]
    middle = {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0]}
    return {
        "data": people.name,
        "people": len(people.wanted),
        "wanted": int(people.wanted.sum()),
        "refused_columns": refused,
        "own_features": len(own),
        "their_features": len(theirs),
        "repeats": repeats,
        **middle,
    }


def sides_of(columns: Columns, ours: tuple[str, ...]) -> tuple[Columns, Columns]:
    """Return the brand's columns and the partner's; without names the brand has the first half.

    Raises: BenchRefused if a side has none, or a name is no column that may be a feature.
    """
    absent = [name for name in ours if name not in columns]
    if absent:
        raise BenchRefused(
            f"{absent[0]} is no column that may be a feature", hint="see --ours and --without"
        )
    own = set(ours or list(columns)[: len(columns) // 2])
    mine = {name: column for name, column in columns.items() if name in own}
    theirs = {name: column for name, column in columns.items() if name not in own}
    if not mine or not theirs:
        raise BenchRefused("two sides have at least a column each", hint="see --ours")
    return mine, theirs


def _areas(own: Columns, theirs: Columns, wanted: NDArray[np.bool_], repeat: int) -> dict[str, Any]:
    order = np.random.default_rng([4, repeat]).permutation(len(wanted))
    trains, judges = order[: len(order) // 2], order[len(order) // 2 :]

    def area(scores: Any) -> float:
        return float(roc_auc_score(wanted[judges], scores))

    straight, scores = joint_scores(own, theirs, wanted, trains, repeat)
    rows = [plain.standard(side) for side in (own, theirs)]
    both, pooled = np.hstack(rows), {**own, **theirs}
    wide, categories = plain.for_trees(pooled)
    found = {
        "joint": area(scores[judges]),
        "straight_line": area(straight[judges]),
        "pooled_logistic": area(_fitted(both, wanted, trains).decision_function(both[judges])),
        "pooled_trees": area(
            plain.trees(wide[trains], wanted[trains], categories).decision_function(wide[judges])
        ),
        "own_columns_alone": area(
            _fitted(rows[0], wanted, trains).decision_function(rows[0][judges])
        ),
    }
    found["ratio_to_logistic"] = found["joint"] / found["pooled_logistic"]
    found["ratio_to_trees"] = found["joint"] / found["pooled_trees"]
    if peers.installed():
        seen, codes = peers.table(pooled)
        for peer in peers.installed():
            models = peers.fitted(peer, seen[trains], wanted[trains], codes)
            found[peer] = max(area(model(seen[judges])) for model in models)
        found["ratio_to_central"] = found["joint"] / max(found[p] for p in peers.installed())
    return found


def joint_scores(
    own: Columns, theirs: Columns, wanted: NDArray[np.bool_], trains: NDArray[np.intp], repeat: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return everybody's score by the straight line, and by all of the model."""
    basis = learn(specification(own), own)
    mine = basis.encode(own)
    kept, others = partner(theirs).model(mine, wanted, trains)
    exact = others.astype(np.int64) @ np.array(kept.weights, np.int64)
    sums = coarse(exact, kept.weights)  # as the partner would
    straight = kept.score(mine.astype(np.int64) @ kept.own_weights() + sums)
    who, draws = np.zeros(len(wanted), bool), np.random.default_rng([7, repeat])
    who[trains] = True
    more = refine(basis, mine, sums, wanted - straight, who, draws)
    return straight, straight if more is None else straight + more[1]


def _fitted(rows: Any, wanted: Any, trains: Any) -> Any:
    return plain.logistic(rows[trains], wanted[trains])


def words(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return the figures for people: name and value."""
    for key in _FIGURES:
        if key in found:
            yield [key.replace("_", " "), f"{found[key]:.3f}"]
