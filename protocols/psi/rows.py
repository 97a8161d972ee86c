"""Rows of items: how people who have several items each are counted once.

The receiver lays its input out in rows of `per_person` items, a row for each person. The sender
shuffles rows, and the items within each row, so that the receiver sees of every anonymous row how
many of its items match, and not which. It counts the rows in which at least one does.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidParameter, MalformedMessage
from protocols.psi.join import Tags
from protocols.shuffle import row_permutation


def check_own(count: int, per_person: int) -> None:
    """Return if our own input is whole rows. Raises: InvalidParameter."""
    if count % per_person:
        raise InvalidParameter(f"the input is no whole number of rows of {per_person}")


def check_theirs(total: int, per_person: int) -> None:
    """Return if the receiver's set is whole rows. Raises: MalformedMessage."""
    if total % per_person:
        raise MalformedMessage(f"a set of {total} items is no whole number of rows of {per_person}")


def shuffled(tags: Tags, per_person: int, seed: bytes) -> Tags:
    """Return the tags of whole rows, rows and the items of each in secret orders of their own."""
    return tags[row_permutation(seed, len(tags) // per_person, per_person)]


def matching(positions: NDArray[np.uint32], per_person: int) -> int:
    """Return in how many rows these positions, ascending, are."""
    rows = positions // np.uint32(per_person)
    return len(rows) - int(np.count_nonzero(rows[1:] == rows[:-1]))


def one_each(
    pairs: tuple[NDArray[np.uint32], NDArray[np.uint32]], per_person: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return pairs of rows from pairs of positions in two lists of rows, each row in one pair.

    Of several rows that share an item with one, the first goes with it.
    """
    mine, theirs = (positions // np.uint32(per_person) for positions in pairs)
    if per_person > 1:
        mine, theirs = _first_of_each(theirs, mine)[::-1]
        mine, theirs = _first_of_each(mine, theirs)
    return mine, theirs


def _first_of_each(
    rows: NDArray[np.uint32], others: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return each of `rows` once, ascending, with the least of the others that it has."""
    order = np.lexsort((others, rows))
    kept, first = np.unique(rows[order], return_index=True)
    return kept, others[order][first]
