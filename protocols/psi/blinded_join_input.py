"""The brand's input of a blinded join: its people in groups, filled up, each in a secret order.

A group is filled up to a step of the ladder of `disclosure.py` with random digests, which match
nothing: the partner learns the step. The brand knows which items are somebody's, so a match in a
group of few people would say much of each of them: such a group is refused here, where it can be
seen. A group of nobody says nothing, and stays. With noise, each group holds its dummies, too.

The partner's rows are laid out by `padding.added`, as those of any set.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protocols.disclosure import check_minimum, step_up
from protocols.errors import InvalidParameter
from protocols.groups import Points
from protocols.groups import points_from_bytes as rows_from_bytes
from protocols.psi.blinded_join_records import GroupedItems, JoinParams
from protocols.psi.padding import NOBODY, dummies
from protocols.session import Rng
from protocols.shuffle import SEED_BYTES, permutation


@dataclass(frozen=True, slots=True)
class GroupedInput:
    """The input of the brand, in the order of the run."""

    items: GroupedItems
    digests: Points = field(repr=False)
    """Shape (items, 32)."""
    people: NDArray[np.uint32] = field(repr=False)
    """Shape (rows,): which of the given people stands there, by number, or `NOBODY`."""


def lay_out(
    digests: Points,
    group_of: NDArray[np.integer],
    least_people: int,
    params: JoinParams,
    ctx: bytes,
    rng: Rng,
) -> GroupedInput:
    """Return the input from the digests of people and each one's group.

    `digests` has the shape (n, per_person, 32); a person with fewer has random ones there. Groups
    are numbered from 1; who is in group 0 stays out. A group of people has `least_people` at least.

    Raises: SmallCohort for a group of fewer; InvalidParameter for a group that there is not, or
    more items than the parameters allow.
    """
    width = params.per_person
    if digests.shape[1:] != (width, 32):
        raise InvalidParameter(f"a person has {width} digests of 32 bytes")
    if group_of.shape != (len(digests),) or not _within(group_of, params.groups):
        raise InvalidParameter(f"each person is in one of {params.groups} groups, or in none")
    each = params.dummies_each
    known = dummies(ctx, params.dummies).reshape(-1, width, 32)
    rows: list[Points] = []
    people: list[NDArray[np.uint32]] = []
    for group in range(1, params.groups + 1):
        here = np.flatnonzero(group_of == group).astype(np.uint32)
        if len(here):
            check_minimum(len(here), least_people)
        more = step_up(max(len(here), params.least)) - len(here)
        strangers = rows_from_bytes(rng(32 * width * more)).reshape(-1, width, 32)
        others = np.concatenate([strangers, known[each * (group - 1) : each * group]])
        order = permutation(rng(SEED_BYTES), len(here) + len(others))
        rows.append(np.concatenate([digests[here], others])[order])
        people.append(np.concatenate([here, np.full(len(others), NOBODY, np.uint32)])[order])
    sizes = tuple(map(len, rows))
    count = width * sum(sizes)
    if count > params.max_items:
        raise InvalidParameter(f"the groups, filled up, have more than {params.max_items} items")
    items = GroupedItems(count, params.chunk_items, sizes)
    return GroupedInput(items, np.concatenate(rows).reshape(-1, 32), np.concatenate(people))


def _within(group_of: NDArray[np.integer], groups: int) -> bool:
    return len(group_of) == 0 or bool(group_of.min() >= 0 and group_of.max() <= groups)
