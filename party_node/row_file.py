"""Reading of a party's own file, CSV or Parquet, by DuckDB with everything else locked.

The engine may open this one file and nothing more: no other path, no network, no extension, and
its configuration cannot be changed afterwards. Its error messages quote rows, so they are never
passed on; only a line number is.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from party_node.errors import DatasetUnreadable, MissingColumn

ROW = "__row"
"""Name of the row number in what `read` returns: from 0, in the order of the file."""

STREAM_MEMORY = "1GiB"
"""What the engine may use to read a file that is not loaded whole; more is refused."""

_MAX_HEADER = 1_000_000
_GLOB = re.compile(r"[*?\[\]{}]")
_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "preserve_insertion_order": True,
    "threads": 2,
}


class RowFile:
    """A CSV file (UTF-8, with a header line) or a Parquet file; `kind` says which, or the name's
    ending does. With `may_show` an error may repeat the names of its columns.

    Raises: DatasetUnreadable if there is no such file or its kind is unknown.
    """

    BESIDE = "__file_and_beside"
    """What stands for the file in a query of `ask`."""

    def __init__(self, path: Path, kind: str = "", *, may_show: bool = False) -> None:
        self.path, self._may_show = Path(path).absolute(), may_show
        if _GLOB.search(str(self.path)):
            raise DatasetUnreadable("the path holds one of * ? [ ] { }", hint="rename the file")
        if not self.path.is_file():
            raise DatasetUnreadable(f"there is no file {self.path}", hint="check the path")
        self._source, self._types = _source(self.path, kind)

    def sha256(self) -> str:
        """Return the hexadecimal digest of the file's bytes."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise DatasetUnreadable(f"{self.path.name}: {e.strerror}") from None

    def columns(self) -> list[str]:
        """Return the names of the columns.

        Raises: DatasetUnreadable.
        """
        return list(self.types())

    def types(self) -> dict[str, str]:
        """Return the names of the columns with the engine's names of their types.

        Raises: DatasetUnreadable.
        """
        # Asked once, if at all: an engine takes longer to start than to read a small file.
        if not self._types:
            with self._engine() as engine:
                # The source is the file's own path, quoted by `_quoted`.
                described = engine.execute(f"DESCRIBE SELECT * FROM {self._source}").fetchall()  # noqa: S608
            self._types = {str(row[0]): str(row[1]) for row in described}
        return dict(self._types)

    def read(self, columns: Sequence[str], *, as_text: bool) -> pa.Table:
        """Return these columns and the row number `ROW`, in the order of the file.

        Raises: MissingColumn, DatasetUnreadable.
        """
        self.require(columns)
        cast = "::VARCHAR" if as_text else ""
        wanted = "".join(f", {_name(c)}{cast} AS {_name(c)}" for c in dict.fromkeys(columns))
        query = f"SELECT row_number() OVER () - 1 AS {ROW}{wanted} FROM {self._source}"  # noqa: S608
        with self._engine() as engine:
            return engine.sql(query).to_arrow_table()

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Return these columns as text, so many rows at a time, in the order of the file.

        Arrays stay arrays. Only a few row groups are in memory at once. Raises: DatasetUnreadable.
        """
        types = self.types()
        wanted = ", ".join(_name(c) + ("" if types[c].endswith("[]") else "::VARCHAR")
                           for c in columns)  # fmt: skip
        with self._engine(STREAM_MEMORY) as engine:
            query = f"SELECT {wanted} FROM {self._source}"  # noqa: S608
            found: Any = engine.sql(query)
            yield from found.to_arrow_reader(rows)

    def check(self, columns: Sequence[str]) -> None:
        """Decode every value of these columns and keep none.

        Raises: DatasetUnreadable if the file is damaged.
        """
        read = ", ".join(f"bit_xor(hash({_name(c)}))" for c in columns)
        with self._engine(STREAM_MEMORY) as engine:
            engine.execute(f"SELECT {read} FROM {self._source}").fetchall()  # noqa: S608

    def ask(self, query: str, parameters: Sequence[object], beside: pa.Table) -> pa.Table:
        """Run one query; in it `BESIDE` stands for the file, with `beside` laid next to it row by
        row. The query's own text holds nothing that a caller typed.

        Raises: DatasetUnreadable.
        """
        with self._engine() as engine:
            engine.register("__beside", beside)
            source = f"(SELECT * FROM {self._source} POSITIONAL JOIN __beside)"  # noqa: S608
            asked = query.replace(self.BESIDE, source)
            return engine.sql(asked, params=list(parameters)).to_arrow_table()

    def require(self, columns: Sequence[str]) -> None:
        """Return if the file has all these columns.

        Raises: MissingColumn, DatasetUnreadable.
        """
        found = self.columns()
        for column in columns:
            if column not in found:
                raise MissingColumn(
                    f"{self.path.name} has no column {column!r}", hint=self._columns_in_words(found)
                )

    def _columns_in_words(self, found: Sequence[str]) -> str:
        """What to say of the header line: nothing that is in it, unless it may be shown."""
        if self._may_show:
            return f"its columns are: {', '.join(found[:20])}"
        return (
            f"it has {len(found)} columns; they are named here for files under `data_folders` "
            "(docs/reference/settings.md)"
        )

    @contextmanager
    def _engine(self, memory_limit: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        limit = {"memory_limit": memory_limit} if memory_limit else {}
        try:
            with duckdb.connect(":memory:", config=_LOCKED | limit) as engine:
                engine.execute(f"SET allowed_paths = [{_quoted(str(self.path))}]")
                engine.execute("SET enable_external_access = false")
                engine.execute("SET lock_configuration = true")
                yield engine
        except duckdb.Error as e:
            line = re.search(r"Line: (\d+)", str(e))
            where = f" (line {line.group(1)})" if line else ""
            raise DatasetUnreadable(f"{self.path.name} cannot be read{where}") from None


def _source(path: Path, kind: str) -> tuple[str, dict[str, str]]:
    """Return what stands for the file in a query, and its columns with their types as far as they
    are known without an engine.
    """
    match f".{kind}" if kind else path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return _csv_source(path)
        case ".parquet" | ".pq":
            return f"read_parquet({_quoted(str(path))})", {}
        case other:
            raise DatasetUnreadable(f"files ending in {other or 'nothing'} are not read")


def _csv_source(path: Path) -> tuple[str, dict[str, str]]:
    """Say everything about the file: the engine's own guessing may skip rows without a word."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(_MAX_HEADER)
        # The one of comma, semicolon and tab that the header line has most of.
        delimiter = max(",;\t", key=line.count)
        names = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        raise DatasetUnreadable(f"the header line of {path.name} cannot be read") from None
    if not all(names) or len({name.lower() for name in names}) != len(names) or not names:
        raise DatasetUnreadable(f"two columns of {path.name} are called alike, or one has no name")
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in names)
    source = (
        f"read_csv({_quoted(str(path))}, auto_detect = false, delim = {_quoted(delimiter)}, "
        f"quote = '\"', escape = '\"', header = true, strict_mode = true, null_padding = false, "
        f"columns = {{{columns}}})"
    )
    return source, dict.fromkeys(names, "VARCHAR")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
