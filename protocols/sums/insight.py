"""What an `insight` job asks: a question about the sender's people, among those of both.

The receiver may divide its own people by a column of its own (`Segments`): then the question is
answered for each of these groups. Both sides make the parameters of the run from the question
(`params_for`), so that what is asked, the noise and the price cannot disagree. A row of the sender
is in one group at most, so its noise is that of one answer however many groups there are; this
holds as the protocol does, against a receiver that follows it.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from protocols.codec import Record, decode
from protocols.dp import coins
from protocols.dp.queries.filters import All, Any, Between, Missing, Not, OneOf, check_filter
from protocols.dp.queries.lift import GROUPS
from protocols.dp.queries.overlap import Overlap, overlap
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import (
    Bounds,
    Count,
    Histogram,
    Lift,
    Query,
    RhoPrice,
)
from protocols.dp.queries.schema import Schema
from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import MOST_GROUPS, JoinParams
from protocols.psi.params import JOB_CHUNK_ITEMS, JOB_PEOPLE
from protocols.sums.alignment_params import JoinSumParams
from protocols.sums.records import SumParams

MOST_ROW_BYTES = 4096
"""Of what one person adds, in the sender's matrix: chunks are laid out in memory."""
_MATCHES_PART = 4


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

    def __post_init__(self) -> None:
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


EVERYBODY = Segments(Schema(()), "", None)
"""All of the receiver's people, in one group."""


@dataclass(frozen=True, slots=True)
class Insight(Record):
    """One question. Raises: InvalidParameter if it cannot be answered by an aligned sum."""

    KIND: ClassVar[str] = "insight/1"
    query: Query
    """About the sender's dataset."""
    ours: Segments

    def __post_init__(self) -> None:
        if isinstance(self.query.ask, Lift):
            _check_converted(self.query.ask, self.ours)
        if self.over(self.query.minimum).layout.row_bytes > MOST_ROW_BYTES:
            raise InvalidParameter(
                "the answer has too many numbers: ask by fewer or coarser groups"
            )

    @property
    def groups(self) -> tuple[str, ...]:
        """What the groups of the receiver's people are called, in order.

        A question of lift has two: who has converted, and who has not.
        """
        return GROUPS if isinstance(self.query.ask, Lift) else self.ours.labels()

    def ours_query(self, dataset: str) -> Query:
        """Return the question to the receiver's own dataset whose cells are people's segments.

        For a lift a person may be in several of them, and has converted if one of them has.
        """
        query = self.ours.as_query(dataset)
        if not isinstance(self.query.ask, Lift):
            return query
        return replace(query, bounds=Bounds(groups=len(self.ours.labels())))

    def group(self, segment: int) -> int:
        """Return the group, from 1, that a segment (by its number from 0) belongs to."""
        if not isinstance(self.query.ask, Lift):
            return segment + 1
        return 1 if self.ours.labels()[segment] in self.query.ask.converted else 2

    def plan(self, minimum: int) -> Plan:
        """Return the plan under the least number of people that may be spoken of."""
        return plan(replace(self.query, minimum=max(self.query.minimum, minimum)))

    def over(self, minimum: int, people: int = JOB_PEOPLE) -> Overlap:
        """Return how the plan's cells lie in an aligned sum over so many people at most."""
        return overlap(self.plan(minimum), people, len(self.groups), in_vectors=1)


def _check_converted(ask: Lift, ours: Segments) -> None:
    if not ours.by:
        raise InvalidParameter("a lift needs ours: a column by which own people have converted")
    labels, named = set(ours.labels()), set(ask.converted)
    if not named <= labels:
        raise InvalidParameter(f"converted names buckets of {ours.by}, of one's own people")
    if named == labels:
        raise InvalidParameter("converted leaves out at least one bucket: of who has not")


def question_of(data: bytes) -> Insight:
    """Read the question of a job. Raises: MalformedMessage, InvalidParameter."""
    return decode(Insight, data)


def cost_of(asked: Insight, minimum: int) -> int:
    """Return what a question costs, in billionths of a rho: the answer, and a quarter more for how
    many match, which the asker's node has, with the noise of dummies.
    """
    answer = asked.plan(minimum).rho_nano
    return answer + answer // _MATCHES_PART


def params_for(asked: Insight, minimum: int, *, strict: bool = False) -> JoinSumParams:
    """Return the parameters by which a node runs a question; a person brings one identifier.

    With several, one person of the sender could keep another from matching, and so change two
    contributions. Raises: InvalidParameter, also for a price so low that it would need too many
    dummies.
    """
    over, groups = asked.over(minimum), len(asked.groups)
    each = coins.least(asked.plan(minimum).rho_nano // _MATCHES_PART, strict)
    join = JoinParams(
        max_items=JOB_PEOPLE,
        chunk_items=JOB_CHUNK_ITEMS,
        strict=strict,
        groups=groups,
        dummies=groups * (each + each % 2),
    )
    return JoinSumParams(join, SumParams(over.layout, True, over.sigma_milli))
