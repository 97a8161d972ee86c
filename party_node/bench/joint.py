"""`accord bench lookalike --part joint`: how good a joint score is, and what it costs.

How good: of people from a file, or made-up ones, the brand has the first half of the columns and
the partner the others; half of the people train and half judge. Sums are exact, so the model is
computed in the clear. What it costs: made-up people, both sides as processes with homes of their
own, by either route, and in the same run plain fits of the pooled table.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from party_node.bench import joint_plain as plain
from party_node.bench.direct_run import added_up, run_directly
from party_node.bench.joint_people import JointAsked, encoded, named
from party_node.bench.lookalike_data import People, usable
from party_node.surface_errors import BenchRefused
from protocols.session import Role

PEOPLE, OWN, THEIRS = 100_000, 20, 30
ROUTES = ("joint-bfv/2", "joint-cot/2")
_ROLES = {"brand": Role.INITIATOR, "partner": Role.RESPONDER}
_LEAST = 1000
"""Fewer people train no joint model worth a figure, or none at all."""


def accuracy(people: People, repeats: int) -> dict[str, Any]:
    """Return areas under the curve on people who did not train. Raises: BenchRefused."""
    columns, refused = usable(people)
    if len(columns) < 2:
        raise BenchRefused("two sides have at least a column each")
    if len(people.wanted) < _LEAST:
        raise BenchRefused(f"a joint model is measured on {_LEAST} people or more")
    names = list(columns)
    sides = [
        {name: columns[name] for name in part}
        for part in (names[: len(names) // 2], names[len(names) // 2 :])
    ]
    runs = [_areas(sides, people, repeat) for repeat in range(repeats)]
    middle = {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0]}
    return {
        "data": people.name,
        "people": len(people.wanted),
        "wanted": int(people.wanted.sum()),
        "refused_columns": refused,
        "own_features": len(sides[0]),
        "their_features": len(sides[1]),
        "repeats": repeats,
        **middle,
    }


def _areas(sides: list[dict[str, Any]], people: People, repeat: int) -> dict[str, float]:
    order = np.random.default_rng([4, repeat]).permutation(len(people.wanted))
    trains, judges = order[: len(order) // 2], order[len(order) // 2 :]
    wanted = people.wanted

    def area(scores: Any) -> float:
        return float(roc_auc_score(wanted[judges], scores))

    own, theirs = (encoded(side) for side in sides)
    model = plain.pooled_moments(own[trains], wanted[trains].astype(np.uint8), theirs[trains])
    rows = [plain.standard(side) for side in sides]
    both, (wide, categories) = np.hstack(rows), plain.for_trees({**sides[0], **sides[1]})
    found = {
        "joint": area(own[judges] @ model.own + theirs[judges] @ model.theirs),
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
    return found


def _fitted(rows: Any, wanted: Any, trains: Any) -> Any:
    return plain.logistic(rows[trains], wanted[trains])


def speed(
    folder: Path, people: int, own: int = OWN, theirs: int = THEIRS, by: tuple[str, ...] = ROUTES
) -> dict[str, Any]:
    """Return what both sides cost by each route, beside plain fits.

    Raises: BenchFailed, BenchRefused.
    """
    if people < _LEAST:
        raise BenchRefused(f"a joint model is measured on {_LEAST} people or more")
    asked = JointAsked(people, own, theirs, by[0])
    beside, routes = _plain_fits(asked), {}
    for route in by:
        said = dataclasses.asdict(dataclasses.replace(asked, route=route))
        sides = run_directly(
            folder / route.partition("/")[0], "party_node.bench.joint_party", _ROLES, said
        )
        spent = added_up(sides)
        over = {
            name: {
                "wall": round(spent["wall_seconds"] / fit["wall_seconds"], 1),
                "cpu": round(spent["cpu_seconds_both_parties"] / fit["cpu_seconds"], 1),
            }
            for name, fit in beside.items()
        }
        same = len({side["transcript"] for side in sides.values()}) == 1
        exact = sides["brand"]["exact"] and same
        routes[route] = spent | {"exact": exact, "over_plain": over}
    return {
        "people": people,
        "own_features": own,
        "their_features": theirs,
        "plain": beside,
        "routes": routes,
    }


def _plain_fits(asked: JointAsked) -> dict[str, dict[str, float]]:
    """Return what it costs to fit the pooled table; what it is read from is in memory already."""
    tables, labels = asked.tables(), asked.labels()
    pooled = np.hstack(tables)

    def same_model() -> None:
        own, theirs = (encoded(named(table)) for table in tables)
        plain.pooled_moments(own, labels.astype(np.uint8), theirs)

    return {
        "same_model": _timed(same_model),
        "logistic": _timed(lambda: plain.logistic(pooled, labels)),
        "trees": _timed(lambda: plain.trees(pooled, labels, [])),
    }


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    began, used = time.monotonic(), time.process_time()
    work()
    spent = time.monotonic() - began, time.process_time() - used
    # A clock is no finer than this.
    return {
        name: round(max(t, 1e-3), 3)
        for name, t in zip(("wall_seconds", "cpu_seconds"), spent, strict=True)
    }


def accuracy_words(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return the figures of how good it is, for people: name and value."""
    for key in (
        "joint", "pooled_logistic", "pooled_trees", "own_columns_alone",
        "ratio_to_logistic", "ratio_to_trees",
    ):  # fmt: skip
        yield [key.replace("_", " "), f"{found[key]:.3f}"]


def speed_words(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return what it costs, for people: a line for each way to fit."""
    for route, at in found["routes"].items():
        over = at["over_plain"]["same_model"]["cpu"], at["over_plain"]["trees"]["cpu"]
        peak = " + ".join(str(at["peak_mib"][party]) for party in _ROLES)
        sent = sum(at["bytes"].values()) / 1e6
        yield [
            route, f"{at['wall_seconds']:.1f}", f"{at['cpu_seconds_both_parties']:.1f}", peak,
            f"{sent:.0f}", *(f"{times:.0f}" for times in over), "yes" if at["exact"] else "NO",
        ]  # fmt: skip
    for name, fit in found["plain"].items():
        spent = f"{fit['wall_seconds']:.2f}", f"{fit['cpu_seconds']:.2f}"
        yield [f"plain: {name.replace('_', ' ')}", *spent, "", "", "", "", ""]
