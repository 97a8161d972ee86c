"""Who is in a sketch: for each permitted person one identifier, and only if they have enough rows.

A person brings the value of their first row that has one, also where others have it too. What one
person brings so never depends on anybody else: the sketch is differentially private for a person
with all their rows, and not for a decision about them alone.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from party_node.dataset_index import DENSE
from protocols import identifiers


def reached(
    index: pa.Table, permitted: NDArray[np.bool_], kind: str, at_least: int
) -> NDArray[np.uint8]:
    """Return a digest, a row of 32 bytes, for each permitted person in `at_least` rows or more.

    Who has no identifier of this kind brings nothing. Raises: InvalidParameter for another kind.
    """
    if kind not in index.column_names:
        return identifiers.digest_column(kind, [])
    dense = index[DENSE].to_numpy()
    rows = np.bincount(dense[permitted])
    there = pc.is_valid(index[kind]).to_numpy()
    own = np.flatnonzero(permitted & there)
    people, first = np.unique(dense[own], return_index=True)
    taken = own[first[rows[people] >= at_least]]
    return identifiers.digest_column(kind, index[kind].take(pa.array(taken)).to_pylist())
