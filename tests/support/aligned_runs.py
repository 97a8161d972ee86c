"""Runs of the blinded join and of the three compositions with sums, from people as numbers.

People are numbers; what is said of them follows from the number, so a run can be compared with a
plain join.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protocols.psi.blinded_join import BLINDED_JOIN, GroupedItems
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.params import OtParams
from protocols.psi.union import UnionParams
from protocols.session import Items, Role, TwoParty
from protocols.sums.alignment import own_columns, own_values
from protocols.sums.alignment_params import JoinSumParams, LabelledSumParams, UnionSumParams
from protocols.sums.composed import over_join, over_labels, over_union
from protocols.sums.layout import (
    NONE,
    SumLayout,
    columns_chunk,
    plain_sums,
    write_columns,
    write_vector,
)
from protocols.sums.records import SumParams
from tests.support.clear_sums import CLEAR
from tests.support.pair import CTX, Played, Side, run_pair
from tests.support.seeded import digests

JOIN = over_join(CLEAR)
LABELLED = over_labels(CLEAR)
UNION = over_union(CLEAR)

MOST = 500
CHUNK = 16
DENSE, ONE_HOT = (50, 3), (4, 7)
SILENT = 10**6
"""People from this number on are nobody: they fill a list up, and nothing is said of them."""

Numbers = Sequence[int]


def grouped(protocol: TwoParty, sizes: Sequence[int]) -> TwoParty:
    """Return the same protocol, whose initiator's items are in groups of these sizes."""

    def begin(role: Role, params: Any, ctx: bytes, items: Items, rng: Any) -> Any:
        given = items
        if role is Role.INITIATOR:
            given = GroupedItems(items.count, items.chunk_items, tuple(sizes))
        return protocol.begin(role, params, ctx, given, rng)

    return dataclasses.replace(protocol, begin=begin)


def join_params(groups: int = 1, **changes: Any) -> JoinParams:
    """Return parameters of a blinded join that has room for any group."""
    fixed = {"max_items": MOST, "chunk_items": CHUNK, "strict": True, "least_group": 0}
    return JoinParams(**{**fixed, "groups": groups, **changes})


def play_join(
    groups: Sequence[Numbers], rows: Numbers, params: Any = None, protocol: TwoParty = BLINDED_JOIN,
    **more: Any,
) -> Played:  # fmt: skip
    """Play a blinded join of these groups with these rows."""
    mine = [n for group in groups for n in group]
    params = params or join_params(len(groups))
    within = grouped(protocol, [len(group) for group in groups])
    return run_pair(within, params, CTX, digests(mine), digests(list(rows)), **more)


def groups_of(side: Side) -> list[int]:
    """Return the group of each row that the brand ended with."""
    names = sorted(name for name in side.chunks if name.startswith("groups/"))
    return [int(n) for name in names for n in np.frombuffer(side.chunks[name], "<u2")]


# What is said of people


def values_of(people: Numbers, vectors: int) -> np.ndarray[Any, Any]:
    """Return the brand's values: some are above any bound and below 0, to be clipped."""
    told = [[(n * (v + 3)) % 11 - 1 if n < SILENT else 0 for v in range(vectors)] for n in people]
    return np.array(told, np.int32).reshape(len(people), vectors)


def columns_of(people: Numbers) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the partner's columns: dense entries and codes."""
    n = len(people)
    dense = [[(p * 7) % 101 - 50, p % 7 - 3] if p < SILENT else [0, 0] for p in people]
    codes = [[p % 4, p % 8 if p % 8 < 7 else NONE] if p < SILENT else [NONE] * 2 for p in people]
    return np.array(dense, np.int32).reshape(n, 2), np.array(codes, np.uint16).reshape(n, 2)


def sum_params(vectors: int, bound: int, rows: int = MOST, **changes: Any) -> SumParams:
    """Return parameters of sums without noise."""
    layout = SumLayout(vectors, bound, DENSE, ONE_HOT, rows, CHUNK)
    return SumParams(layout, **{"to_holder": True, "sigma_milli": (0,) * layout.columns, **changes})


def _laid(people: Numbers, name: Any, written: Any) -> dict[str, bytes]:
    starts = range(0, len(people), CHUNK)
    return {name(i): written(people[at : at + CHUNK]) for i, at in enumerate(starts)}


def columns_laid(people: Numbers, name: Any = columns_chunk) -> dict[str, bytes]:
    """Return the partner's columns as chunks beside its items."""
    return _laid(people, name, lambda part: write_columns(*columns_of(part)))


def values_laid(people: Numbers, vectors: int) -> dict[str, bytes]:
    """Return the brand's values as chunks beside its items."""
    return _laid(people, own_values, lambda part: write_vector(values_of(part, vectors)))


# Compositions


def play_sums_by_join(
    groups: Sequence[Numbers], rows: Numbers, hold_out_percent: int = 0, *,
    protocol: TwoParty = JOIN, to_holder: bool = True, rest: bool = False, **more: Any,
) -> Played:  # fmt: skip
    vectors = len(groups) * (2 if hold_out_percent else 1) + rest
    second = sum_params(vectors, 1, to_holder=to_holder)
    params = JoinSumParams(join_params(len(groups)), second, hold_out_percent)
    laid = ({}, columns_laid(rows))
    return play_join(groups, rows, params, protocol, laid=laid, **more)


def play_sums_by_labels(
    mine: Numbers, theirs: Numbers, *, protocol: TwoParty = LABELLED, to_holder: bool = True,
    **more: Any,
) -> Played:  # fmt: skip
    first = OtParams(MOST, CHUNK, 12, 4096, 64, label_bytes=4)
    params = LabelledSumParams(first, sum_params(2, 6, to_holder=to_holder))
    laid = (values_laid(mine, 2), columns_laid(theirs))
    return run_pair(
        protocol, params, CTX, digests(list(mine)), digests(list(theirs)), laid=laid, **more
    )


def play_sums_by_union(
    mine: Numbers, theirs: Numbers, *, protocol: TwoParty = UNION, to_holder: bool = True,
    **more: Any,
) -> Played:  # fmt: skip
    first = UnionParams(MOST, CHUNK, 12, dummies=5)
    second = sum_params(2, 6, rows=2 * (MOST + 5), to_holder=to_holder)
    laid = (values_laid(mine, 2), columns_laid(theirs, own_columns))
    params = UnionSumParams(first, second)
    return run_pair(
        protocol, params, CTX, digests(list(mine)), digests(list(theirs)), laid=laid, **more
    )


# What must come out


def joined_sums(
    value_of: Mapping[int, Sequence[int]], theirs: Numbers, vectors: int, bound: int
) -> list[int]:
    """Return the sums of a plain join: of each vector all columns."""
    both = [n for n in theirs if n in value_of]
    values = np.array([value_of[n] for n in both], np.int32).reshape(len(both), vectors)
    layout = SumLayout(vectors, bound, DENSE, ONE_HOT, MOST, CHUNK)
    sums = plain_sums(layout, np.clip(values, 0, bound), *columns_of(both))
    return [int(n) for n in sums.reshape(-1)]


def by_groups(groups: Sequence[Numbers]) -> dict[int, list[int]]:
    """Return the 0/1 values of the people in these groups."""
    return {
        n: [int(g == h) for h in range(len(groups))]
        for g, group in enumerate(groups)
        for n in group
    }


def by_values(mine: Numbers) -> dict[int, list[int]]:
    """Return the values of the brand's people, as laid."""
    return dict(zip(mine, values_of(mine, 2).tolist(), strict=True))
