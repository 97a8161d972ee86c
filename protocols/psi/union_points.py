"""What both sides of a union index do with points: blind, check, number, and fill in blanks."""

import numpy as np

from protocols import groups
from protocols.groups import Points
from protocols.psi import chunks, mixed, union_rows
from protocols.psi.join import Tags
from protocols.psi.means import Means
from protocols.psi.union_records import Blinded, Evaluated, Rest, Run
from protocols.session import Role

INDEX = "index"
"""The kept chunk with the row of each own item."""


def blinded(means: Means, run: Run, by: Role, index: int) -> Blinded:
    """Return chunk `index` of the own list, dummies among it, under the first scalar."""
    digests = mixed.read(means.fetch, run.items, index)
    return Blinded(by, index, means.blinded(run.first, run.ctx, digests))


def tags_kept(means: Means, run: Run, what: str, count: int) -> Tags:
    """Return the first `count` kept chunks of `what` as tags."""
    return means.tags(what, count, run.params.tag_bytes)


def own_numbers(means: Means, run: Run, mine: Tags, rows: Tags) -> bytes:
    """Return the chunk `index`: the row of each own item, without the dummies' places."""
    numbers = union_rows.numbers_of(mine, rows)
    return numbers[mixed.own_positions(means.fetch, run.items)].astype("<u4").tobytes()


def due(run: Run, length: int, expected: int, index: int, points: bytes) -> Points:
    """Return a peer's chunk as points, if it is chunk `expected` of a list of that length.

    Raises: UnexpectedMessage or MalformedMessage.
    """
    chunks.check_chunk(index, expected, points, 32 * run.length_of(length, expected))
    return groups.points_from_bytes(points)


def row_tags(
    means: Means, run: Run, length: int, expected: int, message: Evaluated | Rest
) -> bytes:
    """Take a peer's chunk `expected`, of a list of that length, on to its rows; return their tags.

    Raises: as `due`.
    """
    points = due(run, length, expected, message.index, message.points)
    return union_rows.tags_of(means.evaluated(run.second, points), run.params.tag_bytes)


def with_blanks(means: Means, points: Points, ctx: bytes) -> Points:
    """Return the points with a fresh random point of the curve for each row of zeros.

    One is made for every row, needed or not: the time must not tell how many are.
    """
    blanks = groups.points_from_bytes(means.rng(32 * len(points)))
    blanks = groups.hash_to_group(ctx, blanks, strict=True, backend=means.backend)
    return np.where(points.any(axis=1, keepdims=True), points, blanks)
