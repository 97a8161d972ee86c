"""Sets that a sender has prepared and copies that a receiver keeps, in memory.

What `party_node.prepared` does with files is done here with dictionaries, from nothing but the
specification of the chunks; so the protocol is tested without a node.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from protocols.codec import decode, encode
from protocols.groups import Backend
from protocols.psi import held_copy, tag_sets, two_sides
from protocols.psi.chunks import kept
from protocols.psi.epochs import epoch_context, tags_of
from protocols.psi.params import PreparedParams
from protocols.psi.prepared_kept import COPY, KEPT, SET, Difference, HeldCopy, PreparedSet, Version
from protocols.psi.tag_sets import EMPTY

SCOPE = hashlib.sha256(b"scope of tests").digest()


@dataclass
class Sender:
    """A prepared set through its versions."""

    params: PreparedParams
    epoch: bytes = bytes(range(16))
    key: bytes = two_sides.clamped(bytes(range(40, 72)))
    scope: bytes = SCOPE
    backend: Backend | None = None
    tags: dict[bytes, bytes] = field(default_factory=dict)
    """Item to tag."""
    history: list[frozenset[bytes]] = field(default_factory=list)
    """The tags of each version; its place is its number."""
    evaluated: int = 0

    @property
    def ctx(self) -> bytes:
        return epoch_context(self.scope, self.epoch, self.params.tag_bytes)

    def take(self, items: Sequence[bytes]) -> None:
        """Let the set be exactly these items: a new version, if that changes it."""
        new = [item for item in items if item not in self.tags]
        self.evaluated += len(new)
        if new:
            digests = np.frombuffer(b"".join(new), dtype=np.uint8).reshape(-1, 32)
            found = tags_of(self.ctx, self.key, digests, self.params.tag_bytes, self.backend)
            self.tags |= {item: tag.tobytes() for item, tag in zip(new, found, strict=True)}
        wanted = set(items)
        self.tags = {item: tag for item, tag in self.tags.items() if item in wanted}
        now = frozenset(self.tags.values())
        if not self.history or self.history[-1] != now:
            self.history.append(now)

    def chunks(self) -> dict[str, bytes]:
        """Return what is laid before a run."""
        bits = tag_sets.bits_for(len(self.history[-1]), self.params.chunk_items)
        here = len(self.history) - 1
        mine = PreparedSet(
            self.scope, self.epoch, self.key, self._version(here), len(self.history[here]),
            tuple(self._version(n) for n in range(here)),
        )  # fmt: skip
        laid = {SET: encode(mine)}
        for i, bucket in enumerate(tag_sets.cut(self._tags(self.history[here]), bits)):
            laid[kept("whole", i)] = bucket.tobytes()
        for n in range(here):
            before, now = self.history[n], self.history[here]
            difference = Difference(b"".join(sorted(before - now)), b"".join(sorted(now - before)))
            laid[f"since/{n:010}"] = encode(difference)
        return laid

    def _tags(self, found: frozenset[bytes]) -> tag_sets.Tags:
        return tag_sets.tags_from_bytes(b"".join(sorted(found)), self.params.tag_bytes)

    def _version(self, number: int) -> Version:
        checksum = EMPTY.plus(self._tags(self.history[number]))
        return Version(number, checksum.digest(self.ctx, number))


@dataclass
class Receiver:
    """A copy through the runs."""

    params: PreparedParams
    scope: bytes = SCOPE
    copy: HeldCopy | None = None
    buckets: dict[int, bytes] = field(default_factory=dict)

    def chunks(self) -> dict[str, bytes]:
        copy = self.copy or held_copy.nothing(self.scope, self.params.tag_bytes)
        laid = {COPY: encode(copy)}
        return laid | {kept("held", i): data for i, data in self.buckets.items()}

    def adopt(self, chunks: dict[str, bytes]) -> None:
        """Keep what a run has made of the copy."""
        copy = decode(HeldCopy, chunks[KEPT])
        if self.copy is None or copy.epoch != self.copy.epoch:
            self.buckets = {}
        for i in range(1 << copy.bits):
            if copy.has_written(i):
                self.buckets[i] = chunks[kept("new", i)]
        self.copy = held_copy.adopted(copy)

    def tags(self) -> set[bytes]:
        """Return all tags of the copy."""
        t = self.params.tag_bytes
        return {d[i : i + t] for d in self.buckets.values() for i in range(0, len(d), t)}


def laid_for(
    params: PreparedParams, items: Sequence[bytes]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the chunks of both sides before a first run."""
    sender = Sender(params)
    sender.take(items)
    return Receiver(params).chunks(), sender.chunks()
