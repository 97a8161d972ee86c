"""What a question about people in common counts, and the columns that it declares, in plain words.

Complete, so that nobody agrees to what was cut off: `question_words.py` puts them together.
"""

from collections.abc import Iterator

from protocols.dp.queries.filter_words import word
from protocols.dp.queries.query import (
    MAX_PARTS_OF_WHOLE,
    Ask,
    Bounds,
    Count,
    CrossTab,
    Distinct,
    Frequency,
    Histogram,
    Lift,
    Mean,
    Quantile,
    Reach,
    Sum,
    TopK,
    Variance,
)
from protocols.dp.queries.schema import (
    BinColumn,
    CategoryColumn,
    Column,
    NumberColumn,
    written,
)
from protocols.sums.insight import Insight
from protocols.sums.segments import Segments

_PART_PLACES = len(str(MAX_PARTS_OF_WHOLE)) - 1


def counted(asked: Insight, minimum: int) -> Iterator[str]:
    """Say what is counted, how much one person may add, and what is hidden."""
    yield from _asks(asked.query.ask, asked.query.by)
    bounds = asked.query.bounds
    if bounds != Bounds():
        yield f"a person adds at most {bounds.rows:,} rows to each of {bounds.groups:,} groups"
    least = max(minimum, asked.query.minimum)
    yield f"numbers of fewer than {least:,} people are hidden" if least else "no number is hidden"


def segments(ours: Segments) -> Iterator[str]:
    """Say into which groups the asker's people are divided, and what of theirs is added up."""
    if ours.by:
        yield f"divided by {ours.by}"
    if ours.value:
        yield f"the sum of {ours.value}, by {ours.levels} levels"


def column(one: Column) -> str:
    """Return a declared column, with its own name in the file where that is another."""
    name = one.name if one.name == one.source else f"{one.name} (in the file {word(one.source)})"
    match one:
        case CategoryColumn(values=values):
            return f"{name}: categories {', '.join(map(word, values))}; all else is one more"
        case BinColumn(edges=edges, decimals=places):
            return f"{name}: numbers in bins cut at {', '.join(written(e, places) for e in edges)}"
        case NumberColumn(low=low, high=high, decimals=places):
            return f"{name}: numbers from {written(low, places)} up to {written(high, places)}"
        case _:
            return f"{name}: words that nobody has listed"


def _asks(ask: Ask, by: tuple[str, ...]) -> Iterator[str]:
    match ask:
        case Sum(of=of) | Mean(of=of) | Variance(of=of):
            yield f"the {type(ask).__name__.lower()} of {of}{_by(by)}"
        case Quantile(of=of, at=at):
            parts = ", ".join(written(one, _PART_PLACES) for one in at)
            yield f"the quantiles {parts} of {of}{_by(by)}, on a grid of {ask.steps:,} steps"
        case TopK(of=of, k=k):
            yield f"the {k:,} most frequent words of {of}, with a delta of 1e-{ask.delta_exponent}"
        case Distinct():
            yield f"how many different people{_by(by)}"
        case Frequency(most=most):
            yield f"how many people have one row, two … and {most:,} or more"
        case Lift():
            yield from _lift(ask)
        case Reach(model=model):
            yield f"how many people are among the best by the model of job {model}"
        case Count() | Histogram() | CrossTab():
            yield f"how many rows{_by(by)}"


def _lift(ask: Lift) -> Iterator[str]:
    yield f"how many people of each {ask.arm} converted, beside {word(ask.baseline)}"
    yield f"converted are: {', '.join(map(word, ask.converted))}"
    whom = "all who were exposed" if ask.exposed else "the people of both"
    yield f"rates are among {whom}"
    if ask.window is not None:
        yield f"a conversion counts less than {ask.window.under:,} after {ask.window.after}"


def _by(columns: tuple[str, ...]) -> str:
    return f" by {' and '.join(columns)}" if columns else ""
