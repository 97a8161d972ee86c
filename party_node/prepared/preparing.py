"""Bringing a prepared set to exactly the people whom a permission permits.

A person brings all identifiers of the asked types, and leaves with all of them. Only identifiers
that are new are evaluated; what somebody has no more leaves the set. The cost is proportional to
the change, once the permission is there: everybody's identifiers are read again only if the
dataset's index was written anew. A large change is made in steps, each of which leaves a whole set,
so that an interrupted preparation goes on where it stopped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from party_node.matchable import Matchable
from party_node.prepared import people_file
from party_node.prepared.manifests import Change, SetManifest, Shard
from party_node.prepared.people_file import Flags, Rows
from party_node.prepared.sealed_folder import SealedFolder
from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.psi import tag_sets
from protocols.psi.epochs import epoch_context
from protocols.psi.join import Tags
from protocols.psi.prepared_kept import Difference, Version

MOST_CHANGES = 64
"""Versions back from which a difference is known; who has an older one gets the whole set."""
SMALL_CHANGE = 4096
"""Tags; differences beyond a quarter of the set, and beyond this, are not kept."""

AT_ONCE = 2**20
"""People in one step of a large change."""

Digests = NDArray[np.uint8]
Evaluate = Callable[[SetManifest, Digests], Tags]
Read = Callable[[BitMap], Matchable]
"""Returns all identifiers of those of these people who are permitted."""


@dataclass(frozen=True, slots=True)
class _Turnover:
    """What leaves a set and what comes into it."""

    leaving: dict[int, Flags]
    """For shards, by number: which of their rows leave; in others none does."""
    coming: Matchable
    people: BitMap
    """Who is in the set after it."""


def of_index(before: SetManifest, index_state: str) -> SetManifest:
    """Return the set with nobody's identifiers taken for granted, if the index is another one."""
    if before.index_state == index_state:
        return before
    nobody = BitMap().serialize()
    return replace(before, index_state=index_state, unchecked=before.people, without=nobody)


def advanced(
    folder: SealedFolder, before: SetManifest, allowed: BitMap, read: Read, evaluate: Evaluate
) -> SetManifest | None:
    """Take one step towards the set of exactly those people in `allowed` who have an identifier.

    Returns None if that is what the set is. New files are written, nothing refers to them yet.
    Raises: DiskFull, as `read`.
    """
    people, without, unchecked = map(
        BitMap.deserialize, (before.people, before.without, before.unchecked)
    )
    ahead = (allowed - people - without) | (allowed & unchecked)
    gone = people - allowed
    if not ahead and not gone and without <= allowed:
        return None
    step = ahead if len(ahead) <= AT_ONCE else BitMap(ahead[:AT_ONCE])
    held = read(step) if step else _nothing_held()
    manifest = replace(
        before,
        without=((without | (step - BitMap(held.people))) & allowed).serialize(),
        unchecked=(unchecked - step - gone).serialize(),
    )
    turnover = _compared(folder, before, people, gone, step, held)
    if not turnover.leaving and not len(turnover.coming.people):
        return manifest
    return _changed(folder, manifest, turnover, evaluate)


def forgotten(folder: SealedFolder, before: SetManifest, dense: int) -> SetManifest | None:
    """Return the set without a person and without anything that was told of them; None if they are
    not in it.

    A receiver then gets the whole set: the difference would name the tag that is to be gone.
    """
    people, without, unchecked = map(
        BitMap.deserialize, (before.people, before.without, before.unchecked)
    )
    if dense not in people and dense not in without:
        return None
    without.discard(dense)
    unchecked.discard(dense)
    manifest = replace(before, without=without.serialize(), unchecked=unchecked.serialize())
    if dense not in people:
        return manifest
    gone, nobody = BitMap([dense]), BitMap()
    turnover = _compared(folder, before, people, gone, nobody, _nothing_held())
    return _changed(folder, manifest, turnover, _nothing, remember=False)


def all_tags(folder: SealedFolder, manifest: SetManifest) -> Tags:
    """Return all tags of everybody in the set, in byte order."""
    parts = [
        np.ascontiguousarray(
            people_file.read_rows(folder.read(shard.file), manifest.tag_bytes)["tag"]
        )
        for shard in manifest.shards
    ]
    empty = np.zeros((0, manifest.tag_bytes), dtype=np.uint8)
    ordered = tag_sets.in_order(np.concatenate([empty, *parts]))
    if len(ordered) != manifest.checksum.count:
        raise LocalError("a prepared set has lost tags")
    words = tag_sets.strings(ordered)
    if bool((words[1:] == words[:-1]).any()):
        raise LocalError("an identifier is in a prepared set twice")
    return ordered


def difference(folder: SealedFolder, manifest: SetManifest, since: int) -> Difference:
    """Return what leads from an earlier version to this one, and no more: who came and went in
    between is in neither part.
    """
    steps = [change for change in manifest.changes if change.before.number >= since]
    return _net((_step(folder, change) for change in steps), manifest.tag_bytes)


def laid(manifest: SetManifest) -> SetManifest:
    """Return the set as one that a run begins with: what changes from now on is a new version."""
    return replace(manifest, laid=manifest.version.number)


# -- inside ----------------------------------------------------------------------------------------


def _compared(
    folder: SealedFolder,
    before: SetManifest,
    people: BitMap,
    gone: BitMap,
    step: BitMap,
    held: Matchable,
) -> _Turnover:
    """Return what changes where people are `gone`, and those of the `step` have what is `held`."""
    present = np.zeros(len(held.people), dtype=np.bool)
    leaving = {}
    files = {shard.number: shard.file for shard in before.shards}
    within, keys = people_file.by_shard(held.people), people_file.keys_of(held)
    for number in people_file.shards_of(people & (gone | step)):
        rows, here = rows_of(folder, files[number], before.tag_bytes), within(number)
        kept = people_file.keys_of_rows(rows)
        present[here] = np.isin(keys[here], kept)
        going = people_file.among(rows["dense"], gone)
        going |= people_file.among(rows["dense"], step) & ~np.isin(kept, keys[here])
        if going.any():
            leaving[number] = going
    after = (people - gone - step) | BitMap(held.people)
    return _Turnover(leaving, people_file.part_of(held, ~present), after)


def _changed(
    folder: SealedFolder,
    before: SetManifest,
    turnover: _Turnover,
    evaluate: Evaluate,
    *,
    remember: bool = True,
) -> SetManifest:
    """Return the next version of a set; with `remember`, it knows how to get there from before."""
    tags = evaluate(before, turnover.coming.digests)
    added = people_file.make_rows(turnover.coming, tags)
    after = replace(before, people=turnover.people.serialize())
    return with_rows(folder, after, turnover.leaving, added, remember=remember)


def with_rows(
    folder: SealedFolder,
    before: SetManifest,
    leaving: Mapping[int, Flags],
    added: Rows,
    *,
    remember: bool = True,
) -> SetManifest:
    """Return the next version of a set, without some rows of its shards and with others.

    Its number is one more than that of the latest which a run began with, however many steps lie
    between: those are nobody's business. With `remember`, it knows how to get there from that one.
    """
    tags = np.ascontiguousarray(added["tag"])
    shards = {shard.number: shard for shard in before.shards}
    removed: list[Tags] = []
    within = people_file.by_shard(added["dense"])
    for number in sorted({*leaving, *people_file.shards_of(BitMap(added["dense"]))}):
        old = shards.pop(number, None)
        rows = rows_of(folder, None if old is None else old.file, before.tag_bytes)
        going = leaving.get(number, np.zeros(len(rows), dtype=np.bool))
        removed.append(np.ascontiguousarray(rows["tag"][going]))
        after = people_file.merged(rows, going, added[within(number)])
        if len(after):
            counts = people_file.counts(after, before.types)
            shards[number] = Shard(number, folder.add(after.tobytes()), *counts)
    gone = tag_sets.in_order(np.concatenate([tags[:0], *removed]))
    checksum = before.checksum.minus(gone).plus(tags)
    number = before.laid + 1
    ctx = epoch_context(before.scope, before.epoch, before.tag_bytes)
    changes: tuple[Change, ...] = ()
    if remember and before.laid:  # nobody has the empty set that an epoch begins with
        step = Difference(gone.tobytes(), tag_sets.in_order(tags).tobytes())
        changes = _kept_changes(folder, before, step, checksum.count)
    return replace(
        before,
        version=Version(number, checksum.digest(ctx, number)),
        checksum=checksum,
        shards=tuple(shard for _, shard in sorted(shards.items())),
        changes=changes,
    )


def _kept_changes(
    folder: SealedFolder, before: SetManifest, step: Difference, count: int
) -> tuple[Change, ...]:
    """Return the latest changes that are worth sending instead of the whole set."""
    changes, since = before.changes, before.version
    if since.number > before.laid:  # a further step from the version that a run began with
        if not changes:
            return ()
        last, changes = changes[-1], changes[:-1]
        step = _net([_step(folder, last), step], before.tag_bytes)
        since = last.before
    size = (len(step.removed) + len(step.added)) // before.tag_bytes
    room = max(SMALL_CHANGE, count // 4) - size
    if room < 0:
        return ()
    kept = [Change(since, folder.add(encode(step)), size)]
    for earlier in reversed(changes):
        room -= earlier.tags
        if room < 0 or len(kept) == MOST_CHANGES:
            break
        kept.append(earlier)
    return tuple(reversed(kept))


def _step(folder: SealedFolder, change: Change) -> Difference:
    return decode(Difference, folder.read(change.file))


def _net(steps: Iterable[Difference], tag_bytes: int) -> Difference:
    """Return what several differences come to, one after the other."""
    removed: set[bytes] = set()
    added: set[bytes] = set()
    for step in steps:
        for tag in _each(step.removed, tag_bytes):
            if tag in added:
                added.remove(tag)
            else:
                removed.add(tag)
        for tag in _each(step.added, tag_bytes):
            if tag in removed:
                removed.remove(tag)
            else:
                added.add(tag)
    return Difference(b"".join(sorted(removed)), b"".join(sorted(added)))


def rows_of(folder: SealedFolder, file: str | None, tag_bytes: int) -> Rows:
    """Return the rows of a shard, none if there is no file of it yet."""
    return people_file.read_rows(b"" if file is None else folder.read(file), tag_bytes)


def _each(data: bytes, size: int) -> Sequence[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def _nothing_held() -> Matchable:
    none = np.zeros(0, dtype=np.uint8)
    return Matchable((), none.astype(np.uint32), none, none.reshape(0, 32), ())


def _nothing(manifest: SetManifest, digests: Digests) -> Tags:
    return np.zeros((len(digests), manifest.tag_bytes), dtype=np.uint8)
