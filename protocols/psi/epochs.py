"""What one key of a prepared set is for: scope, epoch, and the tags that it makes.

A *scope* says what a set may be used for. An *epoch* is the life of one key in it. Hashes to the
group and tags are bound to both, so that tags of two epochs have nothing in common.
"""

import hashlib

from protocols import groups
from protocols.codec import encode
from protocols.groups import Backend, Points
from protocols.job import JobDescription
from protocols.keys import PartyPublic
from protocols.psi.join import Tags, tags_from_bytes

EPOCH_BYTES = 16
NO_EPOCH = b""
"""Stands for the epoch of a receiver that has no set yet."""

_SCOPE_LABEL = b"accord/psi-dh-prepared-scope/1\x00"
_EPOCH_LABEL = b"accord/psi-dh-prepared-epoch/1\x00"
_TAG_LABEL = b"accord/psi-dh-prepared-tag/1\x00"


def scope_of(job: JobDescription, receiver: PartyPublic, sender: PartyPublic) -> bytes:
    """Return the 32 bytes that name what one set may be used for.

    They depend on both parties' keys, collaboration, kind of job, purpose, the sender's dataset,
    identifier types in their order; not on the job, the version of the agreement or the
    receiver's dataset.
    """
    digest = hashlib.sha256(_SCOPE_LABEL)
    words = (job.collaboration, job.kind, job.purpose, job.sender_dataset, *job.identifiers)
    for part in (encode(receiver), encode(sender), *(word.encode() for word in words)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def epoch_context(scope: bytes, epoch: bytes, tag_bytes: int) -> bytes:
    """Return the 32 bytes that bind hashes and tags to one epoch of one set."""
    return hashlib.sha256(_EPOCH_LABEL + scope + epoch + bytes([tag_bytes])).digest()


def tags_of(
    epoch_ctx: bytes, key: bytes, digests: Points, tag_bytes: int, backend: Backend | None = None
) -> Tags:
    """Return the tags of the sender's own items: what preparing a set consists of."""
    points = groups.hash_to_group(epoch_ctx, digests)
    return tags_of_points(epoch_ctx, groups.evaluate(key, points, backend=backend), tag_bytes)


def tags_of_points(epoch_ctx: bytes, points: Points, tag_bytes: int) -> Tags:
    """Return the first bytes of SHA-256(label ‖ epoch context ‖ u) for each point."""
    begun = hashlib.sha256(_TAG_LABEL + epoch_ctx)
    data = points.tobytes()
    found = []
    for i in range(0, len(data), 32):
        digest = begun.copy()
        digest.update(data[i : i + 32])
        found.append(digest.digest()[:tag_bytes])
    return tags_from_bytes(b"".join(found), tag_bytes)
