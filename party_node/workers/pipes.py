"""How a node and a worker process talk: frames over the worker's standard input and output.

A frame is four bytes of length and the content. A question is two frames, errand and rows; an
answer is two, code and content. The worker ends when its input does, so none outlives its node.
"""

import os
import sys
from collections.abc import Callable
from typing import IO

from party_node.workers.computing import Answer

_LENGTH_BYTES = 4


def write(pipe: IO[bytes], *frames: bytes) -> None:
    """Write frames. Raises: OSError if nobody reads them."""
    for frame in frames:
        pipe.write(len(frame).to_bytes(_LENGTH_BYTES, "big"))
        pipe.write(frame)
    pipe.flush()


def read(pipe: IO[bytes]) -> bytes:
    """Read a frame. Raises: EOFError if the other side is gone."""
    return _exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH_BYTES), "big"))


def serve(compute: Callable[[bytes, bytes], Answer]) -> None:
    """Answer the node's questions until it has no more."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not stand among the answers.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a file
        os.dup2(nowhere.fileno(), 1)
    while True:
        try:
            errand, rows = read(sys.stdin.buffer), read(sys.stdin.buffer)
        except EOFError:
            return
        code, content = compute(errand, rows)
        try:
            write(answers, code.encode(), content)
        except OSError:
            return


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) != count:
        raise EOFError
    return found
