"""What a tree in tiles costs: growing, proving, and verifying leaves and tiles. One JSON object.

    python -m benchmarks.tiles [--leaves 1000000]

Times are CPU seconds of one process. Tiles lie in one temporary file for each level, as a store
would have them; leaves have 430 bytes, about those of a consent event.
"""

import argparse
import hashlib
import itertools
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from consent.leaf_stream import verify_leaves
from consent.merkle import verify_inclusion
from consent.right_edge import RightEdge
from consent.tile_audit import verify_tiles
from consent.tiled_tree import TiledTree
from consent.tiles import TILE_BYTES, Tile, parse_path

BATCH = 10_000
PROOFS = 2_000
LEAF_BYTES = 430
DISTINCT = 4_096


class Files:
    """Full tiles by level, each level in one file."""

    def __init__(self, folder: Path) -> None:
        self._files = [(folder / str(level)).open("w+b") for level in range(4)]

    def keep(self, tile: Tile, data: bytes) -> None:
        self._files[tile.level].seek(tile.number * TILE_BYTES)
        self._files[tile.level].write(data)

    def read_tile(self, level: int, number: int) -> bytes:
        self._files[level].seek(number * TILE_BYTES)
        return self._files[level].read(TILE_BYTES)

    def close(self) -> None:
        for file in self._files:
            file.close()


def measure(leaves: int) -> dict[str, Any]:
    """Return what growing to `leaves` leaves costs, and what can then be done with them."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        files = Files(Path(folder))
        tree = TiledTree(files.read_tile)
        found = {"leaves": leaves, "grow_cpu_s": round(_grow(tree, files, leaves), 2)}
        found |= _prove(tree)
        found["peak_mib_growing_and_proving"] = _peak_mib()
        found["verify_tiles_cpu_s"] = round(_audit(tree, files), 2)
        files.close()
    found["verify_leaves_cpu_s"] = round(_verify(leaves), 2)
    return found | {"peak_mib": _peak_mib()}


def _grow(tree: TiledTree, files: Files, leaves: int) -> float:
    """Return the CPU seconds of `extend` alone, without making or storing anything."""
    seconds = 0.0
    for start in range(0, leaves, BATCH):
        end = min(leaves, start + BATCH)
        hashes = [hashlib.sha256(i.to_bytes(8, "big")).digest() for i in range(start, end)]
        began = time.process_time()
        tiles = tree.extend(hashes)
        seconds += time.process_time() - began
        for tile, data in tiles:
            files.keep(tile, data)
    return seconds


def _prove(tree: TiledTree) -> dict[str, float]:
    """Return times of inclusion proofs in microseconds: with their tiles in memory and without."""
    drawn, size, root = random.Random(1), tree.size, tree.root()
    near = range(max(0, size - 64 * 256), size)
    places = [drawn.choice(near) for _ in range(PROOFS)]
    for index in near[::256]:
        tree.inclusion_proof(index, size)
    warm = sorted(_microseconds(lambda i=i: tree.inclusion_proof(i, size)) for i in places)
    anywhere = [drawn.randrange(size) for _ in range(PROOFS)]
    cold = sorted(_microseconds(lambda i=i: tree.inclusion_proof(i, size)) for i in anywhere)
    both = sorted(_microseconds(lambda i=i: tree.consistency_proof(i, size)) for i in places)
    for index in places[:100]:
        verify_inclusion(tree.leaf(index), index, size, tree.inclusion_proof(index, size), root)
    return {
        "warm_inclusion_us_median": warm[PROOFS // 2],
        "warm_inclusion_us_p99": warm[PROOFS * 99 // 100],
        "warm_consistency_us_median": both[PROOFS // 2],
        "anywhere_inclusion_us_median": cold[PROOFS // 2],
        "anywhere_inclusion_us_p99": cold[PROOFS * 99 // 100],
    }


def _microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    work()
    return round((time.perf_counter_ns() - began) / 1000, 1)


def _audit(tree: TiledTree, files: Files) -> float:
    partial = {tile.path: data for tile, data in tree.partial()}

    def read(path: str) -> bytes | None:
        tile = parse_path(path)
        if path in partial or not isinstance(tile, Tile):
            return partial.get(path)
        return files.read_tile(tile.level, tile.number)

    size, root = tree.size, tree.root()
    began = time.process_time()
    verify_tiles(read, size, root)
    return time.process_time() - began


def _verify(leaves: int) -> float:
    def stream() -> Iterator[bytes]:
        return itertools.islice(itertools.cycle(distinct), leaves)

    distinct = [b"%016d" % i + bytes(LEAF_BYTES - 16) for i in range(DISTINCT)]
    edge, following = RightEdge(), stream()
    while batch := list(itertools.islice(following, BATCH)):
        edge.extend(hashlib.sha256(b"\x00" + leaf).digest() for leaf in batch)
    root = edge.root()
    began = time.process_time()
    verify_leaves(stream(), leaves, root)
    return time.process_time() - began


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="measure what a tree in tiles costs")
    parser.add_argument("--leaves", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().leaves), indent=2))
