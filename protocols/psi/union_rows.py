"""The rows of a union index: their order, and which row is whose."""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidElement
from protocols.groups import Points
from protocols.psi.join import Tags, join


def tags_of(points: Points, tag_bytes: int) -> bytes:
    """Return the first bytes of each point, one after the other."""
    return np.ascontiguousarray(points[:, :tag_bytes]).tobytes()


def without_matches(pool: Points, theirs: Tags) -> Points:
    """Return `pool`, shape (n, 32), with a row of zeros for each point whose tag is in `theirs`.

    Raises: InvalidElement if a tag is twice in one of them.
    """
    rest = pool.copy()
    rest[join(np.ascontiguousarray(pool[:, : theirs.shape[1]]), theirs)] = 0
    return rest


def ascending(tags: Tags) -> NDArray[np.intp]:
    """Return the positions of `tags` in ascending order of their bytes."""
    padded = np.zeros((len(tags), 16), dtype=np.uint8)
    padded[:, : tags.shape[1]] = tags
    words = padded.view(">u8").astype(np.uint64)
    return np.lexsort((words[:, 1], words[:, 0]))


def check_ascending(rows: Tags) -> None:
    """Return if these tags of a peer are in ascending order.

    Raises: InvalidElement.
    """
    if not np.array_equal(ascending(rows), np.arange(len(rows))):
        raise InvalidElement("the rows of the index are not in their order")


def numbers_of(mine: Tags, rows: Tags) -> NDArray[np.uint32]:
    """Return the position in `rows`, which ascend, of each tag in `mine`.

    Raises: InvalidElement if one is not there, or a tag is twice in one of them.
    """
    found = join(rows, mine)
    if len(found) != len(mine):
        raise InvalidElement("the index has no row for an item of ours")
    numbers = np.empty(len(mine), dtype=np.uint32)
    numbers[ascending(mine)] = found
    return numbers
