"""Into which groups the asker of an `insight` job lays its own people: segments, and in each of
them levels of a value where the question has one.

A segment of fewer than the least number that may be spoken of stays out, and is said to. What the
levels are, and who stands at which, is a secret of this node; what they are is among the facts of
the run until the answer is made.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from party_node.execution import Execution
from party_node.permission import Permission
from party_node.row_file import RowFile
from party_node.services import Services
from party_node.statistics.aggregating import Beside, ask, columns_of
from party_node.statistics.contributions import chosen_rows
from protocols.dp.queries.levels import Levels, stand
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import Lift
from protocols.sums.insight import Insight
from protocols.sums.segments import Segments

Numbers = NDArray[np.int64]
SEGMENTS, SMALL, LEVELS = "segments", "small_segments", "levels"
"""Facts of a run: people of each segment; those that are too small; what their levels stand for."""


def in_groups(
    execution: Execution, permission: Permission, asked: Insight, persons: Numbers
) -> tuple[Numbers, dict[str, Any]]:
    """Return the group of each person, from 1, or 0 for who is not meant; and facts for the run.

    Raises: MissingColumn, DatasetUnreadable.
    """
    rng, least = execution.services.rng, execution.job.minimum_size
    segment_of, values = _segments(execution, permission, asked, persons)
    group_of = np.zeros(len(persons), np.int64)
    sizes, levels = dict[str, int](), dict[str, Any]()
    first = 1
    for segment, (label, wide) in enumerate(zip(asked.groups, asked.levels, strict=True), 1):
        here = segment_of == segment
        sizes[label] = int(np.count_nonzero(here))
        if sizes[label] >= max(1, least):
            group_of[here] = first
            if wide > 1:
                found, at = stand(values[here], wide, max(1, least), rng)
                group_of[here] += at
                levels[label] = [list(found.at), found.coins, found.pooled, found.pooled_percent]
        first += wide
    small = [label for label, n in sizes.items() if 0 < n < least]
    return group_of, {SEGMENTS: sizes, SMALL: small, LEVELS: levels}


def cells_of(beside: Beside, made: Plan, secret: int) -> tuple[Numbers, Numbers]:
    """Return persons, and beside each one a cell of the plan that the person adds to.

    Raises: MissingColumn, DatasetUnreadable.
    """
    beside.file.require(columns_of(made))
    query = chosen_rows(made, beside.types, RowFile.BESIDE, secret)
    found = ask(beside, query, "SELECT person, cell FROM ({})", whom=True)
    return found["person"].to_numpy(), found["cell"].to_numpy()


def are_chosen(
    execution: Execution, permission: Permission, meant: Segments, persons: Numbers
) -> NDArray[np.bool_]:
    """Return of each person whether the filter of these segments is true of them.

    Raises: MissingColumn, DatasetUnreadable.
    """
    return chosen_people(execution.services, permission, meant, persons)


def chosen_people(
    services: Services, permission: Permission, meant: Segments, persons: Numbers
) -> NDArray[np.bool_]:
    """The same outside of a run. Raises: MissingColumn, DatasetUnreadable."""
    made = plan(meant.as_query(permission.grant.dataset))
    secret = int.from_bytes(services.rng(8), "big")

    def work(file: RowFile, people: Numbers) -> Numbers:
        return cells_of(Beside(file, people), made, secret)[0]

    return np.isin(persons, services.datasets.over_rows(permission, work))


def levels_of(facts: Any, label: str) -> Levels | None:
    """Return what the levels of a segment stand for; None if nobody stands at any."""
    found = facts.get(LEVELS, {}).get(label)
    return None if found is None else Levels(tuple(found[0]), *found[1:])


def _segments(
    execution: Execution, permission: Permission, asked: Insight, persons: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the segment of each person, from 1, 0 for who is not meant; and each one's value."""
    ours, nothing = asked.ours, np.zeros(len(persons), np.int64)
    if not ours.by and ours.where is None and not ours.value:
        return np.ones(len(persons), np.int64), nothing
    secret = int.from_bytes(execution.services.rng(8), "big")
    made = plan(asked.ours_query(permission.grant.dataset))
    group_of = np.array([asked.group(segment) for segment in range(made.cells)])
    of_value = plan(ours.value_query(permission.grant.dataset)) if ours.value else None

    def work(file: RowFile, people: Numbers) -> tuple[Numbers, ...]:
        beside = Beside(file, people)
        told = cells_of(beside, made, secret)
        if of_value is None:
            return told
        query = chosen_rows(of_value, beside.types, RowFile.BESIDE, secret)
        wrap = "SELECT person, cell, CAST(sum(value) AS BIGINT) AS total FROM ({}) GROUP BY ALL"
        found = ask(beside, query, wrap, whom=True)
        return *told, *(found[name].to_numpy() for name in ("person", "cell", "total"))

    whose, cells, *valued = execution.services.datasets.over_rows(permission, work)
    most = max(int(persons.max(initial=0)), int(whose.max(initial=0)))
    # Whoever is in several segments is in the first of their groups.
    beyond = len(asked.groups) + 1
    group = np.full(most + 1, beyond, np.int64)
    np.minimum.at(group, whose, group_of[cells])
    group[group == beyond] = 0
    if ours.number is None:
        return group[persons], nothing
    totals, has_value = np.zeros(most + 1, np.int64), np.zeros(most + 1, bool)
    who, cells, total = valued
    theirs = group_of[cells] == group[who]
    np.add.at(totals, who[theirs], total[theirs])
    has_value[who[theirs]] = True
    if not isinstance(asked.query.ask, Lift):
        # Who has no number has no mean; who has bought without one has bought all the same.
        group[~has_value] = 0
    return group[persons], np.clip(totals, ours.number.low, ours.number.high)[persons]
