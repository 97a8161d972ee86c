"""Who of many people is in a set of dense numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

Numbers = NDArray[np.integer[Any]]


def are_among(dense: Numbers, people: BitMap | FrozenBitMap) -> NDArray[np.bool_]:
    """Return of each dense number whether it is one of `people`; NOBODY never is.

    A table of all numbers instead of a search: `dense` may be millions of rows.
    """
    size = (people.max() if people else 0) + 1
    table = np.zeros(size, dtype=np.bool_)
    table[np.frombuffer(people.to_array(), dtype=np.uint32)] = True
    known = (dense >= 0) & (dense < size)
    return known & table[np.where(known, dense, 0)]
