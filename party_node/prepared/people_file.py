"""Who is behind which tag: rows of dense number, type and check of the identifier, and the tag.

A person has as many rows as identifiers. Kept in shards by dense number, so that a change of few
people rewrites few files.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from party_node.matchable import Matchable
from protocols.psi.join import Tags
from protocols.psi.tag_sets import Strings, strings

SHARD_BITS = 16
CHECK_BYTES = 16
"""Of a digest of an identifier: enough to see that it is another one."""

Rows = NDArray[np.void]
Dense = NDArray[np.uint32]
Flags = NDArray[np.bool]


def row_type(tag_bytes: int) -> np.dtype[np.void]:
    """Return the type of a row: dense number, type of identifier, check, tag."""
    fields = [
        ("dense", "<u4"),
        ("kind", "u1"),
        ("check", "u1", (CHECK_BYTES,)),
        ("tag", "u1", (tag_bytes,)),
    ]
    kind: np.dtype[np.void] = np.dtype(fields)
    return kind


def read_rows(data: bytes, tag_bytes: int) -> Rows:
    """Return the rows of a shard."""
    return np.frombuffer(data, dtype=row_type(tag_bytes))


def make_rows(held: Matchable, tags: Tags) -> Rows:
    """Return rows for these identifiers."""
    rows = np.zeros(len(tags), dtype=row_type(tags.shape[1]))
    rows["dense"], rows["kind"] = held.people, held.kind
    rows["check"], rows["tag"] = held.digests[:, :CHECK_BYTES], tags
    return rows


def merged(rows: Rows, leaving: Flags, added: Rows) -> Rows:
    """Return rows without some and with others, by rising dense number, then type."""
    both = np.concatenate([rows[~leaving], added])
    return both[np.lexsort((both["kind"], both["dense"]))]


def keys_of_rows(rows: Rows) -> Strings:
    """Return what tells rows of one set apart: person and check."""
    return _keys(rows["dense"], rows["check"])


def keys_of(held: Matchable) -> Strings:
    """Return the same of identifiers that were read."""
    return _keys(held.people, held.digests[:, :CHECK_BYTES])


def part_of(held: Matchable, chosen: Flags) -> Matchable:
    """Return some of the identifiers."""
    return Matchable(
        held.kinds, held.people[chosen], held.kind[chosen], held.digests[chosen], held.shared
    )


def counts(rows: Rows, types: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return for each type how many people have rows of it, and how many rows these are.

    Rows of another kind are not counted.
    """
    values = np.bincount(rows["kind"], minlength=types)[:types]
    first = np.ones(len(rows), dtype=np.bool)
    first[1:] = (rows["dense"][1:] != rows["dense"][:-1]) | (rows["kind"][1:] != rows["kind"][:-1])
    people = np.bincount(rows["kind"][first], minlength=types)[:types]
    return tuple(people.tolist()), tuple(values.tolist())


def among(dense: Dense, people: BitMap) -> Flags:
    """Tell for each dense number whether it is one of these people."""
    found: Flags = np.isin(dense, np.asarray(people.to_array(), dtype=np.uint32))
    return found


def shards_of(people: Iterable[int]) -> list[int]:
    """Return the numbers of the shards that these people are in, rising."""
    return sorted({dense >> SHARD_BITS for dense in people})


def by_shard(dense: Dense) -> Callable[[int], Flags]:
    """Return what tells which of these people are in a shard."""
    numbers = dense >> np.uint32(SHARD_BITS)
    return lambda number: numbers == number


def _keys(dense: Dense, checks: NDArray[np.uint8]) -> Strings:
    numbers = np.ascontiguousarray(dense.astype("<u4")).view(np.uint8).reshape(-1, 4)
    return strings(np.concatenate([numbers, checks], axis=1))
