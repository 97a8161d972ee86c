"""A back end that has its work done by workers: cuts arrays into shares and joins the results."""

import dataclasses

import numpy as np

from party_node.version import software
from party_node.workers.computing import HASH, MULTIPLY, Errand
from party_node.workers.pool import Pool
from protocols import ladder
from protocols.codec import encode
from protocols.groups import hash_to_group
from protocols.ladder import Backend, Points, choose_backend
from protocols.multibuffer import LANES

FEWEST = 512
"""Points; fewer are computed here, because to send them takes longer."""


def spread(pool: Pool, preference: str, name: str) -> Backend:
    """Return a back end that divides work among the workers of `pool`.

    Raises: InvalidParameter, LocalError as `choose_backend`.
    """
    here = choose_backend(preference)

    def multiply(scalar: bytes, points: Points) -> Points:
        if len(points) < FEWEST:
            return ladder.multiply(scalar, points, here)
        return _divided(pool, Errand(software(), MULTIPLY, preference, scalar, False), points)

    def hashed(ctx: bytes, digests: Points, strict: bool) -> Points:
        if len(digests) < FEWEST:
            return hash_to_group(ctx, digests, strict, backend=here)
        return _divided(pool, Errand(software(), HASH, preference, ctx, strict), digests)

    return dataclasses.replace(
        here,
        name=f"{here.name} ({name})",
        # Another machine may choose another back end than this one.
        exact=preference == "pynacl",
        multiply=multiply,
        spreads=True,
        hash=hashed,
    )


def _divided(pool: Pool, errand: Errand, rows: Points) -> Points:
    data = rows.tobytes()
    # Whole groups of eight, so that only the last share has lanes without a point.
    cut = 32 * LANES * -(-len(rows) // (LANES * pool.count))
    shares = [data[i : i + cut] for i in range(0, len(data), cut)]
    joined = bytearray().join(pool.compute(encode(errand), shares))
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32)
