"""The pseudorandom code of the batched oblivious PRF, and the hash that turns a row into a value.

**Code.** C(x) is AES of the block x under four keys of the session, cut to 448 bits. Two different
inputs agree in so many places that fewer than 128 differ with probability 2^-66.5 (the binomial
tail of 448 fair bits below 128). That is what the sender's secret hides behind: 128 of its bits for
each value that the receiver must not learn. With 3·m such values the chance that one is closer is
at most 3·m·2^-66.5: 2^-44 for a million, 2^-40 for 2^24.9. (KKRT16, §3 and table 1.)

**Hash.** H(row, tweak) = E(v) ⊕ v, where v chains the row's four blocks, v = E(E(E(r0) ⊕ r1) ⊕ r2)
⊕ (r3 ‖ tweak), and E is AES under a key that changes every 4,096 rows; its last step is that of
Matyas, Meyer and Oseas. It must be *correlation robust*: for rows t ⊕ (c ∧ s) with a secret s, known
t, and c with at least 128 ones, the values must look random (KKRT16, definition 2). That holds in
the model of AES as an ideal permutation up to q·k·2^-128 for an adversary that computes q
permutations, where k is how many values are hashed under one key: three quarters of 3·4,096 for
sets of one size, so 2^115 computations are not enough to do better than guessing. (Guo, Katz, Wang,
Yu 2020, "Efficient and secure multiparty computation from fixed-key block ciphers", prove such a
bound for the last step alone; that the chain keeps the secret's entropy is our argument, and
heuristic.)
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.ot.aes import Blocks, Permutation, Words, derive_key
from protocols.ot.matrix import GROUPS, Rows

KEY_ROWS = 4096
"""Rows of a bucket that are hashed under one key."""


class Code:
    """The pseudorandom code of one session."""

    def __init__(self, session: bytes) -> None:
        self._permutations = [Permutation(derive_key(session, "code", g)) for g in range(GROUPS)]

    def words_of(self, inputs: Blocks) -> Rows:
        """Return the code word of each input block."""
        words = np.empty((GROUPS, len(inputs), 2), dtype=np.uint64)
        for group, permutation in zip(words, self._permutations, strict=True):
            group[:] = permutation(inputs)
        words[-1, :, 1] = 0
        return words


def robust_hash(permutation: Permutation, rows: Rows, tweaks: Words) -> Blocks:
    """Return a block for each row; no tweak may be used twice with one permutation."""
    value = permutation(rows[0])
    for group in range(1, GROUPS - 1):
        value ^= rows[group]
        value = permutation(value)
    value ^= rows[-1]
    value[:, 1] ^= tweaks
    result = permutation(value)
    result ^= value
    return result


def hash_key(session: bytes, bucket: int, row: int) -> Permutation:
    """Return the permutation for the `KEY_ROWS` rows of a bucket among which `row` is."""
    return Permutation(derive_key(session, "hash", bucket, row // KEY_ROWS))


def key_ranges(rows: NDArray[np.integer], count: int) -> Iterator[tuple[int, int, int]]:
    """Yield for each key of a message of `count` rows its first row and the range of `rows` below.

    `rows` are numbers below `count`, in the order of their keys.
    """
    starts = np.arange(0, count, KEY_ROWS)
    edges = np.searchsorted(rows // KEY_ROWS, np.arange(len(starts) + 1))
    yield from zip(starts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
