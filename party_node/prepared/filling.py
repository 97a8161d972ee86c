"""Filling a prepared set up to a step of the ladder, so that its size says little.

What is added is random tags. To whoever has not asked about an item its tag is a random string too,
so the two look alike. They stay from version to version: where people come, as many random ones
leave as there is no room for, chosen at random, and the other way round. So a difference shows how
many came or went, whichever was more, and not which of the two.

Their rows lie in shards behind all people, at numbers from `FIRST` on.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from pyroaring import BitMap

from party_node.matching_input import FILLER
from party_node.prepared import people_file, preparing
from party_node.prepared.manifests import SetManifest
from party_node.prepared.people_file import Flags, Rows
from party_node.prepared.sealed_folder import SealedFolder
from protocols.psi.join import tags_from_bytes
from protocols.session import Rng
from protocols.shuffle import SEED_BYTES, permutation

FIRST = 2**31
"""People have smaller numbers."""


def people_items(manifest: SetManifest) -> int:
    """Return how many items of a set are somebody's."""
    return manifest.checksum.count - len(BitMap.deserialize(manifest.filling))


def filled(folder: SealedFolder, before: SetManifest, size: int, rng: Rng) -> SetManifest | None:
    """Return the set filled up to `size` items; None if it has as many.

    Raises: DiskFull.
    """
    there = BitMap.deserialize(before.filling)
    more = size - before.checksum.count
    if more == 0:
        return None
    gone = _chosen(there, -more, rng)
    new = _free(there, more)
    after = replace(before, filling=((there - gone) | new).serialize())
    return preparing.with_rows(
        folder, after, _leaving(folder, before, gone), _rows(new, before.tag_bytes, rng)
    )


def _chosen(there: BitMap, count: int, rng: Rng) -> BitMap:
    """Return so many of these numbers: which ones, only chance knows."""
    if count <= 0:
        return BitMap()
    numbers = np.asarray(there.to_array(), dtype=np.uint32)
    return BitMap(numbers[permutation(rng(SEED_BYTES), len(numbers))[:count]])


def _free(there: BitMap, count: int) -> BitMap:
    """Return so many of the lowest numbers that are not taken."""
    if count <= 0:
        return BitMap()
    free = BitMap(range(len(there) + count)) - there
    return BitMap(free[:count])


def _leaving(folder: SealedFolder, before: SetManifest, gone: BitMap) -> dict[int, Flags]:
    files = {shard.number: shard.file for shard in before.shards}
    by_shard: defaultdict[int, list[int]] = defaultdict(list)
    for number in gone:
        by_shard[(FIRST + number) >> people_file.SHARD_BITS].append(FIRST + number)
    return {
        shard: people_file.among(
            preparing.rows_of(folder, files[shard], before.tag_bytes)["dense"], BitMap(numbers)
        )
        for shard, numbers in by_shard.items()
    }


def _rows(numbers: BitMap, tag_bytes: int, rng: Rng) -> Rows:
    rows = np.zeros(len(numbers), dtype=people_file.row_type(tag_bytes))
    rows["dense"] = np.asarray(numbers.to_array(), dtype=np.uint32) + np.uint32(FIRST)
    rows["kind"] = FILLER
    rows["tag"] = tags_from_bytes(rng(tag_bytes * len(numbers)), tag_bytes)
    return rows
