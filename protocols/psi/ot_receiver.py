"""The receiver's half of `psi-ot`: its items in bins, the correction it sends, and the match.

Chunks kept: `zeros` and `ones` (the keys of the base transfers, secret); for each bucket its items;
while a bucket is worked on, for each message what is in every bin, then this side's own values,
then the sender's; and of each finished bucket the positions that matched.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.errors import HashingFailed
from protocols.ot import base, code, matrix
from protocols.psi import chunks, cuckoo
from protocols.psi.columns import Layout
from protocols.psi.join import Tags, join_pairs, tags_from_bytes
from protocols.psi.ot_items import (
    Hashes,
    bins_for,
    items_by_bucket,
    items_from,
    named,
    nonce_of,
    tweaks_of,
)
from protocols.psi.ot_records import (
    SALT_BYTES,
    Bucket,
    Correction,
    Done,
    Opening,
    ReceiverCollecting,
    ReceiverOpening,
    ReceiverSending,
    Session,
    Values,
)
from protocols.psi.params import Labelled, Members, OtParams
from protocols.session import Continue, Fetch, Finish, Rng, Transition, Wait

ZEROS, ONES = "zeros", "ones"
SALTS_TRIED = 8
"""After so many salts without a placing the run is given up: never, in practice."""

_BINS = Layout(("<u8", 2), ("<u4", 1), ("u1", 1))
"""Block of the item, its position in the input, number of the hash that led here."""
_NOBODY = np.uint32(2**32 - 1)
"""Position where a bin is empty. Its block is zero, which the sender cannot see."""


def start(state: ReceiverOpening, opening: Opening, fetch: Fetch, rng: Rng) -> Transition:
    """Take the sender's opening: keys from the base transfers, own items into buckets."""
    run = state.run
    zeros, ones = base.give(run.ctx, state.scalar, opening.points)
    session_bytes = run.session(base.point_of(state.scalar), opening.points)
    session = Session(run, session_bytes, run.items.count, opening.total)
    plan = session.plan()
    if plan.buckets == 0:
        return _finish(session, [])
    items = items_by_bucket(session, plan.receiver_room, fetch)
    first = items[chunks.kept("items", 0)]
    return _begin_bucket(session, 0, first, {ZEROS: zeros, ONES: ones, **items}, rng)


def _begin_bucket(
    session: Session, bucket: int, items: bytes, keep: dict[str, bytes], rng: Rng
) -> Continue:
    """Place the bucket's items in bins and say by which salt."""
    blocks, positions = items_from(items)
    for _ in range(SALTS_TRIED):
        salt = rng(SALT_BYTES)
        bins = bins_for(session, bucket, salt, blocks)
        table = cuckoo.place(bins, session.plan().bins)
        if table is not None:
            break
    else:
        raise HashingFailed
    (full,) = np.nonzero(table >= 0)
    there = table[full]
    in_bins = np.zeros((len(table), 2), dtype=np.uint64)
    in_bins[full] = blocks.take(there, axis=0)
    whose = np.full(len(table), _NOBODY)
    whose[full] = positions.take(there)
    hashes = np.zeros(len(table), dtype=np.uint8)
    for h in range(1, cuckoo.HASHES):
        hashes[full[bins[h, there] == full]] = h
    size = session.run.params.chunk_rows
    for i in range(session.blocks()):
        part = slice(i * size, (i + 1) * size)
        name = chunks.kept(named("bins", bucket), i)
        keep[name] = _BINS.pack(in_bins[part], whose[part], hashes[part])
    return Continue(ReceiverSending(session, bucket, 0), Bucket(bucket, salt), keep)


def send(state: ReceiverSending, fetch: Fetch) -> Transition:
    """Send the next block of the correction; keep the own values of its bins."""
    session, bucket, index = state.session, state.bucket, state.next
    if index == session.blocks():
        return Wait(ReceiverCollecting(session, bucket, 0))
    rows = session.rows_of(index)
    blocks, positions, hashes = read_bins(fetch(chunks.kept(named("bins", bucket), index)), rows)
    nonce = nonce_of(bucket, index)
    mine = matrix.expand(fetch(ZEROS), nonce, rows)
    correction = matrix.expand(fetch(ONES), nonce, rows)
    correction ^= mine
    correction ^= code.Code(session.session).words_of(blocks)
    values = _own_values(session, bucket, index, mine, positions, hashes)
    message = Correction(bucket, index, matrix.rows_to_bytes(correction))
    following = ReceiverSending(session, bucket, index + 1)
    return Continue(following, message, {chunks.kept(named("mine", bucket), index): values})


def read_bins(chunk: bytes, rows: int | None = None) -> list[NDArray[Any]]:
    """Return blocks, positions and hash numbers of a message's bins. Raises: LocalError."""
    return _BINS.unpack(chunk, rows)


def _own_values(
    session: Session,
    bucket: int,
    index: int,
    rows: matrix.Rows,
    positions: NDArray[np.uint32],
    hashes: NDArray[np.uint8],
) -> bytes:
    """Return values, positions and hash numbers of the bins that are not empty."""
    first = index * session.run.params.chunk_rows
    (full,) = np.nonzero(positions != _NOBODY)
    tweaks = tweaks_of(first + full, hashes[full])
    hashed = Hashes(session, bucket)
    values = np.empty((len(full), session.value_bytes()), dtype=np.uint8)
    for key_row, low, high in code.key_ranges(full, len(positions)):
        some = rows.take(full[low:high], axis=1)
        values[low:high] = hashed.values(first, key_row, some, tweaks[low:high])
    return _mine(session).pack(values, positions[full], hashes[full])


def _mine(session: Session) -> Layout:
    return Layout(("u1", session.value_bytes()), ("<u4", 1), ("u1", 1))


def collect(state: ReceiverCollecting, message: Values, fetch: Fetch, rng: Rng) -> Transition:
    """Take a chunk of the sender's values; with the bucket's last one, match."""
    session, bucket, due = state.session, state.bucket, state.next
    chunks.check_chunk(message.bucket, bucket, b"", 0)
    size = cuckoo.HASHES * session.value_bytes() * session.values_of(due)
    chunks.check_chunk(message.index, due, message.values, size)
    keep = {chunks.kept(named("theirs", bucket), due): message.values}
    if due + 1 < session.value_chunks():
        return Wait(ReceiverCollecting(session, bucket, due + 1), keep)
    found = _match(session, bucket, message.values, fetch)
    if bucket + 1 == session.plan().buckets:
        before = [fetch(chunks.kept("found", i)) for i in range(bucket)]
        return _finish(session, [*before, found])
    keep[chunks.kept("found", bucket)] = found
    items = fetch(chunks.kept("items", bucket + 1))
    return _begin_bucket(session, bucket + 1, items, keep, rng)


def _match(session: Session, bucket: int, last: bytes, fetch: Fetch) -> bytes:
    """Return the positions of a bucket's own items that the sender has, and their labels."""
    names = [chunks.kept(named("mine", bucket), i) for i in range(session.blocks())]
    own: list[Any] = [_mine(session).unpack(fetch(name)) for name in names]
    mine, positions, hashes = (np.concatenate(column) for column in zip(*own, strict=True))
    before = range(session.value_chunks() - 1)
    sent = [fetch(chunks.kept(named("theirs", bucket), i)) for i in before] + [last]
    t, found = session.run.params.tag_bytes, []
    for h in range(cuckoo.HASHES):
        here = np.flatnonzero(hashes == h)
        ours, theirs = mine.take(here, axis=0), _third(sent, h, mine.shape[1])
        left, right = join_pairs(ours[:, :t], theirs[:, :t])
        labels = ours[left, t:] ^ theirs[right, t:]
        found.append((positions[here[left]], labels))
    columns = (np.concatenate(column) for column in zip(*found, strict=True))
    return _found(session.run.params).pack(*columns)


def _third(sent: list[bytes], h: int, value_bytes: int) -> Tags:
    """Return the values in the sender's first, second or third bins."""
    thirds = ((part, len(part) // cuckoo.HASHES) for part in sent)
    return tags_from_bytes(b"".join(p[n * h : n * (h + 1)] for p, n in thirds), value_bytes)


def _found(params: OtParams) -> Layout:
    return Layout(("<u4", 1), ("u1", params.label_bytes))


def _finish(session: Session, found: list[bytes]) -> Finish:
    params = session.run.params
    read = [_found(params).unpack(part) for part in found]
    positions = np.concatenate([np.zeros(0, dtype="<u4"), *(part[0] for part in read)])
    order = np.argsort(positions)
    keep = {chunks.MATCHED: positions[order].tobytes()}
    if params.label_bytes == 0:
        return Finish(Members(len(order)), Done(), keep)
    nothing = np.zeros((0, params.label_bytes), dtype=np.uint8)
    labels = np.concatenate([nothing, *(part[1].reshape(-1, params.label_bytes) for part in read)])
    keep[chunks.LABELS] = labels[order].tobytes()
    labelled = Labelled(len(order), params.label_bytes, session.sender_total)
    return Finish(labelled, Done(), keep)
