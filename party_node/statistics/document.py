"""A release as a document: values with intervals, what is hidden and why, cost, and where it is
from. Stored as JSON, and shown as JSON, as CSV or as a table.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from party_node.permission import Grant
from party_node.requests.csv_text import cell
from protocols.dp.budget import Rho, epsilon
from protocols.dp.noise import GAUSSIAN
from protocols.dp.queries.answering import Row
from protocols.dp.queries.plan import Plan
from protocols.dp.queries.query import Frequency, Lift, Quantile, Reach, TopK
from protocols.dp.queries.reading import KINDS
from protocols.dp.vector_noise import GUMBEL, THRESHOLD

CONFIDENCE = 0.95
HIDDEN = {
    "small-cohort": "fewer people than the minimum, counted with noise",
    "too-noisy": "so few rows that the value would be noise",
    "small-segment": "too few of the asking party's own people are in that segment",
}
"""Why a cell has no value, in words."""

ONLY_COMMON = "only people whom both parties have are counted, and a person converts once at most"
AMONG_EXPOSED = (
    "everybody of an arm is counted whom the other party may speak of; who is not among the asking "
    "party's own people, or may not be spoken of there, counts as not converted, which makes rates "
    "too low. A person converts once at most"
)
LIFT_NOTES = (
    "an interval covers what its line says: the noise alone (the truth is that of the people "
    "counted), the sampling alone (as if the noisy counts were exact), or both; each line for "
    "itself, with 95 %",
    "sampling means that the people of each arm are a draw from a large population, each for "
    "themselves; it says nothing of how people came into an arm. Only where arms were assigned by "
    "chance is a lift the effect of the campaign",
    ONLY_COMMON,
)
"""What is said of every answer about lift."""

WINDOW_NOTES = (
    "a conversion is in the window by the lower edges of the bins of both times, so it may be a "
    "bin too early or too late; whose exposure lies in no bin is left out, and of several "
    "conversions of a person the first in time counts",
    "each number is the sum of counts for many pairs of bins, and its noise wider for that",
)
"""What is said of every lift with a window."""

REACH_NOTES = (
    "ranks are among the other party's people who may be scored now; each line counts people of "
    "the lines before it too",
    "intervals cover the noise of each value alone, and no sampling error",
)
"""What is said of every answer about reach."""

VALUE_NOTES = (
    "a value is what all rows of a person come to, each row and then their sum clipped to the "
    "declared bounds, which moves sums and means towards them",
    "own people stand at a few levels of value, by chance and right on average; intervals have "
    "what that adds. With more levels it is less",
)
"""What is said of every answer with a value of the asker's own people."""


def kind_of(plan: Plan) -> str:
    """Return the word for the kind of question."""
    name = type(plan.query.ask).__name__.lower()
    return next(kind for kind in KINDS if kind.replace("_", "") == name)


def mechanism_of(plan: Plan) -> str:
    """Return the name of what the answer is drawn by."""
    if plan.keys is not None:
        return THRESHOLD
    return GUMBEL if plan.choices else GAUSSIAN


def key_columns(plan: Plan) -> list[str]:
    """Return what the parts of a row's key are called."""
    match plan.query.ask:
        case TopK(of=of):
            return [of]
        case Frequency():
            return ["rows"]
        case Reach():
            return ["reach"]
        case Lift(arm=arm):
            return [arm, "measure", "interval"]
        case Quantile():
            return [*plan.query.by, "quantile"]
        case _:
            return list(plan.query.by)


def document(
    plan: Plan,
    rows: Sequence[Row],
    *,
    release: str,
    recipient: str,
    delta_exponent: int,
    grant: Grant,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a release as it is stored and shown; `facts` says where it comes from."""
    return {
        "release": release,
        "dataset": plan.query.dataset,
        "purpose": grant.purpose,
        "recipient": recipient,
        **answered(plan, rows),
        "cost": {
            "rho": str(Rho(plan.rho_nano)),
            "epsilon_alone": epsilon(plan.rho_nano, delta_exponent),
            "delta": f"1e-{delta_exponent}",
            "further_delta": None if plan.keys is None else f"1e-{plan.keys.delta_exponent}",
        },
        "own": {
            "asked": grant.asked,
            "permitted": len(grant.allowed),
            "withheld": dict(grant.denied),
        },
        "earlier": None,
        "provenance": {
            **facts,
            "ledger": {
                "origin": grant.head.origin,
                "size": grant.head.size,
                "root": grant.head.root.hex(),
                "use_record": grant.head.use_record.hex(),
                "use_entry": grant.use_entry,
            },
        },
    }


def answered(plan: Plan, rows: Sequence[Row], before: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the answer itself is: values, what is hidden and why, notes, noise.

    `before` names parts of a row's key that stand before those of the question.
    """
    hidden = Counter(row.hidden for row in rows if row.hidden)
    return {
        "query": kind_of(plan),
        "of": _of(plan),
        "keys": [*before, *key_columns(plan)],
        "rows": [_row(row) for row in rows],
        "confidence": CONFIDENCE,
        "hidden": [
            {"reason": why, "cells": n, "text": f"{n} hidden: {HIDDEN[why]}"}
            for why, n in sorted(hidden.items())
        ],
        "notes": _notes(plan),
        "noise": noise(plan),
    }


def to_csv(found: Mapping[str, Any]) -> str:
    """Return the rows of a release as CSV: keys, value, interval, why a cell is hidden."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow([*found["keys"], "value", "low", "high", "people", "hidden"])
    for row in found["rows"]:
        told = [row["value"], row["low"], row["high"], row["people"], row["hidden"]]
        # Keys may come from the data and must not run as formulas; numbers stay numbers.
        out.writerow([*map(cell, row["key"]), *("" if v is None else v for v in told)])
    return text.getvalue()


def _row(row: Row) -> dict[str, Any]:
    return {
        "key": list(row.key),
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "people": row.people,
        "hidden": row.hidden or None,
    }


def _of(plan: Plan) -> str | None:
    return getattr(plan.query.ask, "of", None)


def _notes(plan: Plan) -> list[str]:
    """Say in words what the numbers leave out; nothing of it depends on the data."""
    number, bounds, notes = plan.number, plan.query.bounds, []
    if isinstance(plan.query.ask, Reach):
        return list(REACH_NOTES)
    if not isinstance(plan.query.ask, Frequency):
        notes.append(
            f"of each person at most {bounds.rows} rows count in each of at most {plan.groups} "
            "groups, so totals are too low where people have more"
        )
    if number is not None:
        notes.append(
            "values are clipped to the declared bounds, which moves sums and means towards them; "
            "rows without a number are left out"
        )
    if isinstance(plan.query.ask, Quantile):
        reach = max(c.rank_within(plan.query.ask.steps + 1) for c in plan.choices)
        notes.append(
            f"a quantile's rank is off by at most {reach} rows, with 95 %, from the nearest point "
            "of the grid; it has no interval of its own"
        )
    if plan.keys is not None:
        notes.append(f"only words that about {plan.keys.threshold} people have come out at all")
    if isinstance(plan.query.ask, Lift):
        return [*notes, *LIFT_NOTES]
    notes.append("intervals cover the noise of each value alone, and no sampling error")
    return notes


def noise(plan: Plan) -> dict[str, Any]:
    """Return the noise of a plan as people may check it."""
    found: dict[str, Any] = {
        "mechanism": mechanism_of(plan),
        "parts": [
            {"of": p.measure, "sigma": p.sigma, "distance": p.distance, "rho": str(Rho(p.rho_nano))}
            for p in plan.parts
        ],
    }
    if plan.keys is not None:
        found |= {"sigma": plan.keys.sigma, "threshold": plan.keys.threshold}
    if plan.choices:
        found["choices"] = [
            {"at": c.at / 10_000, "scale": c.scale, "sensitivity": c.sensitivity,
             "rho": str(Rho(c.rho_nano))}
            for c in plan.choices
        ]  # fmt: skip
    return found
