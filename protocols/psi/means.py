"""What a step of a protocol on points may use: kept chunks, randomness, and a back end."""

from dataclasses import dataclass

from protocols import groups, shuffle
from protocols.errors import LocalError
from protocols.groups import Backend, Points
from protocols.psi import chunks
from protocols.psi.join import Tags, tags_from_bytes
from protocols.session import Fetch, Rng


@dataclass(frozen=True, slots=True)
class Means:
    """Given to each step; `backend` is None where the fastest may be taken."""

    fetch: Fetch
    rng: Rng
    backend: Backend | None

    def blinded(self, scalar: bytes, ctx: bytes, digests: Points, strict: bool = True) -> bytes:
        """Return own digests, hashed to the curve only if `strict`, under a scalar.

        Raises: LocalError if one is there twice.
        """
        points = groups.hash_to_group(ctx, digests, strict, backend=self.backend)
        if groups.has_duplicates(points.view("<u8")):
            raise LocalError("the input has an item twice")
        return self.multiplied(scalar, points).tobytes()

    def multiplied(self, scalar: bytes, points: Points) -> Points:
        """Return points that have been checked, under one scalar more."""
        return groups.evaluate(scalar, points, backend=self.backend)

    def evaluated(self, scalar: bytes, points: Points) -> Points:
        """Return points of a peer, which are checked here, under one scalar more."""
        seed = self.rng(shuffle.SEED_BYTES)
        return groups.evaluate_untrusted(scalar, points, seed, backend=self.backend)

    def points(self, what: str, count: int) -> Points:
        """Return the first `count` kept chunks of `what` as points."""
        return groups.points_from_bytes(chunks.read_kept(self.fetch, what, count, 32))

    def tags(self, what: str, count: int, tag_bytes: int) -> Tags:
        """Return the first `count` kept chunks of `what` as tags."""
        return tags_from_bytes(chunks.read_kept(self.fetch, what, count, tag_bytes), tag_bytes)

    def in_secret_order(self, points: Points) -> bytes:
        """Return the points in one fresh, uniformly random order over all of them."""
        return points[shuffle.permutation(self.rng(shuffle.SEED_BYTES), len(points))].tobytes()
