"""The final match: which tags of one set are in another.

Exact on every byte of a tag, and vectorised: tags are read as two 64-bit words. A table of bits,
one for each beginning of a word, passes over nearly all tags that the other set does not have; what
is left of both is sorted together by the first word, and where first words meet, whole tags are
compared. Memory is about 40 bytes for each tag of both sets, and at most 16 MiB for the table.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidElement, InvalidParameter

Tags = NDArray[np.uint8]
"""Shape (n, t), t from 8 to 16: one tag in each row."""

Words = NDArray[np.uint64]
Positions = NDArray[np.intp]

_TABLE_BITS = 24


def tags_from_bytes(data: bytes, tag_bytes: int) -> Tags:
    """Return the tags that `data` holds one after the other."""
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, tag_bytes)


def join(mine: Tags, theirs: Tags) -> NDArray[np.uint32]:
    """Return the positions in `mine` of the tags that are in `theirs`, ascending.

    Raises: as `join_pairs`.
    """
    return np.sort(join_pairs(mine, theirs)[0])


def join_pairs(mine: Tags, theirs: Tags) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the positions of equal tags in `mine` and in `theirs`, pair by pair in any order.

    Raises: InvalidElement if a tag is twice in one of them: sets have no duplicates, so somebody
    sent one; InvalidParameter for tags of different or other lengths.
    """
    if mine.shape[1] != theirs.shape[1] or not 8 <= mine.shape[1] <= 16:
        raise InvalidParameter("tags have 8 to 16 bytes, the same in both sets")
    (ours, our_rest), (others, other_rest) = _words(mine), _words(theirs)
    first, rest = np.concatenate([ours, others]), np.concatenate([our_rest, other_rest])
    if _has_repeats(ours) or _has_repeats(others):
        order = np.lexsort((rest, first))  # stable: a tag of mine comes before the same of theirs
    else:
        met = [_met_by(others, ours), _met_by(ours, others) + len(mine)]
        candidates = np.concatenate(met)
        order = candidates[np.argsort(first[candidates], kind="stable")]
    left, right = order[:-1], order[1:]
    same = (first[left] == first[right]) & (rest[left] == rest[right])
    left, right = left[same], right[same]
    crosses = (left < len(mine)) & (right >= len(mine))
    if not bool(crosses.all()):
        raise InvalidElement("a set has an element twice")
    return left.astype(np.uint32), (right - len(mine)).astype(np.uint32)


def check_distinct(tags: Tags) -> None:
    """Return if no tag is there twice.

    Raises: InvalidElement.
    """
    join(tags, tags[:0])


def _words(tags: Tags) -> tuple[Words, Words]:
    """Return the first eight bytes of each tag, and the rest filled up with zeros, as words."""
    padded = np.zeros((len(tags), 16), dtype=np.uint8)
    padded[:, : tags.shape[1]] = tags
    words = padded.view("<u8")
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])


def _has_repeats(words: Words) -> bool:
    ordered = np.sort(words)
    return bool((ordered[1:] == ordered[:-1]).any())


def _met_by(others: Words, words: Words) -> Positions:
    """Return the positions in `words` whose word begins as one of `others` does, and some more."""
    bits = min(_TABLE_BITS, 8 + len(others).bit_length())
    shift = np.uint64(64 - bits)
    table = np.zeros(2**bits, dtype=np.bool)
    table[(others >> shift).astype(np.intp)] = True
    return np.flatnonzero(table[(words >> shift).astype(np.intp)])
