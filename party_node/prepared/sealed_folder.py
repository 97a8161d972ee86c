"""The files of one kept set: sealed, never changed, each under a name of its own; and a manifest.

New files are written first; then the manifest that names them replaces the old one. So whatever
interrupts a change, the set is the one of before or the one after it. Files that no manifest names
any more are swept.
"""

import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path

from party_node import durable_file
from party_node.errors import KeptSetGone
from party_node.vault import Vault
from protocols.session import Rng

_MANIFEST = "manifest"


class SealedFolder:
    """One folder; its name is part of what every file in it is sealed under."""

    def __init__(self, folder: Path, vault: Vault, rng: Rng) -> None:
        self._folder, self._vault, self._rng = folder, vault, rng

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self._folder.name

    def add(self, data: bytes) -> str:
        """Write a file durably; return its name. Raises: DiskFull."""
        name = self._rng(16).hex()
        self._write(name, data)
        return name

    def read(self, name: str) -> bytes:
        """Return a file. Raises: KeptSetGone, SealBroken."""
        try:
            sealed = (self._folder / name).read_bytes()
        except FileNotFoundError as e:
            raise KeptSetGone from e
        return self._vault.open(self._context(name), sealed)

    def manifest(self) -> bytes | None:
        """Return the manifest, None if there is no set. Raises: SealBroken."""
        try:
            return self.read(_MANIFEST)
        except KeptSetGone:
            return None

    def publish(self, manifest: bytes) -> None:
        """Let this be the set from now on. Raises: DiskFull."""
        self._write(_MANIFEST, manifest)

    def sweep(self, named: AbstractSet[str]) -> None:
        """Remove every file but the manifest and these."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name != _MANIFEST and path.name not in named:
                    path.unlink(missing_ok=True)

    def erase(self) -> None:
        """Remove the set with its key; removing it twice is fine."""
        (self._folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, name: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = self._vault.seal(self._context(name), data)
        durable_file.replace_by(self._folder / name, sealed)

    def _context(self, name: str) -> str:
        return f"prepared/{self._folder.name}/{name}"
