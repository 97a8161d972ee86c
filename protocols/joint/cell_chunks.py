"""How the partner lays down in which bins its rows are: chunks of `cells/…`.

Apart from `cells`, which makes bins out of data and needs a library for tables to do so.
"""

import numpy as np

from protocols.errors import LocalError
from protocols.joint.looks import Codes, Look
from protocols.psi import chunks


def cells_chunk(index: int) -> str:
    """Return the name of a chunk of bins."""
    return chunks.kept("cells", index)


def write_cells(look: Look, codes: Codes) -> bytes:
    """Return a chunk of bins: how many rows, fine and coarse ones, the sizes of these, then all."""
    head = [len(codes) & 0xFFFF, len(codes) >> 16, len(look.fine), len(look.coarse), *look.coarse]
    return np.array(head, "<u2").tobytes() + np.ascontiguousarray(codes, "<u2").tobytes()


def read_cells(data: bytes) -> tuple[Look, Codes]:
    """Return which bins of features there are, of coarse ones how many each, and those of a chunk.

    Raises: LocalError if it is not whole rows.
    """
    said = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    if len(said) < 4 or len(data) % 2:
        raise LocalError("a chunk of bins has the wrong length")
    rows, fine, coarse = int(said[0]) + (int(said[1]) << 16), int(said[2]), int(said[3])
    sizes, codes = said[4 : 4 + coarse], said[4 + coarse :]
    if len(sizes) != coarse or len(codes) != rows * (fine + coarse):
        raise LocalError("a chunk of bins has the wrong length")
    codes = codes.reshape(rows, fine + coarse)
    return Look((0,) * fine, tuple(sizes.tolist())), codes
