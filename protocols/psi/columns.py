"""Arrays of one length in one chunk: column after column, so that each is read without copying."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError


class Layout:
    """The types of a chunk's columns, each with how many numbers a row of it has."""

    def __init__(self, *columns: tuple[str, int]) -> None:
        self._columns = [(np.dtype(kind), width) for kind, width in columns]
        self._size = sum(kind.itemsize * width for kind, width in self._columns)

    def pack(self, *columns: NDArray[np.generic]) -> bytes:
        """Return the chunk of these columns."""
        return b"".join(
            np.ascontiguousarray(column, dtype=kind).tobytes()
            for column, (kind, _) in zip(columns, self._columns, strict=True)
        )

    def unpack(self, data: bytes, rows: int | None = None) -> list[NDArray[Any]]:
        """Return the columns of a chunk: shape (n, width), or (n,) where the width is 1.

        Raises: LocalError for a chunk of another length, if `rows` are due of any but that many.
        """
        n, rest = divmod(len(data), self._size)
        if rest or (rows is not None and n != rows):
            raise LocalError("a kept chunk has the wrong length")
        columns, at = [], 0
        for kind, width in self._columns:
            column = np.frombuffer(data, dtype=kind, count=n * width, offset=at)
            columns.append(column if width == 1 else column.reshape(n, width))
            at += column.nbytes
        return columns
