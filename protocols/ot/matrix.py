"""The matrix of an OT extension: 448 columns of key stream, read as rows.

Each of the 448 base transfers gives a key, and each key a column of pseudorandom bits. What is
computed with are rows, one for each bin: 448 bits, seven 64-bit words. Turning columns into rows is
a transposition of bits, done 64 by 64 with six exchanges of bit groups (Warren, "Hacker's Delight",
§7-3) on whole arrays. Rows come as four arrays of blocks (`Rows`): words 0 and 1, 2 and 3, 4 and 5,
and word 6 with a zero beside it, which is how the block cipher wants them.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot.aes import KEY_BYTES, Words, key_streams

COLUMNS = 448
ROW_WORDS = COLUMNS // 64
ROW_BYTES = COLUMNS // 8
GROUPS = 4
"""Blocks in a row."""

Rows = NDArray[np.uint64]
"""Shape (4, n, 2): block g of row r is [g, r]; the last word of the last block is zero."""

_EXCHANGES = (
    (32, 0x00000000FFFFFFFF),
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def expand(keys: bytes, nonce: bytes, rows: int) -> Rows:
    """Return `rows` rows of pseudorandom bits; bit c of a row comes from key c.

    `keys` are 448 keys of 16 bytes; `nonce` (16 bytes) must be another for each call with the same
    keys, and leave its last eight bytes zero.
    """
    if len(keys) != KEY_BYTES * COLUMNS:
        raise LocalError(f"a matrix has {COLUMNS} keys")
    return transpose(key_streams(keys, nonce, -(-rows // 64)))[:, :rows]


def transpose(columns: Words) -> Rows:
    """Return the rows of a matrix given as 448 columns of words; the columns are used up.

    Bit r of word w of column c is bit c of row 64·w + r.
    """
    words = columns.shape[1]
    square = transpose_squares(columns)
    rows = np.zeros((GROUPS, words, 64, 2), dtype=np.uint64)
    for word in range(ROW_WORDS):
        rows[word // 2, :, :, word % 2] = square[word].T
    return rows.reshape(GROUPS, 64 * words, 2)


def transpose_squares(columns: Words) -> NDArray[np.uint64]:
    """Transpose every square of 64 columns and 64 bits, in place; shape (columns / 64, 64, words).

    Element [k, r, w] has bit r of word w of the columns from 64·k on.
    """
    count, words = columns.shape
    for distance, mask in _EXCHANGES:
        pairs = columns.reshape(count // (2 * distance), 2, distance, words)
        low, high = pairs[:, 0], pairs[:, 1]
        moved = low >> np.uint64(distance)
        moved ^= high
        moved &= np.uint64(mask)
        high ^= moved
        moved <<= np.uint64(distance)
        low ^= moved
    return columns.reshape(count // 64, 64, words)


def rows_to_bytes(rows: Rows) -> bytes:
    """Return rows as they are sent: the first three blocks of all, then the last words of all."""
    return b"".join([*(rows[g].tobytes() for g in range(GROUPS - 1)), rows[-1, :, 0].tobytes()])


def rows_from_bytes(data: bytes) -> Rows:
    """Return the rows that were sent; `data` has 56 bytes for each."""
    words = np.frombuffer(data, dtype="<u8")
    n = len(words) // ROW_WORDS
    rows = np.zeros((GROUPS, n, 2), dtype=np.uint64)
    rows[: GROUPS - 1] = words[: 6 * n].reshape(GROUPS - 1, n, 2)
    rows[-1, :, 0] = words[6 * n :]
    return rows
