"""Sets of tags that this node keeps between runs: prepared as sender, copied as receiver.

One for each *use*: parties, collaboration, kind of job, purpose, the sender's dataset, types
of identifier.
A prepared set lives for an *epoch*: one key, at most `EPOCH_DAYS` days and, when a run begins,
fewer than `EPOCH_POINTS` points asked about; then a new key is drawn and everything is evaluated
anew.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pyroaring import BitMap, FrozenBitMap

from party_node.chunks import ChunkStore
from party_node.clock import Clock
from party_node.datasets import Datasets
from party_node.errors import KeptSetGone, NotFound
from party_node.home import Home
from party_node.permission import Permission
from party_node.prepared import filling, preparing
from party_node.prepared.manifests import PINNED, AskedBy, CopyManifest, SetManifest
from party_node.prepared.preparing import Digests, Read
from party_node.prepared.sealed_folder import SealedFolder
from party_node.prepared.set_words import begun, report_of
from party_node.vault import Vault
from party_node.workers.choosing import backend_of
from protocols.codec import decode, encode
from protocols.errors import MalformedMessage
from protocols.psi import held_copy, padding, tag_sets, two_sides
from protocols.psi.chunks import kept
from protocols.psi.epochs import EPOCH_BYTES, epoch_context, tags_of
from protocols.psi.join import Tags
from protocols.psi.params import MatchingParams
from protocols.psi.prepared_kept import COPY, KEPT, SET, HeldCopy
from protocols.session import Rng

EPOCH_DAYS = 30
EPOCH_POINTS = 50_000_000
"""A run of n items asks about a little more than n points."""
_DAY_MS = 24 * 3600 * 1000
_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Use:
    """What a set may be used for."""

    scope: bytes
    """32 bytes: `scope_of` the job."""
    tag_bytes: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.scope.hex()[:32]}-{self.tag_bytes}"


class KeptSets:
    """The kept sets of one node; safe to use from several threads."""

    def __init__(
        self, home: Home, vault: Vault, datasets: Datasets, clock: Clock, rng: Rng
    ) -> None:
        self._home, self._vault, self._datasets = home, vault, datasets
        self._clock, self._rng = clock, rng
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        """Held while one of the locks of single sets is looked up."""
        self.evaluated = 0
        """Items evaluated with a key for a prepared set since the process began."""

    # -- sender ------------------------------------------------------------------------------------

    def lay_set(
        self,
        use: Use,
        permission: Permission,
        people: FrozenBitMap,
        kinds: Sequence[str],
        params: MatchingParams,
        chunks: ChunkStore,
    ) -> dict[str, Any]:
        """Make the set exactly these permitted people, fill it up, and pin it for a run; return
        what it brings.

        The report is that of `matching_input`, but `shared` counts in the whole dataset.
        Raises: as `Datasets.items`; InvalidParameter for more items than the parameters allow;
        DiskFull.
        """
        allowed = BitMap(people & permission.allowed)
        read = partial(self._datasets.items, permission, kinds)
        state = self._datasets.state_of(permission)
        manifest = self.lay_people(use, allowed, read, state, len(kinds), params, chunks)
        # Of the permitted people alone this would cost reading everybody, each time.
        shared = self._datasets.info(permission.grant.dataset).report.shared
        return report_of(manifest, kinds, shared)

    def lay_people(
        self,
        use: Use,
        people: BitMap,
        read: Read,
        state: str,
        types: int,
        params: MatchingParams,
        chunks: ChunkStore,
    ) -> SetManifest:
        """Do the same for people whose identifiers `read` returns; `state` names what it reads.

        Raises: as `read`; InvalidParameter for more items than the parameters allow; DiskFull.
        """
        folder = self._set_folder(use)
        with self._held(folder):
            manifest = preparing.of_index(
                self._standing(folder) or self._new_epoch(use, types), state
            )
            following: SetManifest | None = manifest
            while following is not None:
                manifest = following
                folder.publish(encode(manifest))
                following = preparing.advanced(folder, manifest, people, read, self._evaluate)
            size = padding.padded_size(filling.people_items(manifest), params)
            filled = filling.filled(folder, manifest, size, self._rng)
            ready = preparing.laid(manifest if filled is None else filled)
            if ready != manifest:
                manifest = ready
                folder.publish(encode(manifest))
            chunks.keep({PINNED: encode(manifest), SET: encode(manifest.as_set())})
            folder.sweep(manifest.files() | self._pinned())
        return manifest

    def supply(self, use: Use, name: str, chunks: ChunkStore, bucket_tags: int) -> bytes:
        """Return a chunk of the set that a run has pinned: made when it is asked for.

        A bucket has `bucket_tags` tags or fewer on average.
        Raises: KeptSetGone if a person was erased meanwhile.
        """
        with contextlib.suppress(NotFound):
            return chunks.fetch(name)
        folder, pinned = self._set_folder(use), decode(SetManifest, chunks.fetch(PINNED))
        what, _, number = name.partition("/")
        if what == "since":
            found = preparing.difference(folder, pinned, int(number))
            chunks.keep({name: encode(found)})
        else:
            tags = preparing.all_tags(folder, pinned)
            bits = tag_sets.bits_for(len(tags), bucket_tags)
            for i, bucket in enumerate(tag_sets.cut(tags, bits)):
                chunks.keep({kept(what, i): bucket.tobytes()})
        return chunks.fetch(name)

    def count(self, use: Use, job: str, points: int) -> None:
        """Note, before any is answered, how many points a job asks about; once for each job."""
        folder = self._set_folder(use)
        with self._held(folder):
            manifest = self._manifest(folder)
            if manifest is not None and all(asked.job != job for asked in manifest.asked):
                asked = (*manifest.asked, AskedBy(job, points))
                folder.publish(encode(replace(manifest, asked=asked)))

    def forget(self, dense: int) -> None:
        """Take a person out of every prepared set, for erasure; again changes nothing.

        Raises: DiskFull.
        """
        for folder in self._folders("set-*"):
            with self._held(folder):
                manifest = self._manifest(folder)
                if manifest is None:
                    folder.erase()  # what a first preparation wrote that was interrupted
                    continue
                left = preparing.forgotten(folder, manifest, dense)
                if left is not None:
                    folder.publish(encode(left))
                # Also what a run has pinned: its file would still have the tag.
                folder.sweep((left or manifest).files())

    # -- receiver ----------------------------------------------------------------------------------

    def lay_copy(self, use: Use, chunks: ChunkStore) -> None:
        """Pin the copy of the other party's set for a run, if there is one."""
        folder = self._copy_folder(use)
        with self._held(folder):
            manifest = self._copy(folder)
            if manifest is None:
                nothing = held_copy.nothing(use.scope, use.tag_bytes)
                manifest = CopyManifest(nothing, (), 0)
            chunks.keep({PINNED: encode(manifest), COPY: encode(manifest.copy)})

    def held(self, use: Use, name: str, chunks: ChunkStore) -> bytes:
        """Return a bucket of the copy that a run has pinned. Raises: KeptSetGone."""
        pinned = decode(CopyManifest, chunks.fetch(PINNED))
        bucket = int(name.partition("/")[2])
        if bucket >= len(pinned.buckets):
            raise KeptSetGone
        return self._copy_folder(use).read(pinned.buckets[bucket])

    def adopt(self, use: Use, chunks: ChunkStore) -> None:
        """Keep the copy that a run has made; again, or after a later version, it changes nothing.

        Raises: DiskFull, and the copy of before stays.
        """
        folder = self._copy_folder(use)
        with self._held(folder):
            made, now = decode(HeldCopy, chunks.fetch(KEPT)), self._copy(folder)
            if now is not None and now.copy.epoch == made.epoch and made.number <= now.copy.number:
                return
            pinned = decode(CopyManifest, chunks.fetch(PINNED))
            buckets = tuple(
                folder.add(chunks.fetch(kept("new", i)))
                if made.has_written(i)
                else pinned.buckets[i]
                for i in range(1 << made.bits)
            )
            manifest = CopyManifest(held_copy.adopted(made), buckets, self._clock())
            folder.publish(encode(manifest))
            folder.sweep(manifest.files() | self._pinned())

    # -- both --------------------------------------------------------------------------------------

    def clear_away(self) -> None:
        """Destroy what has outlived its epoch: keys with their sets, and copies. At the start."""
        for folder in self._folders("set-*"):
            manifest = self._manifest(folder)
            if manifest is None or self._is_over(manifest.created_ms):
                folder.erase()
        for folder in self._folders("copy-*"):
            copy = self._copy(folder)
            if copy is None or self._is_over(copy.adopted_ms):
                folder.erase()

    # -- inside ------------------------------------------------------------------------------------

    def _standing(self, folder: SealedFolder) -> SetManifest | None:
        """Return the set of an epoch that is not over."""
        manifest = self._manifest(folder)
        if manifest is None or self._is_over(manifest.created_ms):
            return None
        asked = sum(by.points for by in manifest.asked)
        return manifest if asked < EPOCH_POINTS else None

    def _new_epoch(self, use: Use, types: int) -> SetManifest:
        """Return the empty set with a fresh key."""
        key = two_sides.clamped(self._rng(32))
        return begun(use.scope, use.tag_bytes, types, self._rng(EPOCH_BYTES), key, self._clock())

    def _evaluate(self, manifest: SetManifest, digests: Digests) -> Tags:
        here = self._home.settings
        backend = backend_of(here.x25519_backend, here.workers, here.ray_address)
        ctx = epoch_context(manifest.scope, manifest.epoch, manifest.tag_bytes)
        parts = [
            tags_of(ctx, manifest.key, digests[i : i + _AT_ONCE], manifest.tag_bytes, backend)
            for i in range(0, len(digests), _AT_ONCE)
        ]
        self.evaluated += len(digests)
        return np.concatenate([np.zeros((0, manifest.tag_bytes), dtype=np.uint8), *parts])

    def _is_over(self, since_ms: int) -> bool:
        return self._clock() >= since_ms + EPOCH_DAYS * _DAY_MS

    def _pinned(self) -> frozenset[str]:
        """Return the files that runs still read."""
        names: set[str] = set()
        for path in self._home.runs.iterdir():
            chunks = ChunkStore(self._home.runs, self._vault, path.name)
            try:
                pinned = decode((SetManifest, CopyManifest), chunks.fetch(PINNED))
            except (NotFound, MalformedMessage):
                continue
            assert isinstance(pinned, SetManifest | CopyManifest)
            names |= pinned.files()
        return frozenset(names)

    @contextlib.contextmanager
    def _held(self, folder: SealedFolder) -> Iterator[None]:
        """Let nobody else change a set, or pin it for a run."""
        with self._lock:
            lock = self._locks[folder.name]
        with lock:
            yield

    def _manifest(self, folder: SealedFolder) -> SetManifest | None:
        data = folder.manifest()
        return None if data is None else decode(SetManifest, data)

    def _copy(self, folder: SealedFolder) -> CopyManifest | None:
        data = folder.manifest()
        return None if data is None else decode(CopyManifest, data)

    def _set_folder(self, use: Use) -> SealedFolder:
        return self._folder(self._home.prepared / f"set-{use.name}")

    def _copy_folder(self, use: Use) -> SealedFolder:
        return self._folder(self._home.prepared / f"copy-{use.name}")

    def _folder(self, path: Path) -> SealedFolder:
        return SealedFolder(path, self._vault, self._rng)

    def _folders(self, pattern: str) -> list[SealedFolder]:
        return [self._folder(path) for path in sorted(self._home.prepared.glob(pattern))]
