"""The rows of a consent file, one after the other: CSV, JSON Lines or Parquet.

A row is its line number and the cells of the columns that are wanted, in their order; or the line
and why the row could not be read. Whatever a file holds, this ends, and memory stays bounded by the
longest row.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

from party_node.capture.columns import BY_NAME
from party_node.capture.csv_records import Records
from party_node.capture.errors import ImportUnreadable
from party_node.capture.json_rows import cells_of, whole_lines
from party_node.capture.mapping import CSV, ENCODINGS, JSON_LINES, PARQUET, FileMapping, steps
from party_node.capture.refusals import Refusal
from party_node.capture.said import Cell
from party_node.capture.unpack import OpenedFile
from party_node.errors import DatasetUnreadable, MissingColumn

if TYPE_CHECKING:
    from party_node.row_file import RowFile

Row: TypeAlias = "tuple[int, tuple[Cell, ...] | Refusal]"

_ENDINGS = {".csv": CSV, ".tsv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES,
            ".parquet": PARQUET, ".pq": PARQUET}  # fmt: skip
_HINT = "give a mapping if the file calls its columns otherwise"
_MANY = 5_000
_PLAIN_TYPES = frozenset(
    {"VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
     "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "DECIMAL", "DATE", "UUID", "ENUM", '"NULL"',
     "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
     "TIMESTAMPTZ_NS"}
)  # fmt: skip
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
"""Read as an instant or a word, but never as an id or a number: 447400123456.0 is neither."""


class RowSource:
    """The rows of one opened file.

    Raises: ImportUnreadable, MissingColumn.
    """

    def __init__(self, file: OpenedFile, mapping: FileMapping) -> None:
        self._file, self._mapping = file, mapping
        self.kind = mapping.form.kind or _kind_of(file)
        if self.kind == PARQUET and file.packed:
            raise ImportUnreadable("a Parquet file is compressed inside, not by gzip")
        stated = "delimiter" if mapping.form.delimiter and self.kind != CSV else ""
        if mapping.form.encoding != ENCODINGS[0] and self.kind == PARQUET:
            stated = "encoding"
        if stated:
            raise ImportUnreadable(
                f"the mapping states the {stated}, and {self.kind} files have none",
                hint="leave it out of the mapping, or say the `format` of the file",
            )
        found = dict.fromkeys(column for _, column in mapping.wanted())
        self.columns = tuple(dict.fromkeys([*found, *mapping.event_id]))
        """The file's names of the columns, in the order of a row's cells; without those that the
        file lacks, once its header is read.
        """

    def check(self) -> None:
        """Read what can be damaged as a whole, before anything of the file is taken in.

        Raises: ImportUnreadable, MissingColumn.
        """
        if self.kind == PARQUET:
            file = self._parquet()
            with _in_our_words():
                file.check(self.columns)
        else:
            self._file.check_packing()

    def rows(self) -> Iterator[Row]:
        """Return the rows in the order of the file.

        Raises: ImportUnreadable, MissingColumn.
        """
        match self.kind:
            case "csv":
                return self._csv()
            case "json-lines":
                return self._json_lines()
            case _:
                return self._parquet_rows()

    # -- CSV ---------------------------------------------------------------------------------------

    def _csv(self) -> Iterator[Row]:
        records = Records(self._file.lines(), self._delimiter())
        header = records.header()
        pick = self._pick(header)
        width = len(header)
        for line, cells in records:
            if isinstance(cells, Refusal):
                yield line, cells
            elif len(cells) == width:
                yield line, pick(cells)
            elif cells:  # an empty line is no row
                yield line, Refusal.MALFORMED_ROW

    def _delimiter(self) -> str:
        ending = self._file.path.name.lower().removesuffix(".gz")
        return self._mapping.form.delimiter or ("\t" if ending.endswith(".tsv") else ",")

    def _pick(self, header: Sequence[str]) -> Callable[[Sequence[str]], tuple[Cell, ...]]:
        """Return what takes the wanted cells out of a row."""
        self._require(header)
        places = [header.index(c) for c in self.columns]
        if len(places) == 1:  # a bare list of addresses, all else said by the mapping
            return lambda cells: (cells[places[0]],)
        return operator.itemgetter(*places)

    def _require(self, header: Sequence[str]) -> None:
        """Return if a file with these columns can be read; keep to the columns that it has.

        No message repeats a column's name that only the file has: without a header line it would
        be a person's.
        """
        mapping, missing = self._mapping, []
        for ours, theirs in mapping.wanted():
            if theirs not in header and ours not in mapping.optional:
                missing.append(theirs)
        missing += [c for c in mapping.event_id if c not in header]
        if not any(mapping.columns.get(n) in header for n in ("email", "phone")):
            names = [mapping.columns[n] for n in ("email", "phone") if n in mapping.columns]
            missing.append(" or ".join(names))
        if missing:
            raise MissingColumn(
                f"{self._file.path.name} has no column {', '.join(dict.fromkeys(missing))}",
                hint=_HINT,
            )
        for column in self.columns:
            if header.count(column) > 1:
                raise MissingColumn(
                    f"{self._file.path.name} has two columns {column}",
                    hint="give each column a name of its own",
                )
        self.columns = tuple(c for c in self.columns if c in header)

    # -- JSON Lines --------------------------------------------------------------------------------

    def _json_lines(self) -> Iterator[Row]:
        paths = [self._path(column) for column in self.columns]
        arrays = self._array_columns()
        allowed = [column in arrays for column in self.columns]
        for line, text in whole_lines(self._file.lines()):
            if isinstance(text, Refusal):
                yield line, text
            elif text.strip():
                yield line, cells_of(text, paths, allowed)

    def _path(self, column: str) -> tuple[str, ...]:
        try:
            return steps(column)
        except ValueError as e:
            raise MissingColumn(
                f"{column!r} is no path: {e}", hint="write \\. for a dot inside of a key"
            ) from None

    def _array_columns(self) -> frozenset[str]:
        """Columns that may hold an array: those of `listed` and of nothing else."""
        wanted = list(self._mapping.wanted())
        others = {theirs for ours, theirs in wanted if ours != "listed"}
        lists = {theirs for ours, theirs in wanted if ours == "listed"}
        return frozenset(lists - others - set(self._mapping.event_id))

    # -- Parquet -----------------------------------------------------------------------------------

    def _parquet(self) -> "RowFile":
        # Loaded only for who needs it: an engine of 40 MiB.
        from party_node.row_file import RowFile

        with _in_our_words():
            file = RowFile(self._file.path, PARQUET)
            types = file.types()
        self._require(list(types))
        for ours, theirs in self._mapping.wanted():
            _check_type(ours, theirs, types.get(theirs, "VARCHAR"))
        for theirs in self._mapping.event_id:
            _check_type("source_event_id", theirs, types[theirs])
        return file

    def _parquet_rows(self) -> Iterator[Row]:
        file, line = self._parquet(), 0
        with _in_our_words():
            for batch in file.batches(self.columns, _MANY):
                for row in zip(*map(_cells, batch.columns), strict=True):
                    line += 1
                    yield line, row


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except DatasetUnreadable as e:
        raise ImportUnreadable(
            e.detail,
            hint="make a new copy of the file; docs/operate/data.md says which files are read",
        ) from None


def _check_type(ours: str, theirs: str, kind: str) -> None:
    """Return if a Parquet column of this type can be read as text without guessing."""
    plain = kind.partition("(")[0]
    if kind == "VARCHAR[]" and ours == "listed":
        return
    if plain not in _PLAIN_TYPES and not (plain in _FLOATS and not BY_NAME[ours].per_person):
        raise ImportUnreadable(
            f"the column {theirs} has the type {kind[:40]}, which is not read as {ours}",
            hint="write the file with text, whole numbers, booleans, dates or timestamps",
        )


def _cells(column: Any) -> list[Cell]:
    return [
        "" if value is None else _array(value) if type(value) is list else value
        for value in column.to_pylist()
    ]


def _array(values: list[Any]) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in values)


def _kind_of(file: OpenedFile) -> str:
    name = file.path.name.lower()
    suffix = PurePath(name.removesuffix(".gz") if file.packed else name).suffix
    try:
        return _ENDINGS[suffix]
    except KeyError:
        raise ImportUnreadable(
            f"files ending in {suffix or 'nothing'} are not read",
            hint="rename it, or say what it is by `format` in the mapping's section `file`",
        ) from None
