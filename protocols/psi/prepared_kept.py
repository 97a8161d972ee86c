"""What lies between the runs of a prepared set: at the sender the set, at the receiver its copy.

A version of a set is a number that grows with every change, and a digest (`tag_sets.Checksum`) that
shows that both sides mean the same.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.psi.tag_sets import MAX_BITS, Checksum

SET, COPY, ASKED, KEPT = "set", "copy", "asked", "copy-kept"
"""Chunks: the sender's `PreparedSet` and the receiver's `HeldCopy`, laid before a run begins; how
many points a run asks about; the copy that the receiver has after it."""


@dataclass(frozen=True, slots=True)
class Version(Record):
    """A version of a set, as both sides name it."""

    KIND: ClassVar[str] = "set-version/1"
    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class PreparedSet(Record):
    """The sender's side of a set in one version; the key is secret.

    The chunk `whole/<i:05>` is bucket i of it, `since/<number:010>` the encoded `Difference` from
    one of the `earlier` versions.
    """

    KIND: ClassVar[str] = "prepared-set/1"
    scope: bytes
    epoch: bytes
    key: bytes = field(repr=False)
    version: Version
    count: int
    earlier: tuple[Version, ...]
    """Versions of this epoch from which the difference is known."""


@dataclass(frozen=True, slots=True)
class Difference(Record):
    """What leads from an earlier version to this one; each in byte order."""

    KIND: ClassVar[str] = "set-difference/1"
    removed: bytes = field(repr=False)
    added: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldCopy(Record):
    """The receiver's copy of a set: the chunk `held/<i:05>` is bucket i.

    As the chunk `copy-kept` after a run: buckets of which `written` has the bit are `new/<i:05>`.
    """

    KIND: ClassVar[str] = "held-copy/1"
    scope: bytes
    epoch: bytes
    number: int
    checksum: Checksum
    tag_bytes: int
    bits: int
    written: bytes = b""
    """A bit for each bucket, lowest first: which ones this run has written."""

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= MAX_BITS or not 10 <= self.tag_bytes <= 16 or self.number < 0:
            raise InvalidParameter("a copy of a set is outside its ranges")
        if len(self.written) not in (0, ((1 << self.bits) + 7) // 8):
            raise InvalidParameter("a copy of a set says of another number of buckets")

    def has_written(self, bucket: int) -> bool:
        """Tell whether this run has written that bucket."""
        return self.written != b"" and bool(self.written[bucket // 8] >> bucket % 8 & 1)
