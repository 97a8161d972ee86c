"""What an `insight` job asks: a question about the sender's people, among those of both.

The receiver may divide its own people by a column of its own (`Segments`): then the question is
answered for each of these groups. Both sides make the parameters of the run from the question
(`params_for`), so that what is asked, the noise and the price cannot disagree. A row of the sender
is in one group at most, so its noise is that of one answer however many groups there are; this
holds as the protocol does, against a receiver that follows it.

Values of the receiver's own people (`Segments.value`) are groups too: each segment is divided into
levels (`levels.py`), which the receiver keeps to itself. So the answer has their sum, cell by cell,
and the sender adds no more and learns no more than with as many segments.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from protocols.codec import Record, decode
from protocols.dp import coins
from protocols.dp.queries.lift import GROUPS, OTHERS
from protocols.dp.queries.overlap import Overlap, overlap
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import (
    Bounds,
    Count,
    CrossTab,
    Histogram,
    Lift,
    Query,
    Reach,
    check_time,
)
from protocols.dp.queries.schema import MISSING, OTHER, BinColumn
from protocols.dp.queries.windows import bins_within
from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import MOST_GROUPS, JoinParams
from protocols.psi.params import JOB_CHUNK_ITEMS, JOB_PEOPLE
from protocols.sums.alignment_params import JoinSumParams
from protocols.sums.records import SumParams
from protocols.sums.segments import Segments

MOST_ROW_BYTES = 4096
"""Of what one person adds, in the sender's matrix: chunks are laid out in memory."""
_MATCHES_PART = 4


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
        if self.ours.value:
            _check_valued(self.query, self.ours)
        if self.has_window:
            _check_window(self.query, self.ours)
        if isinstance(self.query.ask, Reach) and self.ours.by:
            # One person of the sender could move a person of another segment, and change two.
            raise InvalidParameter("a reach is of one group of people: say who by where, not by")
        if sum(self.levels) > MOST_GROUPS:
            raise InvalidParameter(f"segments have more than {MOST_GROUPS} levels together")
        if self.over(self.query.minimum).layout.row_bytes > MOST_ROW_BYTES:
            raise InvalidParameter(
                "the answer has too many numbers: ask by fewer or coarser groups"
            )

    @property
    def groups(self) -> tuple[str, ...]:
        """What the segments of the receiver's people are called, in order.

        A question of lift has two: who has converted, and who has not. With a window who has
        converted is divided by when, in the order of time.
        """
        ask, labels = self.query.ask, self.ours.labels()
        if not isinstance(ask, Lift):
            return labels
        if ask.window is None:
            return GROUPS
        return (*(label for label in labels if label in ask.converted), OTHERS)

    @property
    def levels(self) -> tuple[int, ...]:
        """Into how many groups each of `groups` is divided by value: 1 where it is not.

        In a lift only who has converted has a value.
        """
        of_value = self.ours.levels or 1
        if isinstance(self.query.ask, Lift) and not self.has_window:
            return (of_value, 1)
        return (of_value,) * len(self.groups)

    @property
    def model(self) -> str:
        """The job whose model scores the sender's people; empty for none."""
        return self.query.ask.model if isinstance(self.query.ask, Reach) else ""

    @property
    def has_rest(self) -> bool:
        """Whether the sender's people who match nobody are added up too, apart."""
        return isinstance(self.query.ask, Lift) and self.query.ask.exposed

    @property
    def has_window(self) -> bool:
        """Whether a conversion counts only in a time after each person's exposure."""
        return isinstance(self.query.ask, Lift) and self.query.ask.window is not None

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
        label = self.ours.labels()[segment]
        if label not in self.query.ask.converted:
            return len(self.groups)
        return 1 + self.groups.index(label) if self.has_window else 1

    def plan(self, minimum: int) -> Plan:
        """Return the plan under the least number of people that may be spoken of."""
        return plan(replace(self.query, minimum=max(self.query.minimum, minimum)))

    def over(self, minimum: int, people: int = JOB_PEOPLE) -> Overlap:
        """Return how the plan's cells lie in an aligned sum over so many people at most."""
        return overlap(self.plan(minimum), people, sum(self.levels) + self.has_rest, in_vectors=1)


def _check_converted(ask: Lift, ours: Segments) -> None:
    if not ours.by:
        raise InvalidParameter("a lift needs ours: a column by which own people have converted")
    labels, named = set(ours.labels()), set(ask.converted)
    if not named <= labels:
        raise InvalidParameter(f"converted names buckets of {ours.by}, of one's own people")
    if named == labels:
        raise InvalidParameter("converted leaves out at least one bucket: of who has not")


def _check_valued(query: Query, ours: Segments) -> None:
    if not isinstance(query.ask, Count | Histogram | CrossTab | Lift):
        raise InvalidParameter("a value of one's own people goes with counts of the other's, or a "
                               "lift")  # fmt: skip
    if query.bounds != Bounds():
        raise InvalidParameter("with a value of one's own people a person counts once: rows and "
                               "groups are 1")  # fmt: skip
    plan(ours.value_query(query.dataset))  # its sums fit


def _check_window(query: Query, ours: Segments) -> None:
    ask = query.ask
    assert isinstance(ask, Lift)
    assert ask.window is not None
    if ours.value:
        raise InvalidParameter("a window and a value are two questions")
    check_time(ours.schema, ours.by)
    seen, bought = query.schema.find(ask.window.after), ours.schema.find(ours.by)
    assert isinstance(seen, BinColumn)
    assert isinstance(bought, BinColumn)
    if {OTHER, MISSING} & set(ask.converted):
        raise InvalidParameter("with a window converted names bins: the others have no time")
    bins_within(ask, seen, bought)


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
    over, groups = asked.over(minimum), sum(asked.levels)
    each = coins.least(asked.plan(minimum).rho_nano // _MATCHES_PART, strict)
    if groups * (each + each % 2) > coins.MOST:
        raise InvalidParameter(
            "so many groups need too many dummies at this price: ask by fewer, or more exactly"
        )
    join = JoinParams(
        max_items=JOB_PEOPLE,
        chunk_items=JOB_CHUNK_ITEMS,
        strict=strict,
        groups=groups,
        dummies=groups * (each + each % 2),
    )
    return JoinSumParams(join, SumParams(over.layout, True, over.sigma_milli))
