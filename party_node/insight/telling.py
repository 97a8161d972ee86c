"""The answer to an `insight` job, from the noisy sums that the receiver has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from party_node.statistics import document
from protocols.dp.noise import GAUSSIAN
from protocols.dp.queries.answering import Row, answer
from protocols.dp.queries.lift import answer_lift, hidden_lift
from protocols.dp.queries.overlap import Overlap, cells_of
from protocols.dp.queries.query import Lift
from protocols.job import JobDescription
from protocols.sums.insight import question_of
from protocols.sums.records import Sums

SMALL_SEGMENT = "small-segment"


def answered(job: JobDescription, sums: Sums, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer for people, a line for each cell, segment by segment.

    A segment that stayed out, because it is too small, is hidden. Raises: InvalidParameter.
    """
    asked = question_of(job.question)
    over = asked.over(job.minimum_size)
    small, rows = facts["small_segments"], list[Row]()
    if isinstance(asked.query.ask, Lift):
        made = over.plan
        rows += (
            hidden_lift(made, SMALL_SEGMENT) if small else answer_lift(made, *cells_of(over, sums))
        )
        return document.answered(made, rows) | {"dataset": asked.query.dataset}
    for label, cells in zip(asked.ours.labels(), cells_of(over, sums), strict=True):
        found = answer(over.plan, cells)
        rows += _hidden(found) if label in small else found
        if asked.ours.by:
            rows[-len(found) :] = [
                replace(row, key=(label, *row.key)) for row in rows[-len(found) :]
            ]
    named = [f"ours: {asked.ours.by}"] if asked.ours.by else []
    told = document.answered(over.plan, rows, named) | {"dataset": asked.query.dataset}
    return told if over.tree is None else told | _by_tree(over)


def _by_tree(over: Overlap) -> dict[str, Any]:
    """Return what is said of quantiles, which are read off a tree of noisy counts here."""
    assert over.tree is not None
    return {
        "noise": {
            "mechanism": GAUSSIAN,
            "parts": [{"of": "tree", "levels": over.tree.depth, "sigma": over.level_sigma}],
        },
        "notes": [
            "each person counts once; quantiles are read off a tree of noisy counts, on a grid",
            "the interval of a quantile covers the noise of its rank, and no sampling error",
        ],
    }


def _hidden(rows: Sequence[Row]) -> list[Row]:
    return [Row(row.key, None, None, None, SMALL_SEGMENT) for row in rows]
