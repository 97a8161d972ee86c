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

import duckdb
import pyarrow as pa

from party_node.errors import DatasetUnreadable, MissingColumn

ROW = "__row"
"""Name of the row number in what `read` returns: from 0, in the order of the file."""

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
    """A CSV file (UTF-8, with a header line) or a Parquet file.

    Raises: DatasetUnreadable if there is no such file or its kind is unknown.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        if _GLOB.search(str(self.path)):
            raise DatasetUnreadable("the path holds one of * ? [ ] { }", hint="rename the file")
        if not self.path.is_file():
            raise DatasetUnreadable(f"there is no file {self.path}", hint="check the path")
        self._source = _source(self.path)

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
        with self._engine() as engine:
            # The source is the file's own path, quoted by `_quoted`.
            described = engine.execute(f"DESCRIBE SELECT * FROM {self._source}").fetchall()  # noqa: S608
        return [str(row[0]) for row in described]

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

    def require(self, columns: Sequence[str]) -> None:
        """Return if the file has all these columns.

        Raises: MissingColumn, DatasetUnreadable.
        """
        found = self.columns()
        for column in columns:
            if column not in found:
                raise MissingColumn(
                    f"{self.path.name} has no column {column!r}",
                    hint=f"its columns are: {', '.join(found[:20])}",
                )

    @contextmanager
    def _engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with duckdb.connect(":memory:", config=_LOCKED) as engine:
                engine.execute(f"SET allowed_paths = [{_quoted(str(self.path))}]")
                engine.execute("SET enable_external_access = false")
                engine.execute("SET lock_configuration = true")
                yield engine
        except duckdb.Error as e:
            line = re.search(r"Line: (\d+)", str(e))
            where = f" (line {line.group(1)})" if line else ""
            raise DatasetUnreadable(f"{self.path.name} cannot be read{where}") from None


def _source(path: Path) -> str:
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return _csv_source(path)
        case ".parquet" | ".pq":
            return f"read_parquet({_quoted(str(path))})"
        case other:
            raise DatasetUnreadable(f"files ending in {other or 'nothing'} are not read")


def _csv_source(path: Path) -> str:
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
    return (
        f"read_csv({_quoted(str(path))}, auto_detect = false, delim = {_quoted(delimiter)}, "
        f"quote = '\"', escape = '\"', header = true, strict_mode = true, null_padding = false, "
        f"columns = {{{columns}}})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
