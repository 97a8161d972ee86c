"""What is in a tile: its hashes, and the nodes above them up to the root of a full one."""

import struct
from typing import Final

from consent.errors import LedgerInconsistent
from consent.merkle import HASH_BYTES, hash_pairs
from consent.tiles import TILE_HEIGHT, TILE_WIDTH

_FULL = struct.Struct(f"{HASH_BYTES}s" * TILE_WIDTH)
EXPANDED_BYTES: Final = (2 * TILE_WIDTH - 1) * HASH_BYTES
"""Of a full tile with its nodes: 16,352."""


def hashes_in(data: bytes) -> list[bytes]:
    """Return the hashes of a tile, full or partial.

    Raises: LedgerInconsistent if its length is not that of a tile.
    """
    if len(data) == _FULL.size:
        return list(_FULL.unpack(data))
    if not 0 < len(data) < _FULL.size or len(data) % HASH_BYTES:
        raise LedgerInconsistent("a tile has from 1 to 256 hashes of 32 bytes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def expanded(data: bytes) -> bytes:
    """Return a full tile and the nodes above its hashes, height by height; the root is last.

    Raises: LedgerInconsistent if it is not full.
    """
    heights = [_full(data)]
    for _ in range(TILE_HEIGHT):
        heights.append(hash_pairs(heights[-1]))
    return b"".join([node for nodes in heights for node in nodes])


def node_in(nodes: bytes, height: int, place: int) -> bytes:
    """Return the node at `place` of `height` (0 for a hash of the tile) in an expanded tile."""
    at = (2 * TILE_WIDTH - (2 * TILE_WIDTH >> height) + place) * HASH_BYTES
    return nodes[at : at + HASH_BYTES]


def tile_root(data: bytes) -> bytes:
    """Return the root of a full tile: its hash in the tile above.

    Raises: LedgerInconsistent if it is not full.
    """
    nodes = _full(data)
    while len(nodes) > 1:
        nodes = hash_pairs(nodes)
    return nodes[0]


def _full(data: bytes) -> list[bytes]:
    if len(data) != _FULL.size:
        raise LedgerInconsistent("a full tile has 256 hashes of 32 bytes")
    return hashes_in(data)
