"""The state of a ledger at one size as bytes, so that a restart need not read the whole log again.

    "accord/snapshot/1" ‖ 0x00 ‖ head ‖ subjects ‖ for each scope: its name and kinds ‖ its rows

Each part is preceded by its length in 8 bytes; heads and names are canonical JSON. The bytes depend
on the state alone, and differ for every other. A snapshot is a cache: whoever keeps it must keep
others from changing it (`party_node` seals it), compare size and root with the log, and throw it
away when in doubt. It describes persons: erasure deletes it.

Bump the label whenever the same entries would fold to another state.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pyroaring import BitMap

from consent.canonical import Json, canonical_bytes, parse_canonical, parse_object
from consent.errors import MalformedRecord
from consent.fields import Payload, count, digest, field, integer
from consent.projection import Projection
from consent.rules import Scope
from consent.vocabulary import Vocabulary

_LABEL = b"accord/snapshot/1\x00"
_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head(Payload):
    size: int = field(count)
    root: bytes = field(digest)
    newest_ms: int = field(integer(0, 2**53 - 1))
    vocabulary: bytes = field(digest)
    policy: bytes | None = field(digest, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What follows from the first `size` entries of a ledger."""

    size: int
    root: bytes
    newest_ms: int
    """When the newest entry was recorded; 0 in an empty ledger."""
    policy: bytes | None
    """Digest of the vocabulary that the ledger says is in force."""
    projection: Projection

    def to_bytes(self) -> bytes:
        """Return the one encoding.

        Raises: MalformedRecord if a field is outside its range.
        """
        head = _Head(
            size=self.size,
            root=self.root,
            newest_ms=self.newest_ms,
            vocabulary=self.projection.vocabulary.digest(),
            policy=self.policy,
        )
        parts = [canonical_bytes(head.to_payload()), _write_numbers(self.projection.subjects)]
        for scope, kinds, rows in self.projection.dump():
            parts += (canonical_bytes([*scope, kinds]), rows)
        return _LABEL + b"".join(len(p).to_bytes(_LENGTH, "big") + p for p in parts)

    @classmethod
    def from_bytes(cls, data: bytes, vocabulary: Vocabulary) -> "Snapshot":
        """Read what `to_bytes` returned; `vocabulary` must be the one that it was made under.

        Raises: MalformedRecord for anything else.
        """
        if not data.startswith(_LABEL):
            raise MalformedRecord("this is no snapshot")
        parts = _parts(data, len(_LABEL))
        head = _Head.from_payload(parse_object(next(parts, b"")))
        if head.vocabulary != vocabulary.digest():
            raise MalformedRecord("the snapshot was made under another vocabulary")
        projection = Projection(vocabulary)
        projection.load(_read_numbers(next(parts, b"")), _scopes(parts))
        return cls(
            size=head.size,
            root=head.root,
            newest_ms=head.newest_ms,
            policy=head.policy,
            projection=projection,
        )


def _parts(data: bytes, start: int) -> Iterator[bytes]:
    while start < len(data):
        length = int.from_bytes(data[start : start + _LENGTH], "big")
        start += _LENGTH
        if start + length > len(data):
            raise MalformedRecord("the snapshot ends too early")
        yield data[start : start + length]
        start += length


def _scopes(parts: Iterator[bytes]) -> Iterator[tuple[Scope, list[Json], bytes]]:
    for name in parts:
        match parse_canonical(name):
            case [str(purpose), str(recipient), str(channel), [*kinds]]:
                yield (purpose, recipient, channel), kinds, next(parts, b"")
            case _:
                raise MalformedRecord("this is no scope")


def _write_numbers(members: BitMap) -> bytes:
    # Not the roaring form: its reader trusts the bytes.
    return struct.pack(f"<{len(members)}I", *members)


def _read_numbers(data: bytes) -> BitMap:
    if len(data) % 4:
        raise MalformedRecord("the subjects of a snapshot have 4 bytes each")
    return BitMap(struct.unpack(f"<{len(data) // 4}I", data))
