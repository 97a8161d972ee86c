"""Indexes of datasets as they lie in the home: a folder for each registration, with the index
(`dataset_index.py`) and the set of people in it.

What is changed is changed at once or not at all, and is on disk before anybody is told.
"""

import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap

from party_node import dataset_index, durable_file
from party_node.durable_file import named_if_full

Change = Callable[[pa.Table], pa.Table]
"""Takes an index and returns it changed."""
_INDEX, _ASKED = "index.parquet", "asked.bitmap"


@dataclass(frozen=True, slots=True)
class IndexFolders:
    """The indexes of one node."""

    folder: Path

    def index(self, index_id: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return an index, or these columns of it; what was registered before a column was kept has
        none.
        """
        # Not `read_table`: that loads a general engine, 30 MiB of it, to read one file.
        with pq.ParquetFile(self._index(index_id)) as file:
            if columns is not None:
                columns = [name for name in columns if name in file.schema_arrow.names]
            return file.read(columns=columns, use_threads=False)

    def asked(self, index_id: str) -> BitMap:
        """Return everybody who is in an index; it is not read."""
        return BitMap.deserialize((self.folder / index_id / _ASKED).read_bytes())

    def state_of(self, index_id: str) -> str:
        """Return words for an index as it lies: another after each change."""
        found = self._index(index_id).stat()
        return f"{index_id}/{found.st_ino}/{found.st_size}/{found.st_mtime_ns}"

    def keep(self, index: pa.Table, asked: BitMap) -> str:
        """Write a new index; return its name. Raises: DiskFull; then nothing is left of it."""
        index_id = secrets.token_hex(16)
        try:
            with named_if_full():
                (self.folder / index_id).mkdir(mode=0o700)
                self._write(index_id, index, asked)
                durable_file.sync(self.folder)
        except BaseException:
            self.drop(index_id)
            raise
        return index_id

    def rewrite(self, index_id: str, dense: int, change: Change) -> None:
        """Change a person's rows, if the index has any. Raises: DiskFull."""
        index = self.index(index_id)
        if dense in self.asked(index_id) or dataset_index.speaks_of(index, dense):
            changed = change(index)
            self._write(index_id, changed, dataset_index.people(changed))

    def drop(self, index_id: str) -> None:
        """Remove an index."""
        shutil.rmtree(self.folder / index_id, ignore_errors=True)

    def drop_all_but(self, known: Iterable[str]) -> None:
        """Remove every other index."""
        for folder in set(self.folder.iterdir()) - {self.folder / name for name in known}:
            shutil.rmtree(folder, ignore_errors=True)

    def _index(self, index_id: str) -> Path:
        return self.folder / index_id / _INDEX

    def _write(self, index_id: str, index: pa.Table, asked: BitMap) -> None:
        durable_file.replace(self._index(index_id), partial(_write_index, index))
        durable_file.replace(self.folder / index_id / _ASKED, partial(_write_asked, asked))


def _write_asked(asked: BitMap, path: Path) -> None:
    path.write_bytes(asked.serialize())


def _write_index(index: pa.Table, path: Path) -> None:
    pq.write_table(index, path, compression="zstd")
