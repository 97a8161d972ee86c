"""The asking party's own people in a question about people in common: who, in which segments, and
with which value of each.

The sender reads all of this in the job, and none of it is about one person.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.dp.queries.filters import All, Any, Between, Missing, Not, OneOf, check_filter
from protocols.dp.queries.query import (
    MAX_ROWS_EACH,
    Bounds,
    Count,
    Histogram,
    Query,
    RhoPrice,
    Sum,
)
from protocols.dp.queries.schema import NumberColumn, Schema
from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import MOST_GROUPS

MOST_LEVELS = 64


@dataclass(frozen=True, slots=True)
class Segments(Record):
    """Which of the receiver's people are meant, and into which groups they are divided.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "insight-segments/1"
    schema: Schema
    by: str
    """A column with categories or bins; empty for one group."""
    where: OneOf | Between | Missing | Not | All | Any | None
    value: str = ""
    """A column with bounds, of which a person's rows are added up; empty for none."""
    levels: int = 0
    """Into how many groups each segment is divided by value, 2 to 64; 0 without a value."""

    def __post_init__(self) -> None:
        if self.value:
            self.schema.number(self.value)
        if not (2 <= self.levels <= MOST_LEVELS if self.value else self.levels == 0):
            raise InvalidParameter(f"values of one's own people have 2 to {MOST_LEVELS} levels")
        if len(self.labels()) > MOST_GROUPS:
            raise InvalidParameter(f"the receiver's people are in at most {MOST_GROUPS} groups")
        if self.where is not None:
            check_filter(self.schema, self.where)

    def labels(self) -> tuple[str, ...]:
        """Return what the groups are called; one without a name where nothing divides them."""
        return self.schema.grouping(self.by).labels() if self.by else ("",)

    def as_query(self, dataset: str) -> Query:
        """Return the question whose cells are the groups: each person is in one, or in none."""
        ask = Histogram(self.by) if self.by else Count()
        return Query(dataset, self.schema, ask, self.where, Bounds(), RhoPrice(1), 0)

    def value_query(self, dataset: str) -> Query:
        """Return the question whose rows are what each person adds to each segment, bounded."""
        by = (self.by,) if self.by else ()
        bounds = Bounds(MAX_ROWS_EACH, len(self.labels()))
        price = RhoPrice(MAX_RELEASE_NANO)  # of one's own people: nothing is released by it
        return Query(dataset, self.schema, Sum(self.value, by), self.where, bounds, price, 0)

    @property
    def number(self) -> NumberColumn | None:
        """The column of the value."""
        return self.schema.number(self.value) if self.value else None


EVERYBODY = Segments(Schema(()), "", None)
"""All of the receiver's people, in one group."""
