"""An oblivious key-value store: a table that gives each key its value and does not show the keys.

A key stands for three slots of the table, one in each third, and its value is the XOR of the three
rows. Where values look random the whole table does, so it does not show which keys are in it; any
other key gets the XOR of three rows that nobody chose.

Encoding peels: a slot that only one key uses can be set last, so that key is put aside, and so on
until none is left. With 1.3 slots for each key that succeeds but for accidents among a few keys
(one salt in 300 at most, one in 10^5 for large sets); then another salt is drawn. That tells
whoever has the table that this salt works, which almost every salt does for any set.

Source: garbled cuckoo tables, Pinkas, Rosulek, Trieu, Yanai 2020, "PSI from PaXoS" (ePrint
2020/193), with three slots as in Garimella, Pinkas, Rosulek, Trieu, Yanai 2021 (ePrint 2021/883).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidParameter

Slots = NDArray[np.int64]
"""Shape (n, 3): the slots of each key, one in each third."""
Rows = NDArray[np.uint8]
"""Shape (n, t)."""

_EXTRA = 128
"""Slots more in each third: few keys in few slots would meet too often."""


def third(count: int) -> int:
    """Return how many slots a third of the table for `count` keys has."""
    return -(-13 * count // 30) + _EXTRA


def slots_of(words: NDArray[np.uint64], count: int) -> Slots:
    """Return the slots, in a table for `count` keys, of keys hashed to `words`, shape (n, 3)."""
    size = third(count)
    inside = (words % np.uint64(size)).astype(np.int64)
    return inside + np.array([0, size, 2 * size], dtype=np.int64)


def encode(slots: Slots, values: Rows, filler: Rows) -> Rows | None:
    """Return a table in which the keys with these slots have these values; None if none is found.

    `filler` is random rows, as many as the table has: what no key decides stays as it is there.

    Raises: InvalidParameter if the shapes do not fit.
    """
    size = 3 * third(len(slots))
    if len(values) != len(slots) or filler.shape != (size, values.shape[1]):
        raise InvalidParameter("keys, values and table do not fit together")
    peeled = _peel(slots, size)
    if peeled is None:
        return None
    table = filler.copy()
    for keys, places in reversed(peeled):
        # What was peeled in one round shares no slot that is set in it.
        table[places] = 0
        table[places] = values[keys] ^ decode(slots[keys], table)
    return table


def decode(slots: Slots, table: Rows) -> Rows:
    """Return the XOR of the three rows of each key."""
    return table[slots[:, 0]] ^ table[slots[:, 1]] ^ table[slots[:, 2]]


def _peel(slots: Slots, size: int) -> list[tuple[Slots, Slots]] | None:
    """Return, round by round, the keys that are put aside and the slot that each leaves free."""
    left = len(slots)
    used, named = _count(slots, np.arange(len(slots)), size)
    rounds = []
    while left:
        places = np.flatnonzero(used == 1)
        keys, first = np.unique(named[places], return_index=True)
        if len(keys) == 0:
            return None
        rounds.append((keys, places[first]))
        fewer, unnamed = _count(slots[keys], keys, size)
        used -= fewer
        named -= unnamed
        left -= len(keys)
    return rounds


def _count(slots: Slots, keys: Slots, size: int) -> tuple[Slots, Slots]:
    """Return how many of the keys use each slot, and the sum of their numbers."""
    flat = slots.ravel()
    # Sums of numbers below 2^28, of which few meet in a slot: exact in 53 bits.
    sums = np.bincount(flat, weights=np.repeat(keys, 3).astype(np.float64), minlength=size)
    return np.bincount(flat, minlength=size), sums.astype(np.int64)
