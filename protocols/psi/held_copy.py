"""The receiver's copy of a prepared set: taking it, bringing it up to date, looking tags up in it.

Functions from a copy and chunks to a changed copy and the chunks to keep. What lay there before a
run (`held/…`) is never changed by it: what a run writes is `new/…`, and the copy says which buckets
these are. So a run that is interrupted leaves the copy of before.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError, MalformedMessage, TooManyElements
from protocols.psi import tag_sets
from protocols.psi.chunks import kept
from protocols.psi.epochs import NO_EPOCH, epoch_context
from protocols.psi.join import Tags, tags_from_bytes
from protocols.psi.prepared_kept import HeldCopy
from protocols.psi.prepared_records import Offer
from protocols.session import Fetch


def nothing(scope: bytes, tag_bytes: int) -> HeldCopy:
    """Return the copy of who has none yet."""
    return HeldCopy(scope, NO_EPOCH, 0, tag_sets.EMPTY, tag_bytes, 0)


def empty(scope: bytes, epoch: bytes, tag_bytes: int, bits: int) -> HeldCopy:
    """Return a copy of which no bucket is there yet and this run writes every one."""
    return HeldCopy(scope, epoch, 0, tag_sets.EMPTY, tag_bytes, bits, _bits(bits, range(1 << bits)))


def take_bucket(
    copy: HeldCopy, bucket: int, data: bytes, bucket_tags: int
) -> tuple[HeldCopy, dict[str, bytes]]:
    """Add a bucket of a whole set that a peer sent.

    Raises: MalformedMessage if its tags are no tags of this bucket in their order; TooManyElements.
    """
    if len(data) % copy.tag_bytes:
        raise MalformedMessage("these are no whole tags")
    tags = tags_from_bytes(data, copy.tag_bytes)
    if len(tags) > tag_sets.largest_bucket(bucket_tags):
        raise TooManyElements("a bucket has more tags than chance would ever put there")
    tag_sets.check_order(tags)
    if bool((tag_sets.bucket_of(tags, copy.bits) != bucket).any()):
        raise MalformedMessage("a tag does not belong into this part")
    return replace(copy, checksum=copy.checksum.plus(tags)), {kept("new", bucket): data}


def apply(
    copy: HeldCopy, removed: bytes, added: bytes, fetch: Fetch
) -> tuple[HeldCopy, dict[str, bytes]]:
    """Take tags out and others in; only the buckets that they fall into are read and written.

    Raises: MalformedMessage if either is not in order, if one to remove is not there, or if one to
    add is.
    """
    going, coming = (tags_from_bytes(data, copy.tag_bytes) for data in (removed, added))
    keep = {}
    written = set()
    for tags in (going, coming):
        tag_sets.check_order(tags)
        written |= set(np.unique(tag_sets.bucket_of(tags, copy.bits)).tolist())
    parts = [tag_sets.cut(tags, copy.bits) for tags in (going, coming)]
    for bucket in sorted(written):
        before = read(copy, bucket, fetch)
        after = tag_sets.changed(before, parts[0][bucket], parts[1][bucket])
        keep[kept("new", bucket)] = after.tobytes()
    checksum = copy.checksum.minus(going).plus(coming)
    changed = replace(copy, checksum=checksum, written=_bits(copy.bits, sorted(written)))
    return changed, keep


def checked(copy: HeldCopy, offer: Offer) -> HeldCopy:
    """Return the copy as the version that was offered. Raises: MalformedMessage if it is not."""
    ctx = epoch_context(copy.scope, copy.epoch, copy.tag_bytes)
    if copy.checksum.count != offer.total:
        raise MalformedMessage("the set has not as many tags as were announced")
    if copy.checksum.digest(ctx, offer.version.number) != offer.version.digest:
        raise MalformedMessage("the set is not the one that was announced")
    return replace(copy, number=offer.version.number)


def read(copy: HeldCopy, bucket: int, fetch: Fetch) -> Tags:
    """Return the tags of a bucket. Raises: LocalError if it is damaged."""
    what = "new" if copy.has_written(bucket) else "held"
    return tag_sets.read_tags(fetch(kept(what, bucket)), copy.tag_bytes)


def positions(copy: HeldCopy, mine: Tags, fetch: Fetch) -> NDArray[np.uint32]:
    """Return the positions in `mine` of the tags that are in the set, ascending."""
    if not copy.checksum.count:
        return np.zeros(0, dtype=np.uint32)
    buckets = tag_sets.bucket_of(mine, copy.bits)
    order = np.argsort(buckets, kind="stable")
    edges = np.searchsorted(buckets[order], np.arange((1 << copy.bits) + 1, dtype=np.uint32))
    found = []
    for bucket in np.unique(buckets).tolist():
        here = order[edges[bucket] : edges[bucket + 1]]
        found.append(here[tag_sets.contained(mine[here], read(copy, bucket, fetch))])
    return np.sort(np.concatenate(found)).astype(np.uint32)


def _bits(bits: int, buckets: range | list[int]) -> bytes:
    """Return a bit for each of 2^bits buckets, set for these."""
    flags = np.zeros(1 << bits, dtype=np.bool)
    flags[list(buckets)] = True
    return np.packbits(flags, bitorder="little").tobytes()


def adopted(copy: HeldCopy) -> HeldCopy:
    """Return the copy as it lies between runs. Raises: LocalError if there is none."""
    if copy.epoch == NO_EPOCH:
        raise LocalError("there is no copy to keep")
    return replace(copy, written=b"")
