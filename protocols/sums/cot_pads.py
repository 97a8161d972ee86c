"""Pads of a correlated transfer: as many blocks from one row of the OT extension as are needed.

Block g of the pad of row ρ, the j-th of its piece, is E(E(ρ) ⊕ (j ‖ g)) ⊕ E(ρ), with E AES-128
under a key of its own for each piece, vector and digit. To whoever does not know s, the pads of q
and q ⊕ s must look random together: *tweakable circular correlation robust* in the words of Guo,
Katz, Wang, Yu 2020 ("Efficient and secure multiparty computation from fixed-key block ciphers"),
who prove it for this construction with AES as an ideal permutation. With k blocks under one key, an
attack with q permutations has an advantage of about q·k·2^-128; k is 26,000 for 100 columns of 4
bytes.
"""

import numpy as np

from protocols.ot.aes import Blocks, Permutation, derive_key


def pad_key(session: bytes, stretch: int, piece: int, plane: int) -> Permutation:
    """Return the permutation for one piece of a stretch and one vector and digit."""
    return Permutation(derive_key(session, "pads", stretch, piece, plane))


def pads(permutation: Permutation, rows: Blocks, blocks: int) -> Blocks:
    """Return so many blocks for each row, shape (blocks, rows, 2)."""
    once = permutation(rows)
    tweaked = np.empty((blocks, len(rows), 2), np.uint64)
    tweaked[:] = once
    tweaked[:, :, 0] ^= np.arange(len(rows), dtype=np.uint64)
    tweaked[:, :, 1] ^= np.arange(blocks, dtype=np.uint64)[:, None]
    made = permutation(tweaked.reshape(-1, 2)).reshape(tweaked.shape)
    made ^= once
    return made
