"""X25519 eight at a time: Intel's multi-buffer library, through ctypes.

`mbx_x25519_mb8` (PyPI `ipp-crypto`, Apache-2.0) takes about 4 to 8 µs an operation on a processor
with AVX-512 IFMA. It is an optional speed-up: it is used where it loads, says that it is applicable
and passes a known-answer test (RFC 7748 §5.2, in every lane).

It is **wrong on structured inputs**, with status 0 and key-dependent bytes: u near p, near p/2, or
with 64-bit words of zeros or ones (12 of the 518 Wycheproof vectors). `groups.check_points` refuses
those and `groups.evaluate_untrusted` re-checks a sample; call nothing here with points of a peer
directly.
"""

import ctypes
import functools
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidElement, LocalError

Points = NDArray[np.uint8]

LANES = 8
_RUNTIME = ("libintlc.so.5", "libirng.so", "libimf.so", "libsvml.so")
"""Needed by the library though it uses no symbol of them, so they are loaded first."""
_LIBRARY = "libcrypto_mb.so"
_DISTRIBUTIONS = ("ipp-crypto", "intel-cmplr-lib-rt")

_LOW_ORDER = 4
"""Lane status: the result is all zero."""
_LANE_SHIFTS = 4 * np.arange(LANES, dtype=np.uint32)

_Call = Callable[[int, int, int], int]

_KNOWN_ANSWERS = (  # scalar, u, X25519(scalar, u)
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    (
        "0900000000000000000000000000000000000000000000000000000000000000",
        "0900000000000000000000000000000000000000000000000000000000000000",
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    ),
)


class MultiBuffer:
    """The library, loaded and tested; `multiply` is one thread's work and releases the lock."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    def multiply(self, scalar: bytes, points: Points) -> Points:
        """Return X25519(scalar, point) for each row of `points`, shape (n, 32).

        Raises: InvalidElement if a result is all zero; LocalError if a lane reports anything else.
        """
        keys = np.frombuffer(scalar, dtype=np.uint8)[np.newaxis, :]
        products, status = self._multiply_lanes(keys, points)
        if bool(status.any()):
            if bool((status[status != 0] == _LOW_ORDER).all()):
                raise InvalidElement("a point has small order")
            raise LocalError("the multi-buffer library failed")
        return products

    def _multiply_lanes(self, keys: Points, points: Points) -> tuple[Points, NDArray[np.uint32]]:
        """Return products and lane statuses; `keys` has one row, or one for each point."""
        n = len(points)
        padded = -(-n // LANES) * LANES
        inputs = np.zeros((padded, 32), dtype=np.uint8)
        inputs[:, 0] = 9  # lanes without a point multiply the base point
        inputs[:n] = points
        secrets = np.ascontiguousarray(np.broadcast_to(keys[:1], (LANES, 32)))
        step = 0
        if len(keys) > 1:
            secrets = np.resize(keys, (padded, 32))
            step = 8 * LANES
        products = np.zeros((padded, 32), dtype=np.uint8)
        in_rows, out_rows, key_rows = (_row_addresses(a) for a in (inputs, products, secrets))
        out_at, key_at, in_at = (a.ctypes.data for a in (out_rows, key_rows, in_rows))
        words = np.zeros(padded // LANES, dtype=np.uint32)
        for i in range(padded // LANES):
            offset = 8 * LANES * i
            words[i] = self._call(out_at + offset, key_at + step * i, in_at + offset)
        status = ((words[:, np.newaxis] >> _LANE_SHIFTS) & np.uint32(15)).reshape(-1)
        return products[:n], status[:n]

    def answers_are_known(self) -> bool:
        """Return whether every lane gives the published result of every known answer."""
        rows = [
            [np.frombuffer(bytes.fromhex(h), dtype=np.uint8) for h in t] for t in _KNOWN_ANSWERS
        ]
        # Nine turns of three answers: 27 rows put each answer into each lane at least once.
        keys, points, wanted = (np.stack([row[i] for row in rows * 9]) for i in range(3))
        products, status = self._multiply_lanes(keys, points)
        return not bool(status.any()) and bool(np.array_equal(products, wanted))


@functools.cache
def load() -> MultiBuffer | None:
    """Return the library, or None where it is absent, not applicable, or fails its test."""
    library = _open_library()
    if library is None:
        return None
    applicable = library.mbx_is_crypto_mb_applicable
    applicable.argtypes, applicable.restype = [ctypes.c_uint64], ctypes.c_int
    if applicable(0) == 0:
        return None
    call = library.mbx_x25519_mb8
    call.argtypes, call.restype = [ctypes.c_void_p] * 3, ctypes.c_uint32
    loaded = MultiBuffer(call)
    return loaded if loaded.answers_are_known() else None


def _open_library() -> ctypes.CDLL | None:
    for folder in _folders():
        try:
            # By absolute path, globally: the library then finds them by name, whatever
            # LD_LIBRARY_PATH says.
            for name in _RUNTIME:
                ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(str(folder / _LIBRARY))
        except OSError:
            continue
    return None


def _folders() -> Iterator[Path]:
    """Yield where wheels put shared libraries: the environment's lib, and where metadata says."""
    yield Path(sys.prefix, "lib").absolute()
    for name in _DISTRIBUTIONS:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name in (_LIBRARY, _RUNTIME[-1]):
                yield Path(str(file.locate())).resolve().parent


def _row_addresses(rows: Points) -> NDArray[np.uint64]:
    start = np.uint64(rows.ctypes.data)
    return start + np.uint64(32) * np.arange(len(rows), dtype=np.uint64)
