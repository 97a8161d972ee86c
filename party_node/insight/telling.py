"""The answer to an `insight` job, from the noisy sums that the receiver has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from party_node.insight.grouping import SEGMENTS, SMALL, levels_of
from party_node.statistics import document
from protocols.dp.noise import GAUSSIAN
from protocols.dp.queries.answering import Row, answer
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.lift import CONVERTED, OTHERS, Worth, answer_lift, hidden_lift
from protocols.dp.queries.overlap import Overlap, cells_of
from protocols.dp.queries.query import Lift
from protocols.dp.queries.reading import EXPOSED
from protocols.dp.queries.schema import BinColumn
from protocols.dp.queries.valued import answer_valued, hidden_valued
from protocols.dp.queries.windows import apart
from protocols.job import JobDescription
from protocols.sums.insight import Insight, question_of
from protocols.sums.records import Sums

SMALL_SEGMENT = "small-segment"


def answered(job: JobDescription, sums: Sums, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer for people, a line for each cell, segment by segment.

    A segment that stayed out, because it is too small, is hidden. Raises: InvalidParameter.
    """
    asked = question_of(job.question)
    over = asked.over(job.minimum_size)
    rows, cells = list[Row](), cells_of(over, sums)
    if isinstance(asked.query.ask, Lift):
        rows += _of_lift(asked, over, cells, facts)
        told = document.answered(over.plan, rows) | {"dataset": asked.query.dataset}
        return told | _notes(asked, told, facts)
    first = 0
    for label, wide in zip(asked.groups, asked.levels, strict=True):
        found = _of_segment(asked, over, cells[first : first + wide], label, facts)
        rows += (replace(row, key=(label, *row.key)) if asked.ours.by else row for row in found)
        first += wide
    named = [f"ours: {asked.ours.by}"] if asked.ours.by else []
    told = document.answered(over.plan, rows, named) | {"dataset": asked.query.dataset}
    if asked.ours.value:
        told["keys"] = [*told["keys"], "measure"]
        return told | _notes(asked, told, facts)
    return told if over.tree is None else told | _by_tree(over)


def _of_lift(
    asked: Insight, over: Overlap, cells: Sequence[Noisy], facts: Mapping[str, Any]
) -> Sequence[Row]:
    """Return the rows of a lift; the vectors are converted people, others, and whom only the sender
    has.
    """
    if asked.has_window:
        return _within(asked, over, cells, facts)
    number, wide = asked.ours.number, asked.levels[0]
    converted, others, worth = cells[:wide], cells[wide:], None
    if number is not None:
        levels = levels_of(facts, CONVERTED)
        if levels is None:
            return hidden_lift(over.plan, SMALL_SEGMENT, number)
        # Where fewer levels are stood at, nobody is in the other groups: nothing but noise.
        converted, worth = converted[: len(levels.at)], Worth(levels, number)
    if facts[SMALL]:
        return hidden_lift(over.plan, SMALL_SEGMENT, number)
    return answer_lift(over.plan, converted, others, worth)


def _within(
    asked: Insight, over: Overlap, cells: Sequence[Noisy], facts: Mapping[str, Any]
) -> Sequence[Row]:
    """Return the rows of a lift with a window: bins in which nobody converted say only noise."""
    bought, sizes, labels = asked.ours.schema.find(asked.ours.by), facts[SEGMENTS], asked.groups
    assert isinstance(bought, BinColumn)
    in_run = [
        n for n, label in enumerate(labels[:-1]) if sizes[label] and label not in facts[SMALL]
    ]
    if not in_run or OTHERS in facts[SMALL]:
        return hidden_lift(over.plan, SMALL_SEGMENT)
    by_conversion = [(bought.labels().index(labels[n]), cells[n]) for n in in_run]
    within, others = apart(over.plan, by_conversion, cells[len(labels) - 1 :], bought)
    if not within:
        return hidden_lift(over.plan, SMALL_SEGMENT)
    return answer_lift(over.plan, within, others)


def _of_segment(
    asked: Insight, over: Overlap, cells: Sequence[Noisy], label: str, facts: Mapping[str, Any]
) -> Sequence[Row]:
    number = asked.ours.number
    if number is None:
        found = answer(over.plan, cells[0])
        return _hidden(found) if label in facts[SMALL] else found
    levels = levels_of(facts, label)
    if levels is None:
        return hidden_valued(over.plan, SMALL_SEGMENT)
    return answer_valued(over.plan, cells[: len(levels.at)], levels, number)


def _notes(asked: Insight, told: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notes with what is to be said of values, and of whom rates are among."""
    notes, ask, more = list(told["notes"]), asked.query.ask, {}
    if isinstance(ask, Lift) and ask.exposed:
        more["among"] = EXPOSED
        notes = [note for note in notes if note != document.ONLY_COMMON] + [document.AMONG_EXPOSED]
    if asked.has_window:
        notes += document.WINDOW_NOTES
        if out := [label for label in facts[SMALL] if label in asked.groups]:
            notes.append(
                f"too few of own people converted in {', '.join(out)}: these conversions are "
                "left out"
            )
    if asked.ours.value:
        notes += document.VALUE_NOTES
        pooled = [found.pooled_percent for label in asked.groups
                  if (found := levels_of(facts, label)) is not None]  # fmt: skip
        if pooled and max(pooled) >= 0.1:
            notes.append(
                f"up to {max(pooled):.1f} % of own people's total lies so far out, with so few, "
                "that they count with a value that they have in common"
            )
    return {"notes": notes, **more}


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
