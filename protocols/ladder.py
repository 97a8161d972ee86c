"""X25519 over arrays: which back end multiplies, on how many threads.

Both back ends give the same bytes. PyNaCl (libsodium) works everywhere and is the reference;
Intel's multi-buffer library is several times faster where it applies (`multibuffer.py`). Both
release the interpreter lock, so plain threads use every core.
"""

import concurrent.futures
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from nacl import bindings
from nacl.exceptions import RuntimeError as SodiumError
from numpy.typing import NDArray

from protocols import multibuffer
from protocols.errors import InvalidElement, InvalidParameter, LocalError

Points = NDArray[np.uint8]
"""u-coordinates, shape (n, 32), little-endian."""

_SMALLEST_SHARE = 64
"""Points; a thread is not worth starting for less."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to multiply many points by one scalar."""

    name: str
    exact: bool
    """True where every input gives the right result, so nothing needs to be checked again."""
    multiply: Callable[[bytes, Points], Points]
    spreads: bool = False
    """True where `multiply` takes a whole array and divides the work itself."""
    hash: Callable[[bytes, Points, bool], Points] | None = None
    """(ctx, digests, strict) → points: in the place of `groups.hash_to_group`, with its results."""


def choose_backend(preference: str = "auto") -> Backend:
    """Return the back end for `auto` (the fastest that works), `pynacl` or `multibuffer`.

    Raises: InvalidParameter for another word; LocalError where `multibuffer` does not work here.
    """
    match preference:
        case "pynacl":
            return PYNACL
        case "auto" | "multibuffer":
            library = multibuffer.load()
            if library is not None:
                return Backend("multibuffer", exact=False, multiply=library.multiply)
            if preference == "auto":
                return PYNACL
            raise LocalError("the multi-buffer library does not work on this machine")
        case _:
            raise InvalidParameter("the back ends are auto, pynacl and multibuffer")


def multiply(scalar: bytes, points: Points, backend: Backend) -> Points:
    """Return X25519(scalar, point) for each of `points`, shape (n, 32), on all cores.

    `scalar` is 32 secret bytes, clamped as RFC 7748 §5 says. Results are canonical.

    Raises: InvalidElement if a result is all zero; InvalidParameter for other lengths.
    """
    if len(scalar) != 32 or points.ndim != 2 or points.shape[1] != 32:
        raise InvalidParameter("a scalar has 32 bytes, an array of points 32 columns")
    workers = max(1, min(_cores(), len(points) // _SMALLEST_SHARE))
    if workers == 1 or backend.spreads:
        return backend.multiply(scalar, points)
    # Whole groups of eight, so that only the last share has lanes without a point.
    cut = -(-len(points) // (multibuffer.LANES * workers)) * multibuffer.LANES
    shares = [points[i : i + cut] for i in range(0, len(points), cut)]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(functools.partial(backend.multiply, scalar), shares)))


def _multiply_with_sodium(scalar: bytes, points: Points) -> Points:
    rows = points.tobytes()
    try:
        products = [
            bindings.crypto_scalarmult(scalar, rows[i : i + 32]) for i in range(0, len(rows), 32)
        ]
    except SodiumError as e:
        raise InvalidElement("a point has small order") from e
    return np.frombuffer(b"".join(products), dtype=np.uint8).reshape(-1, 32)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


PYNACL = Backend("pynacl", exact=True, multiply=_multiply_with_sodium)
