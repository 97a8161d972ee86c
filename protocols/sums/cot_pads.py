"""Pads of a correlated transfer: as many blocks from one row of the OT extension as are needed.

Block g of the pad of row ρ, the j-th of its piece, is E(E(ρ) ⊕ (j ‖ g)) ⊕ E(ρ), with E AES-128
under a key of its own for each piece, vector and digit. To whoever does not know s, the pads of q
and q ⊕ s must look random together: *tweakable circular correlation robust* in the words of Guo,
Katz, Wang, Yu 2020 ("Efficient and secure multiparty computation from fixed-key block ciphers"),
who prove it for this construction with AES as an ideal permutation. With k blocks under one key, an
attack with q permutations has an advantage of about q·k·2^-128; k is 26,000 for 100 columns of 4
bytes.
"""

import functools

import numpy as np

from protocols.ot.aes import BLOCK_BYTES, Blocks, Permutation, derive_key


def pad_key(session: bytes, stretch: int, piece: int, plane: int) -> Permutation:
    """Return the permutation for one piece of a stretch and one vector and digit."""
    return Permutation(derive_key(session, "pads", stretch, piece, plane))


def pads(permutation: Permutation, rows: Blocks, blocks: int) -> Blocks:
    """Return so many blocks for each row, shape (blocks, rows, 2)."""
    found: Blocks = pads_of_planes([permutation], rows[None, None], blocks)[0, 0]
    return found


def pads_of_planes(keys: list[Permutation], rows: Blocks, blocks: int) -> Blocks:
    """Return the pads of several planes, each with its own permutation: from rows of the shape
    (planes, sets, rows, 2), of a plane one set beside the other, (planes, sets, blocks, rows, 2).
    """
    planes, _, count, _ = rows.shape
    once = np.empty(rows.shape, np.uint64)
    for key, here, into in zip(keys, rows, once, strict=True):
        into[:] = key(here.reshape(-1, 2)).reshape(here.shape)
    tweaked = once[:, :, None] ^ _tweaks(blocks, count)
    made = np.empty(tweaked.nbytes + BLOCK_BYTES, np.uint8)  # the library asks for one more block
    size = tweaked.nbytes // planes
    for plane, (key, here) in enumerate(zip(keys, tweaked, strict=True)):
        key.into(here, made[plane * size : (plane + 1) * size + BLOCK_BYTES])
    found: Blocks = made[: tweaked.nbytes].view("<u8").reshape(tweaked.shape)
    found ^= once[:, :, None]
    return found


@functools.lru_cache(maxsize=8)
def _tweaks(blocks: int, rows: int) -> Blocks:
    """Return the number of its row and of its block for each block, shape (blocks, rows, 2)."""
    found = np.empty((blocks, rows, 2), np.uint64)
    found[:, :, 0] = np.arange(rows, dtype=np.uint64)
    found[:, :, 1] = np.arange(blocks, dtype=np.uint64)[:, None]
    found.flags.writeable = False
    return found
