"""The plan of a question: integer cells, the most that one person changes them, and their noise.

A neighbour is the same data with one person more or less. Each *part* is a vector with one number
for each cell of the answer: rows counted, clipped values summed, squares summed. A person adds to
at most `groups` cells at most `rows` times `bound`, so the vector changes by at most
bound · rows · √groups in L2. Parts have noise of their own scale and share the price:

    mean       counts ⅓, sums ⅔      sums of values less the middle of their bounds, so that
    variance   28 %, 28 %, 44 %      a person counts half as much; squares likewise
    sum        all                   with a minimum to be kept: counts 1/10
    quantile   counts 1/20           the rest is shared among quantiles and groups of a person

A quantile is chosen from a grid by the exponential mechanism (report noisy max). For the same price
its rank is off by 0.7 of the noise of one count, where a tree of noisy counts adds up many. Words
that nobody listed have counts that come out only above a threshold: that costs a delta too.
"""

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

from protocols.dp import noise, vector_noise
from protocols.dp.budget import MAX_RELEASE_NANO, NANO
from protocols.dp.queries.query import (
    Count,
    CrossTab,
    Distinct,
    Frequency,
    Histogram,
    Lift,
    Mean,
    Quantile,
    Query,
    Reach,
    RhoPrice,
    Sum,
    TopK,
    Variance,
)
from protocols.dp.queries.reach import GROUPS, LABELS
from protocols.dp.queries.scales import Choice, Keys, Part, choice, keys, scale_milli
from protocols.dp.queries.schema import NumberColumn
from protocols.errors import InvalidParameter

MAX_PEOPLE = 2**28
"""No plan is for more."""
ROWS, VALUES, SQUARES = "rows", "values", "squares"
"""What a part adds up."""

_SHARES = {
    Mean: ((ROWS, Fraction(1, 3)), (VALUES, Fraction(2, 3))),
    Variance: ((ROWS, Fraction(7, 25)), (VALUES, Fraction(7, 25)), (SQUARES, Fraction(11, 25))),
}
_COUNT_SHARE, _COUNT_SHARE_OF_QUANTILES = Fraction(1, 10), Fraction(1, 20)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a question comes to: the same for everybody who plans it."""

    query: Query
    axes: tuple[tuple[str, ...], ...]
    """The buckets of each column that is grouped by; a cell is one of each, the last one fastest.
    """
    groups: int
    """Cells that a person may add to, at most."""
    parts: tuple[Part, ...]
    choices: tuple[Choice, ...]
    keys: Keys | None
    rho_nano: int
    """What is charged."""

    @property
    def cells(self) -> int:
        """How many cells the answer has."""
        return math.prod(len(axis) for axis in self.axes)

    @property
    def least_rows(self) -> int:
        """Rows below which a cell is hidden: fewer than these could be of too few people."""
        return self.query.minimum * self.query.bounds.rows

    @property
    def number(self) -> NumberColumn | None:
        """The column that is summed, if one is."""
        match self.query.ask:
            case Sum(of=of) | Mean(of=of) | Variance(of=of) | Quantile(of=of):
                return self.query.schema.number(of)
            case _:
                return None

    @property
    def centre(self) -> int:
        """What is taken off each value before it is summed."""
        number = self.number
        if number is None or isinstance(self.query.ask, Sum):
            return 0
        return (number.low + number.high) // 2

    @property
    def square_centre(self) -> int:
        """What is taken off each square before it is summed."""
        return self.half_range**2 // 2

    @property
    def half_range(self) -> int:
        """The most that a value differs from `centre`."""
        number = self.number
        if number is None:
            return 0
        return max(abs(number.low - self.centre), abs(number.high - self.centre))

    def part(self, measure: str) -> Part | None:
        """Return the part that adds this up, if there is one."""
        return next((p for p in self.parts if p.measure == measure), None)


@functools.lru_cache(maxsize=64)
def plan(query: Query) -> Plan:
    """Return the plan of a question.

    Raises: InvalidParameter if a cell could be too large for 64 bits, or the price buys no noise
    that can be drawn.
    """
    axes = _axes(query)
    cells = math.prod(len(axis) for axis in axes)
    groups = min(query.bounds.groups, cells) if cells > 1 else 1
    if isinstance(query.ask, Reach):
        groups = GROUPS
    rho_nano = _price(query, groups)
    bare = Plan(query, axes, groups, (), (), None, rho_nano)
    match query.ask:
        case TopK(delta_exponent=exponent):
            groups = query.bounds.groups
            found = keys(rho_nano, groups, exponent)
            return Plan(query, (), groups, (), (), found, rho_nano)
        case Quantile(at=at):
            counts = _part(bare, ROWS, int(rho_nano * _COUNT_SHARE_OF_QUANTILES))
            each = (rho_nano - counts.rho_nano) // (len(at) * groups)
            choices = tuple(choice(a, query.bounds.rows, each) for a in at)
            return Plan(query, axes, groups, (counts,), choices, None, rho_nano)
        case _:
            parts = tuple(_part(bare, m, int(rho_nano * share)) for m, share in _shares(query))
            return Plan(query, axes, groups, parts, (), None, rho_nano)


def _axes(query: Query) -> tuple[tuple[str, ...], ...]:
    if isinstance(query.ask, Frequency):
        most = query.ask.most
        return ((*(str(n) for n in range(1, most)), f"{most} or more"),)
    if isinstance(query.ask, Reach):
        return (LABELS,)
    return tuple(query.schema.grouping(name).labels() for name in query.by)


def _shares(query: Query) -> tuple[tuple[str, Fraction], ...]:
    match query.ask:
        case Count() | Histogram() | CrossTab() | Distinct() | Frequency() | Lift() | Reach():
            return ((ROWS, Fraction(1)),)
        case Sum() if query.minimum:
            return ((ROWS, _COUNT_SHARE), (VALUES, 1 - _COUNT_SHARE))
        case Sum():
            return ((VALUES, Fraction(1)),)
        case ask:
            return _SHARES[type(ask)]


def _price(query: Query, groups: int) -> int:
    """Return the price in billionths: as stated, or of counts that are so accurate."""
    if isinstance(query.price, RhoPrice):
        return query.price.nano
    sigma = noise.sigma_of_half_width(query.price.people)
    if noise.half_width(sigma) > query.price.people:
        sigma -= 0.001
    distance = vector_noise.l2(query.bounds.rows, groups)
    rho = vector_noise.gaussian_price(math.floor(sigma * 1000) / 1000, distance)
    nano = math.ceil(rho * NANO)
    if isinstance(query.ask, Mean | Variance):
        nano = math.ceil(nano / dict(_shares(query))[ROWS])
    if not 0 < nano <= MAX_RELEASE_NANO:
        raise InvalidParameter("this accuracy would cost more than rho 10, which protects nobody")
    return nano


def _part(bare: Plan, measure: str, rho_nano: int) -> Part:
    bound = _bound(bare, measure)
    rows = bare.query.bounds.rows
    if bound * rows * MAX_PEOPLE >= vector_noise.MAX_MAGNITUDE:
        raise InvalidParameter("a sum could be 2^62 or more: declare fewer decimals or less range")
    distance = vector_noise.l2(bound * rows, bare.groups)
    return Part(measure, bound, distance, rho_nano, scale_milli(rho_nano, distance))


def _bound(bare: Plan, measure: str) -> int:
    half = bare.half_range
    match measure:
        case "rows":
            return 1
        case "values":
            return half
        case _:
            # A square is 0 … half², less its middle.
            return max(bare.square_centre, half * half - bare.square_centre)
