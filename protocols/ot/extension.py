"""OT extension: 16 bytes for each transfer, from 128 base transfers, with a check of the choices.

    chooser, bits r of its transfers                        giver, 128 secret bits s
    both keys of each base transfer: columns t_i, t'_i      key s_i of each: column t_i or t'_i
             ── u_i = t_i ⊕ t'_i ⊕ r, parities of r and t_i ►
                                                            q_i = its column ⊕ (u_i if s_i)
    row t_j                                                 row q_j = t_j ⊕ (s if r_j)

From row j the chooser makes one pad, H(t_j); the giver makes H(q_j) and H(q_j ⊕ s), and of these
the chooser's is the one that r_j chose. So a transfer costs no public-key operation.

**Check.** A chooser that deviates could put another r into each column, and learn bits of s from
what comes of it. So behind the r of each message stand 128 random bits, and 128 parities of each
column are sent: of the bits that a random mask selects, each with one of the bits behind. The masks
are made from a hash of all u_i, so nobody can choose columns that fit. The giver compares with the
parities of q_i. Columns that differ in r agree in all parities with a probability of 2^-128 for
each try; whoever sends such can only guess the bits of s in question, and is found out unless all
guesses are right. The random bits behind hide r's parities perfectly.

**Source.** Ishai, Kilian, Nissim, Petrank 2003; in the form of Asharov, Lindell, Schneider, Zohner
2013 (protocol 4). The check is that of Keller, Orsini, Scholl 2015, with the universal hash over
single bits, and the proof, of Roy 2022 ("SoftSpokenOT", figure 8).
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InconsistentChoices
from protocols.ot.aes import Blocks, Words, derive_key, key_streams
from protocols.ot.matrix import transpose_squares

COLUMNS = 128
ROW_BYTES = 16
PARITY_BYTES = 16
"""Bytes of the parities of one column."""
BEHIND_BYTES = 16
"""Random bits behind the choices of a message, one for each parity."""
_BEHIND = BEHIND_BYTES // 8


def column_bytes(transfers: int) -> int:
    """Return how many bytes a column of a message of so many transfers has."""
    return 8 * (_words(transfers) + _BEHIND)


def choose(
    session: bytes, index: int, keys: tuple[bytes, bytes], bits: NDArray[np.uint8], behind: bytes
) -> tuple[bytes, bytes]:
    """Return the columns u_i and the parities: what the chooser says of message `index`.

    `bits` has a 0 or 1 for each transfer; `behind` is 16 fresh random bytes.
    """
    words = _words(len(bits))
    choices = np.zeros(words + _BEHIND, np.uint64)
    packed = np.packbits(bits, bitorder="little")
    choices[:words].view(np.uint8)[: len(packed)] = packed
    choices[words:] = np.frombuffer(behind, "<u8")
    mine, columns = (key_streams(k, _nonce(index), words + _BEHIND) for k in keys)
    columns ^= mine
    columns ^= choices
    said = columns.tobytes()
    masks = _masks(session, index, said, words)
    return said, parities(np.concatenate([choices[None], mine]), masks).tobytes()


def chosen_rows(index: int, zeros: bytes, transfers: int) -> Blocks:
    """Return the rows t_j of message `index`, from the chooser's keys for 0."""
    return _rows(key_streams(zeros, _nonce(index), _words(transfers)), transfers)


def give(
    session: bytes, index: int, keys: bytes, secret: bytes, said: bytes, shown: bytes, count: int
) -> Blocks:
    """Return the rows q_j of message `index` of `count` transfers; `secret` is s, 16 bytes.

    `said` and `shown` are what `choose` returns, of the lengths that are due.
    Raises: InconsistentChoices.
    """
    words = _words(count)
    columns = key_streams(keys, _nonce(index), words + _BEHIND)
    bits = np.unpackbits(np.frombuffer(secret, np.uint8), bitorder="little").astype(np.uint64)
    select = (-bits)[:, None]
    columns ^= select & np.frombuffer(said, "<u8").reshape(COLUMNS, -1)
    claimed = np.frombuffer(shown, "<u8").reshape(1 + COLUMNS, -1)
    masks = _masks(session, index, said, words)
    if (parities(columns, masks) != (claimed[1:] ^ (select & claimed[0]))).any():
        raise InconsistentChoices("the choices of a message are not the same in all columns")
    return _rows(np.ascontiguousarray(columns[:, :words]), count)


def parities(columns: Words, masks: Words) -> Words:
    """Return 128 parities of each column, shape (columns, 2): masked bits, and those behind."""
    words = masks.shape[1]
    sums = np.empty((len(columns), len(masks)), np.uint64)
    for column, into in zip(columns, sums, strict=True):
        np.bitwise_xor.reduce(masks & column[:words], axis=1, out=into)
    odd = (np.bitwise_count(sums) & 1).astype(np.uint8)
    found: Words = np.packbits(odd, axis=1, bitorder="little").view("<u8")
    found ^= columns[:, words:]
    return found


def _masks(session: bytes, index: int, said: bytes, words: int) -> Words:
    key = derive_key(session, "masks", index, salt=hashlib.sha256(said).digest())
    return key_streams(key, bytes(16), 8 * PARITY_BYTES * words).reshape(8 * PARITY_BYTES, words)


def _rows(columns: Words, count: int) -> Blocks:
    squares = transpose_squares(columns)
    rows = np.empty((squares.shape[2], 64, 2), np.uint64)
    for half in range(2):
        rows[:, :, half] = squares[half].T
    return rows.reshape(-1, 2)[:count]


def _words(transfers: int) -> int:
    return -(-transfers // 64)


def _nonce(index: int) -> bytes:
    return index.to_bytes(8, "big") + bytes(8)
