"""What of a dataset can be matched: for each permitted person all identifiers of the asked types.

The rules (docs/concepts/matching.md): a value that a person has in several rows is one; a value
that several persons of the dataset have identifies nobody, and is left out. Who has a value is
decided over everybody in the dataset, permitted or not: else one person's consent would speak for
another, and a withdrawal would change what a value means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from party_node.dataset_index import DENSE, HOLDER
from party_node.identity import NOBODY
from protocols import identifiers

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matchable:
    """The identifiers of permitted people: by rising person, then type in the order asked, then row
    of the file. No digest is there twice.
    """

    kinds: tuple[str, ...]
    """Types, in the order asked."""
    people: NDArray[np.uint32]
    """Shape (n,): dense number of the person who has the identifier."""
    kind: NDArray[np.uint8]
    """Shape (n,): its type, as a position in `kinds`."""
    digests: NDArray[np.uint8] = field(repr=False)
    """Shape (n, 32)."""
    shared: tuple[int, ...]
    """For each type: values of permitted people that others have too, and that are left out."""


@dataclass(frozen=True, slots=True)
class Held:
    """How a whole dataset is identified, by type: counts only."""

    people: dict[str, int]
    """People with a value that is theirs alone."""
    shared: dict[str, int]
    """Values that several people have."""


def matchable(index: pa.Table, kinds: Sequence[str], permitted: Flags) -> Matchable:
    """Return what the rows marked in `permitted` bring to a match by these types."""
    dense, parts, shared = index[DENSE].to_numpy(), [], []
    for position, kind in enumerate(kinds):
        column = _Column(index, kind)
        rows = permitted & (column.codes >= 0)
        ours = rows & ~column.of_several[column.codes]
        shared.append(len(_distinct(column.codes[rows & ~ours])))
        first = _first_rows(dense[ours], column.codes[ours], np.flatnonzero(ours))
        values = column.values.take(pa.array(column.codes[first])).to_pylist()
        digests = identifiers.digest_column(kind, values)
        parts.append((dense[first], np.full(len(first), position, np.uint8), first, digests))
    who, kind_of, row, digest = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((row, kind_of, who))
    return Matchable(
        tuple(kinds), who[order].astype(np.uint32), kind_of[order], digest[order], tuple(shared)
    )


def held(index: pa.Table, kinds: Sequence[str]) -> Held:
    """Return how the people of a whole dataset are identified."""
    dense = index[DENSE].to_numpy()
    found = Held({}, {})
    for kind in kinds:
        column = _Column(index, kind)
        theirs = (column.codes >= 0) & ~column.of_several[column.codes] & (dense != NOBODY)
        found.people[kind] = len(_distinct(dense[theirs]))
        found.shared[kind] = int(np.count_nonzero(column.of_several))
    return found


class _Column:
    """One type's column: different values, numbered, and which of them several people have."""

    def __init__(self, index: pa.Table, kind: str) -> None:
        rows = index.num_rows
        if kind in index.column_names:
            encoded = index[kind].combine_chunks().dictionary_encode()
            self.values = encoded.dictionary
            self.codes: Numbers = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        else:
            self.values = pa.array([], pa.string())
            self.codes = np.full(rows, -1, np.int64)
        holder = index[HOLDER if HOLDER in index.column_names else DENSE].to_numpy()
        # One more than there are values: what -1, no value, points at.
        self.of_several: Flags = np.zeros(len(self.values) + 1, np.bool_)
        known = (self.codes >= 0) & (holder != NOBODY)
        pairs = _distinct(_pairs(self.codes[known], holder[known])) >> 32
        self.of_several[pairs[1:][pairs[1:] == pairs[:-1]]] = True


def _first_rows(who: Numbers, codes: Numbers, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first row of each value of each person."""
    _, first = np.unique(_pairs(who, codes), return_index=True)
    return rows[first]


def _distinct(numbers: Numbers) -> Numbers:
    """Return the different numbers, rising: `np.unique` hashes, and takes ten times as long."""
    ordered = np.sort(numbers)
    different: Numbers = ordered[np.diff(ordered, prepend=-1) != 0]
    return different


def _pairs(high: Numbers, low: Numbers) -> Numbers:
    """Return pairs of numbers below 2^31 as one number each."""
    return (high << 32) | low
