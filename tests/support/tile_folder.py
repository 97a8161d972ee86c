"""A published ledger as a node gives it out, path by path, and folders that it was written to."""

import functools
import json
from pathlib import Path

from consent.entry_bundle import encode_entries
from consent.jws import public_of, to_jwk
from consent.leaf_stream import tiles_of_leaves
from consent.tiles import TILE_WIDTH, entry_bundles_of
from party_node.evidence.tile_export import Exported, TileExport
from tests.support.consents import NOON, SmallLedger, event

LARGEST = 700
NAMED = ("README.txt", "checkpoint", "policy.txt", "receipt-key.jwk")
KEY = json.dumps(to_jwk(public_of(b"\x08" * 32))).encode()


@functools.cache
def log() -> SmallLedger:
    """Return a ledger of real entries; not to be changed."""
    ledger = SmallLedger()
    for number in range(LARGEST):
        ledger.append(event(source_event_id=f"e{number}"), NOON + number)
    return ledger


@functools.cache
def published(size: int) -> dict[str, bytes]:
    """Return all that the first `size` entries come to, by path."""
    leaves = [sealed.leaf for sealed in log().sealed[:size]]
    found = {tile.path: data for tile, data in tiles_of_leaves(iter(leaves))}
    for bundle in entry_bundles_of(size):
        first = bundle.number * TILE_WIDTH
        found[bundle.path] = encode_entries(leaves[first : first + bundle.width])
    return found | {"checkpoint": log().checkpoint(size).encode()}


class Node:
    """Gives out the ledger at one size, and remembers what was asked for."""

    def __init__(self, size: int) -> None:
        self.files = dict(published(size))
        self.asked: list[str] = []
        self.fails_after = 1_000_000

    def fetch(self, path: str) -> bytes:
        if len(self.asked) == self.fails_after:
            raise ConnectionError("the node stopped")
        self.asked.append(path)
        return self.files[path]

    def export(self, folder: Path, *, with_entries: bool = False) -> Exported:
        """Write it into a folder, as `accord ledger tiles` does."""
        self.asked.clear()
        export = TileExport(self.fetch, folder, with_entries=with_entries)
        return export.run(policy(), KEY, lambda done, total: None)


def policy() -> bytes:
    return log().policy_text().encode()


def tile_paths(size: int, *, with_entries: bool = False) -> set[str]:
    """Return the paths of tiles that a folder must have, and of entries if wanted."""
    wanted = {p for p in published(size) if p.startswith("tile/")}
    return {p for p in wanted if with_entries or not p.startswith("tile/entries/")}


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def flip(path: Path, at: int = 0) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
