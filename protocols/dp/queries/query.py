"""A question about people as a record: what is asked, of which columns and rows, at what price.

What one person may add is bounded: in at most `groups` cells of the answer, with at most `rows`
rows in each. Which of their rows count, where they have more, is chosen by a secret hash.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from protocols.codec import Record
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.dp.queries.filters import All, Any, Between, Missing, Not, OneOf, check_filter
from protocols.dp.queries.schema import MISSING, OTHER, BinColumn, Schema, TextColumn
from protocols.errors import InvalidParameter

MAX_GROUPING = 4
MAX_CELLS = 2**14
MAX_ROWS_EACH, MAX_GROUPS_EACH = 1000, 1000
MAX_PARTS_OF_WHOLE = 10_000
"""Quantiles are stated in ten-thousandths."""
MAX_QUANTILES = 99
MAX_STEPS = 2**16 - 1
MAX_GRID_CELLS = 2**20
MAX_K = 1000
MAX_FREQUENCY = 1000
MAX_MINIMUM = 10**9
MAX_WINDOW = 10**6
DELTA_EXPONENTS = range(9, 16)
_JOB = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Count(Record):
    """How many rows."""

    KIND: ClassVar[str] = "ask-count/1"


@dataclass(frozen=True, slots=True)
class Histogram(Record):
    """How many rows in each bucket of one column."""

    KIND: ClassVar[str] = "ask-histogram/1"
    by: str


@dataclass(frozen=True, slots=True)
class CrossTab(Record):
    """How many rows in each combination of buckets of several columns."""

    KIND: ClassVar[str] = "ask-crosstab/1"
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sum(Record):
    """The sum of a column."""

    KIND: ClassVar[str] = "ask-sum/1"
    of: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mean(Record):
    """The mean of a column."""

    KIND: ClassVar[str] = "ask-mean/1"
    of: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variance(Record):
    """The variance of a column (of the population, not of a sample)."""

    KIND: ClassVar[str] = "ask-variance/1"
    of: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quantile(Record):
    """Values that stated parts of the rows are below."""

    KIND: ClassVar[str] = "ask-quantile/1"
    of: str
    at: tuple[int, ...]
    """In ten-thousandths: 5000 is the median."""
    steps: int
    """The answer is one of so many points and one more, evenly from bound to bound."""
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopK(Record):
    """The most frequent words of a column whose words nobody listed, by people."""

    KIND: ClassVar[str] = "ask-top-k/1"
    of: str
    k: int
    delta_exponent: int
    """A word that hardly anybody has comes out with a probability of at most 10^-this."""


@dataclass(frozen=True, slots=True)
class Distinct(Record):
    """How many different people, in all or in each combination of buckets."""

    KIND: ClassVar[str] = "ask-distinct/1"
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frequency(Record):
    """How many people have one row, two, … and `most` or more."""

    KIND: ClassVar[str] = "ask-frequency/1"
    most: int


@dataclass(frozen=True, slots=True)
class Window(Record):
    """A time after each exposure, in which a conversion counts."""

    KIND: ClassVar[str] = "lift-window/1"
    after: str
    """The column with the time of exposure, with bins."""
    under: int
    """A conversion is less than this after it, in the unit of both columns."""


@dataclass(frozen=True, slots=True)
class Lift(Record):
    """How many people of each arm of a campaign converted, and how much more than in a baseline.

    The arms are one party's, who converted is the other's to say: only of people in common.
    """

    KIND: ClassVar[str] = "ask-lift/1"
    arm: str
    """A column with categories or bins."""
    baseline: str
    """The bucket of `arm` that the others are compared with."""
    converted: tuple[str, ...]
    """The groups of the asking party's own people that have converted."""
    exposed: bool = False
    """True: rates are among all people of an arm. False: among those whom both parties have."""
    window: Window | None = None
    """None where a conversion counts whenever it was."""


@dataclass(frozen=True, slots=True)
class Reach(Record):
    """How many people are among those who score best by a model that the other party has.

    The people are one party's, the scores the other's: only of people in common.
    """

    KIND: ClassVar[str] = "ask-reach/1"
    model: str
    """The job that made the model."""


Ask = (
    Count | Histogram | CrossTab | Sum | Mean | Variance | Quantile | TopK | Distinct | Frequency
    | Lift | Reach
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds(Record):
    """The most that one person adds. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "contribution-bounds/1"
    rows: int = 1
    """Rows in each cell."""
    groups: int = 1
    """Cells."""

    def __post_init__(self) -> None:
        _check(1 <= self.rows <= MAX_ROWS_EACH, "a person adds 1 to 1,000 rows to a group")
        _check(1 <= self.groups <= MAX_GROUPS_EACH, "a person adds to 1 to 1,000 groups")


@dataclass(frozen=True, slots=True)
class RhoPrice(Record):
    """The price as it is charged. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "rho-price/1"
    nano: int

    def __post_init__(self) -> None:
        _check(0 < self.nano <= MAX_RELEASE_NANO, "an answer costs more than rho 0 and at most 10")


@dataclass(frozen=True, slots=True)
class WithinPrice(Record):
    """The price of an accuracy: counts to ± so many at 95 %. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "within-price/1"
    people: int

    def __post_init__(self) -> None:
        _check(2 <= self.people <= 10_000, "an accuracy is within 2 to 10,000 people")


@dataclass(frozen=True, slots=True)
class Query(Record):
    """One question. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "statistics-query/1"
    dataset: str
    schema: Schema
    ask: (
        Count | Histogram | CrossTab | Sum | Mean | Variance | Quantile | TopK | Distinct
        | Frequency | Lift | Reach
    )  # fmt: skip
    where: OneOf | Between | Missing | Not | All | Any | None
    bounds: Bounds
    price: RhoPrice | WithinPrice
    minimum: int
    """A cell that fewer people (with noise) are in is hidden; 0 hides none."""

    def __post_init__(self) -> None:
        _check(0 <= self.minimum <= MAX_MINIMUM, "a minimum is 0 to 10^9 people")
        _check_ask(self)
        if self.where is not None:
            check_filter(self.schema, self.where)

    @property
    def by(self) -> tuple[str, ...]:
        """The columns that the answer is grouped by."""
        match self.ask:
            case Histogram(by=by):
                return (by,)
            case Lift(arm=arm, window=window):
                return (arm,) if window is None else (arm, window.after)
            case CrossTab() | Sum() | Mean() | Variance() | Quantile() | Distinct():
                return self.ask.by
            case _:
                return ()


def _check_ask(query: Query) -> None:
    schema, ask, bounds = query.schema, query.ask, query.bounds
    _check(len(query.by) <= MAX_GROUPING, f"an answer is grouped by at most {MAX_GROUPING} columns")
    _check(len(set(query.by)) == len(query.by), "a column is grouped by twice")
    cells = 1
    for name in query.by:
        cells *= len(schema.grouping(name).labels())
    _check(cells <= MAX_CELLS, f"the answer would have more than {MAX_CELLS:,} cells")
    several = bool(query.by) or isinstance(ask, TopK)
    _check(several or bounds.groups == 1, "without groups a person is in one group")
    match ask:
        case CrossTab(by=by):
            _check(len(by) >= 2, "a cross-tab is by two columns or more")
        case Sum(of=of) | Mean(of=of) | Variance(of=of):
            schema.number(of)
        case Quantile():
            _check_quantile(schema, ask, cells)
        case TopK(of=of):
            _check(isinstance(schema.find(of), TextColumn), f"{of} is an open column: text")
            _check(1 <= ask.k <= MAX_K, f"k is 1 to {MAX_K}")
            _check(ask.delta_exponent in DELTA_EXPONENTS, "delta is 1e-9 to 1e-15")
        case Frequency(most=most):
            _check(2 <= most <= MAX_FREQUENCY, f"most is 2 to {MAX_FREQUENCY}")
        case Lift():
            _check_lift(schema, ask, bounds)
        case Reach():
            _check_reach(query, ask)
        case _:
            pass
    if isinstance(ask, TopK | Distinct | Frequency):
        _check(bounds.rows == 1, "people are counted here, each once: rows is 1")


def _check_quantile(schema: Schema, ask: Quantile, cells: int) -> None:
    number = schema.number(ask.of)
    _check(1 <= len(ask.at) <= MAX_QUANTILES, f"1 to {MAX_QUANTILES} quantiles are asked for")
    rising = all(a < b for a, b in pairwise(ask.at))
    within = all(0 < a < MAX_PARTS_OF_WHOLE for a in ask.at)
    _check(rising and within, "quantiles rise and lie between 0 and 1")
    _check(1 <= ask.steps <= MAX_STEPS, f"steps is 1 to {MAX_STEPS:,}")
    _check(ask.steps <= number.high - number.low, "there are more steps than units between bounds")
    _check(
        cells * (ask.steps + 1) <= MAX_GRID_CELLS, "so many steps in so many groups are too many"
    )


def _check_lift(schema: Schema, ask: Lift, bounds: Bounds) -> None:
    labels = schema.grouping(ask.arm).labels()
    _check(ask.baseline in labels, f"the baseline is one of the buckets of {ask.arm}")
    others = set(labels) - {ask.baseline, OTHER, MISSING}
    _check(bool(others), "there is an arm besides the baseline")
    once = bounds.rows == bounds.groups == 1
    _check(once, "a person is in one arm, once: rows and groups are 1")
    named = bool(ask.converted) and len(set(ask.converted)) == len(ask.converted)
    _check(named, "converted names at least one group, and none twice")
    if ask.window is not None:
        check_time(schema, ask.window.after)
        _check(1 <= ask.window.under <= MAX_WINDOW, f"a window is 1 to {MAX_WINDOW:,} long")


def _check_reach(query: Query, ask: Reach) -> None:
    named = _JOB.fullmatch(ask.model) is not None
    _check(named, "a model is named by the job that made it: 32 hexadecimal digits")
    plain = not query.schema.columns and query.where is None and query.bounds == Bounds()
    _check(plain, "a reach is over everybody who is scored: it has no columns, filter or bounds")


def check_time(schema: Schema, name: str) -> None:
    """Return if a column may say a time. Raises: InvalidParameter."""
    column = schema.find(name)
    whole = isinstance(column, BinColumn) and column.decimals == 0
    _check(whole, f"{name} is a time: it has bins of whole numbers, as days from a day on")


def _check(fits: bool, rule: str) -> None:
    if not fits:
        raise InvalidParameter(rule)
