"""What a kept set consists of: the manifest of a set prepared here, and that of a copy.

A manifest names its files; both are never changed but replaced. A run pins the manifest that it
began with (chunk `pinned`) and reads the files that it names, whatever happens to the set
meanwhile.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.psi.prepared_kept import HeldCopy, PreparedSet, Version
from protocols.psi.tag_sets import Checksum

PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class Shard(Record):
    """The file with the tags of people whose dense number is `number` · 65,536 to there + 65,535.

    Rows of `people_file.row_type`, by rising dense number, then type.
    """

    KIND: ClassVar[str] = "prepared-shard/1"
    number: int
    file: str
    people: tuple[int, ...]
    """For each type: people who have an identifier of it."""
    values: tuple[int, ...]
    """For each type: identifiers."""


@dataclass(frozen=True, slots=True)
class Change(Record):
    """The file with the `Difference` from a version to the one after it."""

    KIND: ClassVar[str] = "prepared-change/1"
    before: Version
    file: str
    tags: int


@dataclass(frozen=True, slots=True)
class AskedBy(Record):
    """How many points a job has asked about."""

    KIND: ClassVar[str] = "prepared-asked/1"
    job: str
    points: int


@dataclass(frozen=True, slots=True)
class SetManifest(Record):
    """A set prepared here, in one version; the key is secret."""

    KIND: ClassVar[str] = "prepared-manifest/1"
    scope: bytes
    tag_bytes: int
    epoch: bytes
    key: bytes = field(repr=False)
    created_ms: int
    asked: tuple[AskedBy, ...]
    version: Version
    laid: int
    """Number of the latest version that a run began with; 0 if none did."""
    checksum: Checksum
    types: int
    """How many types of identifier are matched on; the scope binds which, and in which order."""
    index_state: str
    """See `Datasets.state_of`: while it is the same, so are everybody's identifiers."""
    unchecked: bytes = field(repr=False)
    """Roaring bitmap of people in the set whose identifiers may be others in this index."""
    people: bytes = field(repr=False)
    """Roaring bitmap of the people in the set."""
    without: bytes = field(repr=False)
    """Roaring bitmap of people who were permitted and have no identifier of these types."""
    filling: bytes = field(repr=False)
    """Roaring bitmap of the numbers of random tags that fill the set up (`filling.py`)."""
    shards: tuple[Shard, ...]
    changes: tuple[Change, ...]
    """The latest changes, oldest first; together they lead to this version."""

    def files(self) -> frozenset[str]:
        """Return the names of all files of this version."""
        return frozenset(shard.file for shard in self.shards) | frozenset(
            change.file for change in self.changes
        )

    def people_of(self, kind: int) -> int:
        """Return how many people have an identifier of a type."""
        return sum(shard.people[kind] for shard in self.shards)

    def values_of(self, kind: int) -> int:
        """Return how many identifiers of a type there are."""
        return sum(shard.values[kind] for shard in self.shards)

    def as_set(self) -> PreparedSet:
        """Return what the protocol is told of it."""
        earlier = tuple(change.before for change in self.changes)
        return PreparedSet(
            self.scope, self.epoch, self.key, self.version, self.checksum.count, earlier
        )


@dataclass(frozen=True, slots=True)
class CopyManifest(Record):
    """A copy of another party's set."""

    KIND: ClassVar[str] = "copy-manifest/1"
    copy: HeldCopy
    buckets: tuple[str, ...]
    """Name of the file of each bucket."""
    adopted_ms: int

    def files(self) -> frozenset[str]:
        """Return the names of all files of this copy."""
        return frozenset(self.buckets)
