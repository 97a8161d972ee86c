"""The receiver's side of `ring.py`: its list goes round, tables come in, shares cancel out."""

import functools
import operator

import numpy as np

from protocols import scalars
from protocols.codec import Record
from protocols.multi_party import RECEIVER, Continue, Finish, Transition, Wait
from protocols.psi import chunks, ring_shares
from protocols.psi.join import check_distinct, tags_from_bytes
from protocols.psi.means import Means
from protocols.psi.okvs import Rows
from protocols.psi.params import Cardinality, Members
from protocols.psi.ring_records import Done, Known, Passed, Table
from protocols.psi.ring_states import Gathering, ReceiverCollecting, ReceiverSending, Telling

_FIRST = 1
"""The first sender."""


def step(means: Means, state: Record, message: Record | None) -> Transition:
    """Take the receiver one arrow further."""
    match state, message:
        case ReceiverSending(known, index), None:
            return send_own(means, known, index)
        case ReceiverCollecting(), Passed(owner) if owner == RECEIVER:
            return _collect(means, state, message)
        case Gathering(), Table():
            return _gather(means, state, message)
        case Telling(known, count, following), None:
            if following == known.run.parties:
                if known.run.count_only:
                    return Finish(Cardinality(count - known.run.params.dummies // 2))
                return Finish(Members(count))
            return Continue(Telling(known, count, following + 1), following, Done())
        case _:
            raise chunks.unexpected(state, message)


def send_own(means: Means, known: Known, index: int) -> Transition:
    """Send chunk `index` of the list; after the last, await it back."""
    run = known.run
    if index < run.chunks_of(run.items.count):
        digests = chunks.read_own(means.fetch, run.items, index)
        points = means.blinded(run.blind, run.ctx, digests)
        return Continue(ReceiverSending(known, index + 1), _FIRST, Passed(RECEIVER, index, points))
    if run.items.count == 0:
        return Wait(Gathering(known, _FIRST, 0), _FIRST)
    return Wait(ReceiverCollecting(known, 0), run.parties - 1)


def _collect(means: Means, state: ReceiverCollecting, message: Passed) -> Transition:
    known, index, run = state.known, state.next, state.known.run
    points = known.due(RECEIVER, index, message)
    named = ring_shares.names(run.ctx, means.evaluated(scalars.leading_from(run.blind), points))
    keep = {chunks.kept("mine", index): named}
    if index + 1 < run.chunks_of(run.items.count):
        return Wait(ReceiverCollecting(known, index + 1), run.parties - 1, keep)
    return Wait(Gathering(known, _FIRST, 0), _FIRST, keep)


def _gather(means: Means, state: Gathering, message: Table) -> Transition:
    known, sender, index, run = state.known, state.sender, state.next, state.known.run
    whole, size = run.table_bytes(known.total(sender)), run.table_chunk_bytes()
    chunks.check_chunk(message.index, index, message.data, min(size, whole - index * size))
    keep = {chunks.kept(f"table-{sender}", index): message.data}
    if (index + 1) * size < whole:
        return Wait(Gathering(known, sender, index + 1), sender, keep)
    if sender + 1 < run.parties:
        return Wait(Gathering(known, sender + 1, 0), sender + 1, keep)
    return _join(means, known, keep)


def _join(means: Means, known: Known, keep: dict[str, bytes]) -> Transition:
    """Find the items for which the shares of all senders cancel out."""
    run, width = known.run, known.run.params.tag_bytes
    named = chunks.read_kept(means.fetch, "mine", run.chunks_of(run.items.count), 32)
    check_distinct(np.ascontiguousarray(tags_from_bytes(named, 32)[:, :16]))
    last = run.parties - 1

    def shares_of(sender: int) -> Rows:
        total = known.total(sender)
        count = -(-run.table_bytes(total) // run.table_chunk_bytes())
        what = f"table-{sender}"
        data = b"".join(
            keep.get(name) or means.fetch(name)
            for name in (chunks.kept(what, i) for i in range(count))
        )
        return ring_shares.looked_up(data, sender, named, total, width)

    together = functools.reduce(operator.xor, map(shares_of, range(_FIRST, last + 1)))
    matched = np.flatnonzero(~together.any(axis=1))
    if not run.count_only:
        keep |= {chunks.MATCHED: matched.astype("<u4").tobytes()}
    return Continue(Telling(known, len(matched), _FIRST + 1), _FIRST, Done(), keep)
