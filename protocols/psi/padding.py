"""What is added to a set before it is matched, so that its size and the count say little.

**Filling.** A set of m items is filled up to the next step of a coarse ladder
(`disclosure.step_up`) with random digests, which match nothing: the other side learns the step and
not m. Where the step is more than the job allows there is no run. Rows of several items are filled
up by whole rows.

**Dummies.** In a count with noise (`RowParams.dummies`, n of them) both sides derive the same n
digests from `ctx`. The receiver's set holds all of them. The sender tosses a coin for each, holds
it or puts a random digest in its place, and tells nobody: the count has Binomial(n, ½) too many.
The size of either set is its step and n, whatever the coins said.

With m senders each tosses for n/m of them, a part of its own, and holds all others: so whichever of
the senders tell the receiver their coins, those of every other one stay in the count.

**Who learns what.** The receiver learns the count with that noise and cannot take it off; a
sender could take off its own, and learns what the receiver tells it, which gets noise of its own.
This holds against a receiver that follows the protocol. One that leaves the dummies out of its set
counts exactly.

**Source.** `docs/spec/psi-dh.md`; prices in `protocols/dp/coins.py`.
"""

import hashlib

import numpy as np

from protocols.disclosure import step_up
from protocols.errors import InvalidParameter
from protocols.groups import Points
from protocols.groups import points_from_bytes as rows_from_bytes
from protocols.psi.params import MatchingParams
from protocols.session import Rng

NOBODY = 2**32 - 1
"""Stands where an item is nobody's."""

_LABEL = b"accord/psi-dummy/1\x00"


def tossed_by(number: int, senders: int, n: int) -> range:
    """Return which of n dummies the party of that number tosses for; the receiver, 0, for none.

    Every dummy has one sender. Raises: InvalidParameter where they cannot be shared out evenly.
    """
    if n % senders:
        raise InvalidParameter("every sender tosses for as many dummies")
    each = n // senders
    return range((number - 1) * each, number * each) if number else range(0)


def added(
    rows: int, tossed: range, params: MatchingParams, ctx: bytes, rng: Rng, width: int = 1
) -> Points:
    """Return the items that are added to a set of so many rows of `width` items, shape (n, 32).

    This side tosses for the dummies `tossed`. The caller puts all rows into one secret random
    order. Raises: InvalidParameter for more items than the parameters allow.
    """
    known = dummies(ctx, params.dummies)
    if tossed:
        before, mine, after = np.split(known, (tossed.start, tossed.stop))
        known = np.concatenate([before, _tossed(mine, rng), after])
    free = padded_size(rows, params, width) - rows - len(known)
    return np.concatenate([known, rows_from_bytes(rng(32 * width * free))])


def padded_size(rows: int, params: MatchingParams, width: int = 1) -> int:
    """Return how many rows a set is sent as. Raises: InvalidParameter for too many."""
    most = params.max_items // width - params.dummies
    step = step_up(rows)
    # By the step: a limit of the other side's choosing must not tell where below it the set ends.
    if step > most:
        raise InvalidParameter(f"a set is filled up to at most {most} rows beside the dummies")
    return step + params.dummies


def dummies(ctx: bytes, n: int) -> Points:
    """Return the n digests that both sides of the run `ctx` know, shape (n, 32)."""
    rows = (hashlib.sha256(_LABEL + ctx + i.to_bytes(4, "big")).digest() for i in range(n))
    return rows_from_bytes(b"".join(rows))


def _tossed(known: Points, rng: Rng) -> Points:
    """Return the dummies, each kept or replaced by a random digest as its coin falls."""
    coins = np.unpackbits(np.frombuffer(rng(-(-len(known) // 8)), dtype=np.uint8))[: len(known)]
    return np.where(coins[:, None] == 1, known, rows_from_bytes(rng(32 * len(known))))
