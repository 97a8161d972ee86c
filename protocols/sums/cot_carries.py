"""From shares of groups to shares of sums: what `sums-cot-narrow/1` does for narrow columns.

The sum v of a group of rows is shared as a + b = v modulo M = 256^w, and 0 ≤ v < M/2. Then a + b is
v or v + M, and it is v + M exactly if a or b has its top bit: with both, a + b ≥ M; with neither,
a + b < M; and with one of them a + b ≥ M/2 > v. So with the top bits α and β

    v = a + b - M·(α + β - α·β),

where each side counts its own bit, and α·β is one more correlated transfer: the vectors' side
chooses by α, and the correlation is β. That transfer is among those of the stretch, with a random
choice ρ, because α is not known yet; α ⊕ ρ says later which of its two pads stands for which choice
(Beaver 1995).

**Who learns what.** The side with the matrix sees α ⊕ ρ, and ρ is hidden from it; the other sees β
under a pad that it lacks, or not at all.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot.aes import Blocks, Permutation, Words, derive_key, key_streams
from protocols.sums import cot_shares
from protocols.sums.cot_lanes import Lanes, Segment, fold_groups
from protocols.sums.cot_pads import pads
from protocols.sums.cot_records import Run
from protocols.sums.cot_shares import Totals

Bits = NDArray[np.uint8]
"""A 0 or 1 for each."""

SEED_BYTES = 16


def random_choices(seed: bytes, run: Run, index: int) -> Bits:
    """Return the choices ρ of a stretch, from the secret seed of this side's run."""
    count = run.carries(index)
    stream = key_streams(seed, index.to_bytes(8, "big") + bytes(8), -(-count // 64))
    return np.unpackbits(stream.view(np.uint8), bitorder="little")[:count]


def add_groups(
    totals: Totals, run: Run, plane: int, segment: Segment, lanes: Lanes, sign: int
) -> Bits:
    """Add this side's shares of the groups of a piece, each less M if it has its top bit.

    The shares are the sums of the lanes, which are used up; or with `sign` -1 what is left to 0.
    Returns the top bits, group by group.
    """
    bits = 8 * segment.width
    shares = fold_groups(segment, lanes).astype(np.uint64)
    if sign < 0:
        shares = -shares & np.uint64(2**bits - 1)
    top = shares >> np.uint64(bits - 1)
    found = shares.sum(axis=0) - (top.sum(axis=0) << np.uint64(bits))
    cot_shares.add(totals, run, plane, segment.columns, found)
    return top.astype(np.uint8).reshape(-1)


def vectors_part(
    totals: Totals, run: Run, session: bytes, index: int, rows: Blocks, top: Bits, given: bytes
) -> None:
    """Add the shares of the products of a stretch at the side with the vectors."""
    made = _pads(_key(session, index), rows)
    words = _read(run, index, given)
    made += words * top
    _add(totals, run, index, made)


def matrix_part(
    totals: Totals,
    run: Run,
    session: bytes,
    index: int,
    rows: Blocks,
    secret: Words,
    top: Bits,
    hidden: Bits,
) -> bytes:
    """Add the shares of the products of a stretch at the side with the matrix; return what it says.

    `hidden` is what the other side said of its top bits.
    """
    key = _key(session, index)
    both = _pads(key, rows), _pads(key, rows ^ secret)
    zero, one = np.where(hidden, both[1], both[0]), np.where(hidden, both[0], both[1])
    _add(totals, run, index, -zero)
    return _write(run, index, zero + top.astype(np.uint64) - one)


def pack(bits: Bits) -> bytes:
    """Return the bits in bytes, the lowest first."""
    return np.packbits(bits, bitorder="little").tobytes()


def unpack(data: bytes, count: int) -> Bits:
    """Return so many bits. Raises: LocalError if these are not their bytes."""
    if len(data) != -(-count // 8):
        raise LocalError("bits that were kept have another length")
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:count]


def product_bytes(run: Run, index: int) -> int:
    """Return how many bytes are said of the carries of a stretch."""
    return sum(count * size for _, _, count, size in _spans(run, index))


def _spans(run: Run, index: int) -> list[tuple[int, Segment, int, int]]:
    """Return plane, segment, number of sums and bytes of each, in the order of the transfers."""
    narrow = [s for s in run.placing.segments if s.group]
    return [
        (plane, s, s.groups(rows) * len(s.columns), s.sum_width - s.width)
        for rows in run.pieces(index)
        for plane in range(run.planes)
        for s in narrow
    ]


def _add(totals: Totals, run: Run, index: int, shares: Words) -> None:
    at = 0
    for plane, segment, count, _ in _spans(run, index):
        sums = shares[at : at + count].reshape(-1, len(segment.columns)).sum(axis=0)
        at += count
        weighed = sums << np.uint64(8 * segment.width)
        cot_shares.add(totals, run, plane, segment.columns, weighed)


def _write(run: Run, index: int, words: Words) -> bytes:
    """Return the lower bytes of each word that its carry needs."""
    data, at, sent = words.view(np.uint8).reshape(-1, 8), 0, []
    for _, _, count, size in _spans(run, index):
        sent.append(data[at : at + count, :size].tobytes())
        at += count
    return b"".join(sent)


def _read(run: Run, index: int, data: bytes) -> Words:
    words, at, place = np.zeros((run.carries(index), 8), np.uint8), 0, 0
    for _, _, count, size in _spans(run, index):
        part = np.frombuffer(data, np.uint8, count * size, place).reshape(count, size)
        words[at : at + count, :size] = part
        at, place = at + count, place + count * size
    return words.view("<u8").reshape(-1)


def _key(session: bytes, index: int) -> Permutation:
    return Permutation(derive_key(session, "carries", index))


def _pads(key: Permutation, rows: Blocks) -> Words:
    """Return the first word of a pad of each row."""
    words: Words = pads(key, rows, 1)[0, :, 0].copy()
    return words
