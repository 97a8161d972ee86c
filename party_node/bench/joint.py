"""`accord bench lookalike --part joint`: what a joint score costs. How good: `joint_accuracy.py`.

People are made up. Both sides are processes with homes of their own, by either route, and in the
same run the pooled table is fitted plainly.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from party_node.bench import joint_plain as plain
from party_node.bench.direct_run import added_up, run_directly
from party_node.bench.joint_people import JointAsked, encoded, named, partner
from party_node.surface_errors import BenchRefused
from protocols.session import Role

PEOPLE, OWN, THEIRS = 100_000, 20, 30
ROUTES = ("joint-bfv/3", "joint-cot/3")
_ROLES = {"brand": Role.INITIATOR, "partner": Role.RESPONDER}
LEAST = 1000
"""Fewer people train no joint model worth a figure, or none at all."""


def speed(
    folder: Path, people: int, own: int = OWN, theirs: int = THEIRS, by: tuple[str, ...] = ROUTES
) -> dict[str, Any]:
    """Return what both sides cost by each route, beside plain fits.

    Raises: BenchFailed, BenchRefused.
    """
    if people < LEAST:
        raise BenchRefused(f"a joint model is measured on {LEAST} people or more")
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
        own, theirs = (named(table) for table in tables)
        partner(theirs).model(encoded(own), labels, np.arange(asked.people))

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
