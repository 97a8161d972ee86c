"""What senders hide their tables with: shares that are nothing when all of them come together.

Each two senders agree on a key. A sender's share for an item is the XOR of what its keys give for
it, so the XOR of all senders' shares is zero, and any fewer of them look random to the receiver.
Items enter under their `names`, which only somebody whose list has gone round the ring knows.
"""

import functools
import hashlib
import operator

import numpy as np
from numpy.typing import NDArray

from protocols import groups
from protocols.groups import Points
from protocols.ladder import PYNACL
from protocols.psi import okvs
from protocols.psi.okvs import Rows, Slots
from protocols.psi.ring_records import SALT_BYTES, Known
from protocols.session import Rng

_NAME_LABEL = b"accord/psi-ring-name/1\x00"
_PAIR_LABEL = b"accord/psi-ring-pair/1\x00"
_SHARE_LABEL = b"accord/psi-ring-share/1\x00"
_PLACE_LABEL = b"accord/psi-ring-place/1\x00"

_BASE = np.frombuffer(bytes([9]) + bytes(31), dtype=np.uint8).reshape(1, 32)

TRIES = 100
"""Salts that are tried: each fails for one list in 300 at most."""


def public_key(ephemeral: bytes) -> bytes:
    """Return the public key of a run for these 32 secret bytes."""
    return groups.evaluate(ephemeral, _BASE, backend=PYNACL).tobytes()


def pair_keys(known: Known) -> list[bytes]:
    """Return the key that this sender has with each of the other senders.

    Raises: InvalidElement if a public key must not be used.
    """
    run = known.run
    keys = []
    for other in (i for i in run.place().others() if i):
        public = groups.points_from_bytes(known.peers[other].public)
        groups.check_points(public)
        shared = groups.evaluate(run.ephemeral, public, backend=PYNACL).tobytes()
        pair = bytes(sorted((run.number, other)))
        keys.append(hashlib.sha256(_PAIR_LABEL + run.ctx + pair + shared).digest())
    return keys


def names(ctx: bytes, points: Points) -> bytes:
    """Return the 32-byte name of each point under the senders' common key."""
    rows, label = points.tobytes(), _NAME_LABEL + ctx
    return b"".join(
        hashlib.sha256(label + rows[i : i + 32]).digest() for i in range(0, len(rows), 32)
    )


def shares(keys: list[bytes], named: bytes, width: int) -> Rows:
    """Return this sender's share of each name, shape (n, width)."""
    return functools.reduce(operator.xor, (_stream(key, named, width) for key in keys))


def placed(salt: bytes, sender: int, named: bytes, count: int, width: int) -> tuple[Slots, Rows]:
    """Return where each name stands in a sender's table for `count` items, and what hides it there.

    Without the second, relations between the tables of two senders would show what they share.
    """
    label = _PLACE_LABEL + salt + bytes([sender])
    digests = b"".join(
        hashlib.sha512(label + named[i : i + 32]).digest() for i in range(0, len(named), 32)
    )
    rows = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 64)
    words: NDArray[np.uint64] = np.ascontiguousarray(rows[:, :24]).view("<u8").astype(np.uint64)
    return okvs.slots_of(words, count), rows[:, 24 : 24 + width]


def table(known: Known, named: bytes, rng: Rng) -> bytes | None:
    """Return this sender's salt and table for its items' names; None if no salt was found."""
    width, count = known.run.params.tag_bytes, len(named) // 32
    hidden = shares(pair_keys(known), named, width)
    size = 3 * okvs.third(count)
    for _ in range(TRIES):
        salt = rng(SALT_BYTES)
        filler = np.frombuffer(rng(size * width), dtype=np.uint8).reshape(size, width)
        slots, masks = placed(salt, known.run.number, named, count, width)
        made = okvs.encode(slots, hidden ^ masks, filler)
        if made is not None:
            return salt + made.tobytes()
    return None


def looked_up(data: bytes, sender: int, named: bytes, count: int, width: int) -> Rows:
    """Return what a sender's salt and table give for each name: its share, if it has the item."""
    salt, rows = data[:SALT_BYTES], data[SALT_BYTES:]
    slots, masks = placed(salt, sender, named, count, width)
    return okvs.decode(slots, np.frombuffer(rows, dtype=np.uint8).reshape(-1, width)) ^ masks


def _stream(key: bytes, named: bytes, width: int) -> Rows:
    label = _SHARE_LABEL + key
    data = b"".join(
        hashlib.sha256(label + named[i : i + 32]).digest()[:width] for i in range(0, len(named), 32)
    )
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width)
