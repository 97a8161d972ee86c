"""CSV records with the line that each begins on, however the file was cut or quoted.

A record that is too long is read to its end and dropped, by counting quotation marks: what a
person typed into a cell must never be read as rows of its own.
"""

import csv
from collections.abc import Iterator
from typing import Self

from party_node.capture.errors import ImportUnreadable
from party_node.capture.refusals import Refusal
from party_node.capture.unpack import MAX_ROW, ends

MAX_CELL = 131_072
"""Characters of one cell: the standard library's own limit."""


class Records:
    """The records of a file: (line, cells), or why a record could not be read."""

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._lines = _Lines(lines)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    def header(self) -> list[str]:
        """Return the first record. Raises: ImportUnreadable."""
        for _, cells in self:
            if isinstance(cells, Refusal):
                raise ImportUnreadable("the header line is not CSV")
            return cells
        return []

    def __iter__(self) -> Iterator[tuple[int, list[str] | Refusal]]:
        lines, reader = self._lines, self._reader
        while True:
            line = lines.begin()
            try:
                yield line, next(reader)
            except StopIteration:
                return
            except _TooLong:
                yield line, lines.skip()
            except csv.Error as e:
                if "field larger" in str(e):
                    yield line, lines.skip()
                else:
                    ended = "unexpected end" in str(e)
                    yield line, Refusal.OPEN_QUOTE if ended else Refusal.MALFORMED_ROW


class _Lines:
    """Lines as `csv.reader` pulls them, with a memory of those of the present record."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._count = lines, 0
        self._first: str | None = None
        self._size = self._quotes = 0
        self._ended = True

    def begin(self) -> int:
        """Start a record; return the number of its first line."""
        self._first, self._size, self._quotes = None, 0, 0
        return self._count + 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        text = next(self._lines)
        if self._first is None and len(text) < MAX_ROW:  # nearly always all of the record
            self._first = text
            self._count += 1
            return text
        if self._size == 0 and self._first is not None:
            self._add(self._first)
        self._add(text)
        self._count += self._ended
        if self._size >= MAX_ROW:
            raise _TooLong
        return text

    def skip(self) -> Refusal:
        """Go to the end of a record that is too long."""
        if self._size == 0 and self._first is not None:
            self._add(self._first)
        while self._quotes % 2 or not self._ended:
            text = next(self._lines, "")
            if not text:
                return Refusal.OPEN_QUOTE if self._quotes % 2 else Refusal.TOO_LARGE
            self._add(text)
            self._count += self._ended
        return Refusal.TOO_LARGE

    def _add(self, text: str) -> None:
        self._size += len(text)
        self._quotes += text.count('"')
        self._ended = ends(text)


class _TooLong(Exception):
    """A record has more characters than a row may have."""
