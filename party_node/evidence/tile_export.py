"""Writing the published ledger into a folder for an auditor: tiles, checkpoint, policy, README.

One tile is in memory at a time, and each file is there whole or not at all, so an export that was
interrupted goes on where it stopped, and one that was made before is brought up to date. The
checkpoint is written last, once every tile was compared with it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from consent.checkpoint import Checkpoint, checkpoint_of
from consent.errors import MalformedRecord
from consent.merkle import HASH_BYTES
from consent.tile_audit import verified_leaves, verify_tiles
from consent.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    EntryBundle,
    Tile,
    WrongTile,
    entry_bundles_of,
    parse_path,
    tiles_of,
)
from party_node.errors import FolderUnusable
from party_node.evidence.tile_folder import (
    CHECKPOINT,
    ENTRIES,
    POLICY,
    README,
    RECEIPT_KEY,
    TILES,
    read_from,
    read_named,
)
from party_node.evidence.tile_readme import readme

Fetch = Callable[[str], bytes]
"""Returns what the ledger publishes at a path."""
Show = Callable[[int, int], None]
"""Is told how many files are there, and how many there will be."""
_OWN = (TILES, POLICY, RECEIPT_KEY, README, CHECKPOINT)
_FRESH = ".new"
"""How the name of a file ends that is being written; it begins with a dot."""
_REPAIRS = 64
"""Files that were wrong and are fetched again before it gives up."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the folder now."""

    origin: str
    size: int
    files: int
    """Tiles and entry bundles."""
    fetched: int
    """Of these, how many were not there before."""


class TileExport:
    """Brings one folder up to date with a published ledger."""

    def __init__(self, fetch: Fetch, folder: Path, *, with_entries: bool) -> None:
        self._fetch, self._folder, self._with_entries = fetch, folder, with_entries
        self._fetched = 0

    def run(self, policy: bytes, receipt_key: bytes, show: Show) -> Exported:
        """Write everything.

        Raises: FolderUnusable if the folder holds something else; WrongTile if the ledger does not
        give out what fits its checkpoint; OSError.
        """
        note = self._fetch(CHECKPOINT)
        said = checkpoint_of(note)
        self._require_fit(said)
        total = _files(said.size, with_entries=self._with_entries)
        for done, one in enumerate(self._published(said.size), 1):
            if not self._is_there(one):
                self._write(one.path, self._fetch(one.path))
                self._fetched += 1
            show(done, total)
        self._verify(said)
        self._drop_superseded(said.size)
        text = readme(said.origin, said.size, with_entries=self._with_entries)
        for name, data in (
            (POLICY, policy), (RECEIPT_KEY, receipt_key), (README, text.encode()),
            (CHECKPOINT, note),
        ):  # fmt: skip
            self._write(name, data)
        return Exported(said.origin, said.size, total, self._fetched)

    def _published(self, size: int) -> Iterator[Tile | EntryBundle]:
        yield from tiles_of(size)
        if self._with_entries:
            yield from entry_bundles_of(size)

    def _require_fit(self, said: Checkpoint) -> None:
        """Return if the folder is empty, or is an earlier export of this ledger."""
        before = read_named(self._folder, CHECKPOINT)
        if before is not None:
            try:
                known = checkpoint_of(before)
            except MalformedRecord as e:
                raise FolderUnusable("its file `checkpoint` is none") from e
            if known.origin != said.origin or known.size > said.size:
                raise FolderUnusable("it holds another ledger, or more of this one")
        elif self._folder.exists() and not self._was_begun():
            raise FolderUnusable("it holds something else")
        if (self._folder / ENTRIES).exists() and not self._with_entries:
            raise FolderUnusable(
                "it holds entries, and who gets the folder may not be meant to have them",
                hint="name another folder, or repeat it with --with-entries",
            )

    def _was_begun(self) -> bool:
        """Return whether the folder is empty, or has an export that did not come to its end."""
        names = {path.name for path in self._folder.iterdir()}
        ours = {name for own in _OWN for name in (own, f".{own}{_FRESH}")}
        return not names or (TILES in names and names <= ours)

    def _is_there(self, one: Tile | EntryBundle) -> bool:
        try:
            size = (self._folder / one.path).stat().st_size
        except FileNotFoundError:
            return False
        return size > 0 if isinstance(one, EntryBundle) else size == one.width * HASH_BYTES

    def _verify(self, said: Checkpoint) -> None:
        """Compare everything with the checkpoint; what lay there already may be damaged."""
        for _ in range(_REPAIRS):
            try:
                self._compare(said)
            except WrongTile as e:
                path = e.tile.path
                self._write(path, self._fetch(path))
                self._fetched += 1
            else:
                return
        self._compare(said)

    def _compare(self, said: Checkpoint) -> None:
        read = read_from(self._folder)
        verify_tiles(read, said.size, said.root)
        if self._with_entries:
            for _ in verified_leaves(read, said.size):
                pass

    def _drop_superseded(self, size: int) -> None:
        """Remove the partial tiles of smaller trees, and what was only half written.

        The full tiles are there now.
        """
        current = {one.path for one in self._published(size) if one.width < TILE_WIDTH}
        for file in sorted((self._folder / TILES).rglob(f".*{_FRESH}")):
            if _is_path(self._path_of(file.with_name(file.name[1 : -len(_FRESH)]))):
                file.unlink()
        for file in sorted((self._folder / TILES).rglob("*.p/*")):
            path = self._path_of(file)
            if path not in current and _is_path(path):
                file.unlink()
                if not any(file.parent.iterdir()):
                    file.parent.rmdir()

    def _path_of(self, file: Path) -> str:
        return file.relative_to(self._folder).as_posix()

    def _write(self, path: str, data: bytes) -> None:
        """Write one file, whole or not at all; entries are for their owner only."""
        target = self._folder / path
        self._make(target.parent)
        fresh = target.with_name(f".{target.name}{_FRESH}")
        mode = 0o600 if self._with_entries else 0o666
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        fresh.replace(target)

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, all of them with the same rights."""
        missing = [folder, *folder.parents]
        for one in reversed([path for path in missing if not path.exists()]):
            one.mkdir(mode=0o700 if self._with_entries else 0o777, exist_ok=True)


def _files(size: int, *, with_entries: bool) -> int:
    """Return how many tiles a tree of that size has, and entry bundles where wanted."""
    tiles, hashes = 0, size
    while hashes:
        tiles += -(-hashes // TILE_WIDTH)
        hashes >>= TILE_HEIGHT
    return tiles + (-(-size // TILE_WIDTH) if with_entries else 0)


def _is_path(path: str) -> bool:
    try:
        parse_path(path)
    except MalformedRecord:
        return False
    return True
