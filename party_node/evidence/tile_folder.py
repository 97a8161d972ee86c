"""A folder of tiles as an auditor has it, read path by path and within bounds.

    README.txt   checkpoint   policy.txt   receipt-key.jwk   tile/…

Only paths that a tile can have are looked at, so nothing outside the folder is read.
"""

import os
from pathlib import Path

from consent.entry_bundle import MAX_ENTRY_BYTES
from consent.note import MAX_NOTE_BYTES
from consent.policy import MAX_POLICY_BYTES
from consent.tiles import TILE_BYTES, TILE_WIDTH, EntryBundle, ReadPath, parse_path
from party_node.evidence.files import README, RECEIPT_KEY

__all__ = [
    "CHECKPOINT",
    "ENTRIES",
    "POLICY",
    "README",
    "RECEIPT_KEY",
    "TILES",
    "is_tile_folder",
    "paths_in",
    "read_bounded",
    "read_from",
    "read_named",
]

CHECKPOINT, POLICY, TILES = "checkpoint", "policy.txt", "tile"
ENTRIES = "tile/entries"
_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
_LONGEST = {CHECKPOINT: MAX_NOTE_BYTES, POLICY: MAX_POLICY_BYTES, RECEIPT_KEY: 1 << 12}


def is_tile_folder(folder: Path) -> bool:
    """Return whether this is a folder of tiles, whatever is missing in it."""
    return (folder / TILES).is_dir()


def paths_in(folder: Path) -> list[str]:
    """Return every file in a folder, by its path there; links to other folders are not followed."""
    return sorted(
        (Path(place) / name).relative_to(folder).as_posix()
        for place, folders, names in os.walk(folder)
        for name in (*names, *(f for f in folders if (Path(place) / f).is_symlink()))
    )


def read_from(folder: Path) -> ReadPath:
    """Return what reads tiles and entry bundles of a folder; None where there is none."""

    def read(path: str) -> bytes | None:
        longest = _BUNDLE_BYTES if isinstance(parse_path(path), EntryBundle) else TILE_BYTES
        return read_bounded(folder / path, longest)

    return read


def read_named(folder: Path, name: str) -> bytes | None:
    """Return one of the other files of a folder; None if it is not there."""
    return read_bounded(folder / name, _LONGEST[name])


def read_bounded(path: Path, longest: int) -> bytes | None:
    """Return the start of a file, one byte more than `longest` at most; None if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(longest + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
