"""The pseudorandom code of the batched oblivious PRF, and the hash that turns a row into a value.

**Code.** C(x) is AES of the block x under four keys of the session, cut to 448 bits. Two inputs
have words that differ in fewer than 128 places with probability 2^-66.5: the tail of 448 fair bits.
So at least 128 bits of the sender's secret stand between the receiver and each value that it must
not learn. Of 3·m such values one has fewer with probability at most 3·m·2^-66.5: 2^-44 for a
million items, 2^-40 for 28 million. (KKRT16, §3.)

**Hash.** H(row, tweak) = E(v) ⊕ v with v = E(E(E(r0) ⊕ r1) ⊕ r2) ⊕ (r3 ‖ tweak): a chain over the
four blocks of a row, and at its end the step of Matyas, Meyer and Oseas. E is AES under a key that
changes every 4,096 rows. It must be *correlation robust*: for known t, secret s and words c of at
least 128 ones, the hashes of t ⊕ (c ∧ s) must look random (KKRT16, definition 2). We assume that it
is. In the model of AES as an ideal permutation the last step gives an adversary that computes q
permutations an advantage of about q·k·2^-128, where k values are hashed under one key (Guo, Katz,
Wang, Yu 2020, "Efficient and secure multiparty computation from fixed-key block ciphers"). For sets
of one size k is about 9,500 (19,000 with labels), so that the bound speaks of 2^114 computations.
That the chain before it keeps the secret's entropy is our argument, not a published proof.
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
    """Return a block for each row.

    With one permutation a tweak stands for one bin and hash. The receiver uses it once; the sender
    for every item that it has there, whose rows differ by their code words, as the definition has
    it.
    """
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
