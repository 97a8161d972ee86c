"""The final match: which tags of one set are in another.

Exact on every byte of a tag, and vectorised: tags are read as two 64-bit words, both sets are
sorted together by the first word, and only where first words meet are whole tags compared. Memory
is about 40 bytes for each tag of both sets.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidElement, InvalidParameter

Tags = NDArray[np.uint8]
"""Shape (n, t), t from 8 to 16: one tag in each row."""


def tags_from_bytes(data: bytes, tag_bytes: int) -> Tags:
    """Return the tags that `data` holds one after the other."""
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, tag_bytes)


def join(mine: Tags, theirs: Tags) -> NDArray[np.uint32]:
    """Return the positions in `mine` of the tags that are in `theirs`, ascending.

    Raises: InvalidElement if a tag is twice in one of them: sets have no duplicates, so somebody
    sent one; InvalidParameter for tags of different or other lengths.
    """
    if mine.shape[1] != theirs.shape[1] or not 8 <= mine.shape[1] <= 16:
        raise InvalidParameter("tags have 8 to 16 bytes, the same in both sets")
    first, rest = (np.concatenate(pair) for pair in zip(_words(mine), _words(theirs), strict=True))
    candidates = _rows_with_company(first)
    # Whole tags decide among the candidates; position last, so that a tag of mine comes before the
    # same tag of theirs.
    order = candidates[np.lexsort((candidates, rest[candidates], first[candidates]))]
    left, right = order[:-1], order[1:]
    same = (first[left] == first[right]) & (rest[left] == rest[right])
    left, right = left[same], right[same]
    crosses = (left < len(mine)) & (right >= len(mine))
    if not bool(crosses.all()):
        raise InvalidElement("a set has an element twice")
    return np.sort(left).astype(np.uint32)


def check_distinct(tags: Tags) -> None:
    """Return if no tag is there twice.

    Raises: InvalidElement.
    """
    join(tags, tags[:0])


def _words(tags: Tags) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first eight bytes of each tag, and the rest filled up with zeros, as words."""
    padded = np.zeros((len(tags), 16), dtype=np.uint8)
    padded[:, : tags.shape[1]] = tags
    words = padded.view("<u8")
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])


def _rows_with_company(words: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the positions whose word occurs elsewhere too."""
    order = np.argsort(words)
    ordered = words[order]
    meets_next = ordered[1:] == ordered[:-1]
    meets = np.zeros(len(words), dtype=np.bool)
    meets[1:] |= meets_next
    meets[:-1] |= meets_next
    return order[meets]
