"""What a worker computes, wherever it is: rows of bytes in, rows of bytes out, on one core.

An errand that cannot be done is answered with the code of an error, never with an exception: what
crosses between processes is then known to hold no secret.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from party_node.version import software
from party_node.workers.errors import WorkersUnavailable
from protocols.codec import Record, decode
from protocols.errors import ProtocolError
from protocols.groups import hash_to_group, points_from_bytes
from protocols.ladder import choose_backend

MULTIPLY, HASH = "multiply", "hash"

Answer = tuple[str, bytes]
"""An error code, or an empty one; the rows, or what else there is to say of the error."""


@dataclass(frozen=True, slots=True)
class Errand(Record):
    """What is to be done with every row of a share."""

    KIND: ClassVar[str] = "worker-errand/1"
    software: str
    """The node's release: only the same one gives the same bytes for sure."""
    what: str
    backend: str
    """`auto`, `pynacl` or `multibuffer`, to be chosen at the worker."""
    secret: bytes = field(repr=False)
    """The scalar to multiply by, or the ctx to hash with."""
    strict: bool


def compute(errand: bytes, rows: bytes) -> Answer:
    """Do an encoded errand for the rows of one share, 32 bytes each."""
    asked = decode(Errand, errand)
    if asked.software != software():
        return WorkersUnavailable.code, b"a worker runs another release of this software"
    try:
        # One core for each worker: `spreads` keeps it from starting threads.
        backend = dataclasses.replace(choose_backend(asked.backend), spreads=True)
        points = points_from_bytes(rows)
        if asked.what == HASH:
            made = hash_to_group(asked.secret, points, asked.strict, backend=backend)
        else:
            made = backend.multiply(asked.secret, points)
    except ProtocolError as e:
        return e.code, b""
    return "", np.ascontiguousarray(made).tobytes()
