"""What both sides of a union index do with points: read, blind, check, evaluate, number."""

from dataclasses import dataclass

import numpy as np

from protocols import groups, shuffle
from protocols.codec import Record
from protocols.errors import UnexpectedMessage
from protocols.groups import Backend, Points
from protocols.psi import chunks, mixed, union_rows
from protocols.psi.join import Tags, tags_from_bytes
from protocols.psi.union_records import Blinded, Run
from protocols.session import Fetch, Rng, Role

INDEX = "index"
"""The kept chunk with the row of each own item."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a step may use: the kept chunks, randomness, and a back end if one was given."""

    fetch: Fetch
    rng: Rng
    backend: Backend | None

    def blinded(self, run: Run, by: Role, index: int) -> Blinded:
        """Return chunk `index` of the own list, dummies among it, under the first scalar."""
        digests = mixed.read(self.fetch, run.items, index)
        points = groups.hash_to_group(run.ctx, digests, strict=True)
        return Blinded(by, index, self.multiplied(run.first, points).tobytes())

    def multiplied(self, scalar: bytes, points: Points) -> Points:
        """Return points that have been checked, under one scalar more."""
        return groups.evaluate(scalar, points, backend=self.backend)

    def evaluated(self, scalar: bytes, points: Points) -> Points:
        """Return points of the peer, which are checked here, under one scalar more."""
        seed = self.rng(shuffle.SEED_BYTES)
        return groups.evaluate_untrusted(scalar, points, seed, backend=self.backend)

    def points(self, what: str, count: int) -> Points:
        """Return the first `count` kept chunks of `what` as points."""
        return groups.points_from_bytes(chunks.read_kept(self.fetch, what, count, 32))

    def tags(self, run: Run, what: str, count: int) -> Tags:
        """Return the first `count` kept chunks of `what` as tags."""
        t = run.params.tag_bytes
        return tags_from_bytes(chunks.read_kept(self.fetch, what, count, t), t)

    def in_secret_order(self, points: Points) -> bytes:
        """Return the points in one fresh, uniformly random order over all of them."""
        return points[shuffle.permutation(self.rng(shuffle.SEED_BYTES), len(points))].tobytes()

    def own_numbers(self, run: Run, mine: Tags, rows: Tags) -> bytes:
        """Return the chunk `index`: the row of each own item, without the dummies' places."""
        numbers = union_rows.numbers_of(mine, rows)
        own = mixed.own_positions(self.fetch, run.items)
        return numbers[own].astype("<u4").tobytes()


def due(run: Run, length: int, expected: int, index: int, points: bytes) -> Points:
    """Return a peer's chunk as points, if it is chunk `expected` of a list of that length.

    Raises: UnexpectedMessage or MalformedMessage.
    """
    chunks.check_chunk(index, expected, points, 32 * run.length_of(length, expected))
    return groups.points_from_bytes(points)


def unexpected(state: Record, message: Record | None) -> UnexpectedMessage:
    """Return the refusal of what is not due."""
    came = "nothing" if message is None else message.KIND
    return UnexpectedMessage(f"{came} came in {state.KIND}")


def with_blanks(points: Points, ctx: bytes, rng: Rng) -> Points:
    """Return the points with a fresh random point of the curve for each row of zeros.

    One is made for every row, needed or not: the time must not tell how many are.
    """
    blanks = groups.points_from_bytes(rng(32 * len(points)))
    blanks = groups.hash_to_group(ctx, blanks, strict=True)
    return np.where(points.any(axis=1, keepdims=True), points, blanks)
