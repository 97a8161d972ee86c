"""CSV records with the line that each begins on, however the file was cut or quoted.

A record that is too long is read to its end and dropped, by counting quotation marks: what a
person typed into a cell must never be read as rows of its own.
"""

import csv
from collections.abc import Iterator
from typing import Self

from party_node.capture.refusals import Refusal
from party_node.capture.unpack import MAX_ROW, ends
from party_node.errors import ImportUnreadable

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
        self._lines, self._record, self._count = lines, list[str](), 0

    def begin(self) -> int:
        """Start a record; return the number of its first line."""
        self._record.clear()
        return self._count + 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        text = next(self._lines)
        self._record.append(text)
        if len(self._record) == 1 and len(text) < MAX_ROW:
            self._count += 1
            return text
        self._count += ends(text)
        if sum(map(len, self._record)) >= MAX_ROW:
            raise _TooLong
        return text

    def skip(self) -> Refusal:
        """Go to the end of a record that is too long."""
        is_open = sum(text.count('"') for text in self._record) % 2 == 1
        ended = ends(self._record[-1])
        while is_open or not ended:
            text = next(self._lines, "")
            if not text:
                return Refusal.OPEN_QUOTE if is_open else Refusal.TOO_LARGE
            is_open ^= text.count('"') % 2 == 1
            ended = ends(text)
            self._count += ended
        return Refusal.TOO_LARGE


class _TooLong(Exception):
    """A record has more characters than a row may have."""
