"""Looking for what must not be there: many secrets, in every form they could take, in many bytes.

A needle is searched as it is, in JSON and percent escapes, and in base64 at any of the three
alignments that it can have inside a longer base64 text; a digest also in hexadecimal.
"""

import base64
import hashlib
import json
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from protocols import identifiers

SHORTEST = 8
"""Bytes: shorter needles would be found by chance."""
_HASHES = ("sha256", "sha1", "md5")


class Haystack:
    """Needles by their first eight bytes; `find` says which are in some data."""

    def __init__(self, needles: Iterable[tuple[str, bytes]]) -> None:
        """`needles` are pairs of a name, which may be shown, and the bytes to look for."""
        self._by_head: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for name, needle in needles:
            assert len(needle) >= SHORTEST, f"{name} is too short to look for"
            self._by_head[int.from_bytes(needle[:SHORTEST], "little")].append((name, needle))
        self._heads = np.array(sorted(self._by_head), dtype=np.uint64)

    def __len__(self) -> int:
        return sum(len(needles) for needles in self._by_head.values())

    def find(self, data: bytes) -> list[str]:
        """Return the names of what is in `data`, each once, sorted."""
        found = set()
        for shift in range(min(SHORTEST, len(data) - SHORTEST + 1)):
            count = (len(data) - shift) // SHORTEST
            words = np.frombuffer(data, dtype="<u8", count=count, offset=shift)
            for at in np.flatnonzero(np.isin(words, self._heads)).tolist():
                start = shift + at * SHORTEST
                for name, needle in self._by_head[int(words[at])]:
                    if data[start : start + len(needle)] == needle:
                        found.add(name)
        return sorted(found)


def of_text(name: str, value: str) -> Iterator[tuple[str, bytes]]:
    """Return every form of a value that must not be known, and of its digests."""
    raw = value.encode()
    yield from in_clear(name, raw)
    yield f"{name} escaped in JSON", json.dumps(value)[1:-1].encode()
    yield f"{name} escaped in a URL", urllib.parse.quote(value).encode()
    for kind in _HASHES:
        yield from of_digest(f"{kind} of {name}", hashlib.new(kind, raw).digest())


def of_identifier(name: str, kind: str, value: str) -> Iterator[tuple[str, bytes]]:
    """Return every form of a normalised identifier, of its digests, and of what is matched on."""
    yield from of_text(name, value)
    yield from of_digest(f"identifiers.digest of {name}", identifiers.digest(kind, value))


def of_digest(name: str, digest: bytes) -> Iterator[tuple[str, bytes]]:
    """Return a digest in clear, in hexadecimal and in base64."""
    yield from in_clear(name, digest)
    yield f"{name} in hexadecimal", digest.hex().encode()
    yield f"{name} in capitals of hexadecimal", digest.hex().upper().encode()


def in_clear(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Return bytes as they are, and as they look inside base64."""
    yield name, data
    for shift in range(3):
        for alphabet, encode in (("", base64.b64encode), (" for URLs", base64.urlsafe_b64encode)):
            text = encode(bytes(shift) + data)
            # The first and the last digits depend on the neighbours too.
            first, last = -(-8 * shift // 6), (8 * (shift + len(data))) // 6
            if last - first >= SHORTEST:
                yield f"{name} in base64{alphabet} ({shift})", text[first:last]
