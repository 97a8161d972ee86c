"""The sender's half of `psi-ot`: its items in all their bins, and their values.

Chunks kept: `chosen` (the keys of the base transfers and the secret bits); for each bucket its
items; while a bucket is worked on, for each message of the receiver the *entries* that it concerns,
each an item in one of its bins, then their values, and at the end the values as they are sent.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot import base, code, matrix
from protocols.psi import chunks, cuckoo
from protocols.psi.columns import Layout
from protocols.psi.join import Tags, tags_from_bytes
from protocols.psi.ot_items import (
    Hashes,
    bins_for,
    items_by_bucket,
    items_from,
    named,
    nonce_of,
    positions_from,
    tweaks_of,
)
from protocols.psi.ot_records import (
    SALT_BYTES,
    Bucket,
    Correction,
    Opening,
    SenderEvaluating,
    SenderFinishing,
    SenderHashing,
    SenderOpening,
    SenderReturning,
    Session,
    Values,
)
from protocols.session import Continue, Fetch, Rng, Role, Transition, Wait
from protocols.shuffle import SEED_BYTES, permutation

CHOSEN = "chosen"

_ENTRIES = Layout(("<u8", 2), ("<u4", 1), ("<u4", 1), ("u1", 1))
"""Block of the item, one of its bins, its number in the bucket, number of the hash."""


def start(state: SenderOpening, opening: Opening, fetch: Fetch, rng: Rng) -> Transition:
    """Take the receiver's opening: choose among its keys, own items into buckets, answer."""
    run = state.run
    secret = rng(matrix.ROW_BYTES)
    bits = np.unpackbits(np.frombuffer(secret, dtype=np.uint8), bitorder="little").tobytes()
    seed = rng(base.SEED_BYTES * matrix.COLUMNS)
    points, keys = base.choose(run.ctx, opening.points, bits, seed)
    session = Session(run, run.session(opening.points, points), opening.total, run.items.count)
    answer = Opening(run.check_of(Role.RESPONDER), run.items.count, points)
    plan = session.plan()
    if plan.buckets == 0:
        return Continue(SenderFinishing(opening.total, run.items.count), answer)
    items = items_by_bucket(session, plan.sender_room, fetch)
    keep = {CHOSEN: keys + secret, **items}
    if run.params.label_bytes:
        keep |= _labels_by_bucket(session, items, fetch)
    return Continue(SenderHashing(session, 0), answer, keep)


def lay_out(state: SenderHashing, message: Bucket, fetch: Fetch) -> Transition:
    """Take the salt of a bucket: lay out the own items by the messages that will concern them."""
    session, bucket = state.session, state.bucket
    chunks.check_chunk(message.bucket, bucket, message.salt, SALT_BYTES)
    blocks, _ = items_from(fetch(chunks.kept("items", bucket)))
    bins = bins_for(session, bucket, message.salt, blocks)
    keys = (bins.reshape(-1) // code.KEY_ROWS).astype(np.uint16)
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    per_message = session.run.params.chunk_rows // code.KEY_ROWS
    edges = np.searchsorted(keys[order], per_message * np.arange(session.blocks() + 1))
    keep = {}
    for i in range(session.blocks()):
        part = order[edges[i] : edges[i + 1]]
        hashes, items = np.divmod(part, np.uint32(max(1, len(blocks))))
        name = chunks.kept(named("entries", bucket), i)
        keep[name] = _ENTRIES.pack(
            blocks.take(items, axis=0), bins.reshape(-1).take(part), items, hashes
        )
    return Wait(SenderEvaluating(session, bucket, 0), keep)


def evaluate(state: SenderEvaluating, message: Correction, fetch: Fetch, rng: Rng) -> Transition:
    """Take a block of the receiver's correction: the values of the entries in its bins."""
    session, bucket, due = state.session, state.bucket, state.next
    chunks.check_chunk(message.bucket, bucket, b"", 0)
    rows = session.rows_of(due)
    chunks.check_chunk(message.index, due, message.rows, matrix.ROW_BYTES * rows)
    chosen = fetch(CHOSEN)
    keys, secret = chosen[: -matrix.ROW_BYTES], matrix.rows_from_bytes(chosen[-matrix.ROW_BYTES :])
    own = matrix.rows_from_bytes(message.rows)
    own &= secret
    own ^= matrix.expand(keys, nonce_of(bucket, due), rows)
    values = _values(session, bucket, due, own, secret, fetch)
    keep = {chunks.kept(named("values", bucket), due): values}
    if due + 1 < session.blocks():
        return Wait(SenderEvaluating(session, bucket, due + 1), keep)
    return _begin_return(session, bucket, values, keep, fetch, rng)


def _values(
    session: Session,
    bucket: int,
    index: int,
    rows: matrix.Rows,
    secret: matrix.Rows,
    fetch: Fetch,
) -> bytes:
    """Return the value of each entry in a message's bins, in the order of the entries."""
    name = chunks.kept(named("entries", bucket), index)
    blocks, bins, _, hashes = _ENTRIES.unpack(fetch(name))
    first = index * session.run.params.chunk_rows
    tweaks, here = tweaks_of(bins, hashes), bins - np.uint32(first)
    words_of = code.Code(session.session).words_of
    hashed = Hashes(session, bucket)
    values = np.empty((len(bins), session.value_bytes()), dtype=np.uint8)
    for key_row, low, high in code.key_ranges(here, rows.shape[1]):
        inputs = words_of(blocks[low:high])
        inputs &= secret
        inputs ^= rows.take(here[low:high], axis=1)
        values[low:high] = hashed.values(first, key_row, inputs, tweaks[low:high])
    return values.tobytes()


def _begin_return(
    session: Session, bucket: int, last: bytes, keep: dict[str, bytes], fetch: Fetch, rng: Rng
) -> Continue:
    """Put all values of a bucket in the order of the items, fill up, and begin to send them."""
    size, room = session.value_bytes(), session.plan().sender_room
    names = range(session.blocks())
    entries = [_ENTRIES.unpack(fetch(chunks.kept(named("entries", bucket), i))) for i in names]
    items, hashes = (np.concatenate([e[column] for e in entries]) for column in (2, 3))
    before = [fetch(chunks.kept(named("values", bucket), i)) for i in names[:-1]]
    values = tags_from_bytes(b"".join([*before, last]), size)
    if session.run.params.label_bytes:
        values = _with_labels(session, bucket, items, values, fetch)
    values = values.view(f"V{size}").reshape(-1)
    if len(values) < cuckoo.HASHES * room:
        # Which places are filled up is hidden by the order.
        places = permutation(rng(SEED_BYTES), room)
        items = places.take(items)
        ordered = np.frombuffer(bytearray(rng(cuckoo.HASHES * room * size)), dtype=f"V{size}")
    else:
        ordered = np.empty(cuckoo.HASHES * room, dtype=f"V{size}")
    ordered[hashes * np.int64(room) + items] = values
    by_hash = ordered.reshape(cuckoo.HASHES, room)
    places_each = session.run.params.chunk_items
    for i in range(session.value_chunks()):
        part = by_hash[:, i * places_each : (i + 1) * places_each]
        keep[chunks.kept(named("sent", bucket), i)] = part.tobytes()
    first = keep[chunks.kept(named("sent", bucket), 0)]
    return Continue(SenderReturning(session, bucket, 1), Values(bucket, 0, first), keep)


def _with_labels(
    session: Session, bucket: int, items: NDArray[np.uint32], values: Tags, fetch: Fetch
) -> Tags:
    """Return the values with the labels of their items under the pads."""
    size = session.run.params.label_bytes
    labels = tags_from_bytes(fetch(chunks.kept("labels", bucket)), size).take(items, axis=0)
    sealed = values.copy()
    sealed[:, -size:] ^= labels
    return sealed


def _labels_by_bucket(session: Session, items: dict[str, bytes], fetch: Fetch) -> dict[str, bytes]:
    """Return a chunk for each bucket with the labels of its items.

    Raises: LocalError if the input has not a label for each item.
    """
    own, size = session.run.items, session.run.params.label_bytes
    data = b"".join(fetch(chunks.own_labels(i)) for i in range(own.chunk_count()))
    if len(data) != size * own.count:
        raise LocalError("the input has not a label for each item")
    labels = tags_from_bytes(data, size)
    return {
        chunks.kept("labels", i): labels.take(positions_from(chunk), axis=0).tobytes()
        for i, chunk in enumerate(items.values())
    }


def give_back(state: SenderReturning, fetch: Fetch) -> Transition:
    """Send the next chunk of a bucket's values, or await the next bucket."""
    session, bucket, index = state.session, state.bucket, state.next
    if index < session.value_chunks():
        values = fetch(chunks.kept(named("sent", bucket), index))
        return Continue(SenderReturning(session, bucket, index + 1), Values(bucket, index, values))
    if bucket + 1 < session.plan().buckets:
        return Wait(SenderHashing(session, bucket + 1))
    return Wait(SenderFinishing(session.receiver_total, session.sender_total))
