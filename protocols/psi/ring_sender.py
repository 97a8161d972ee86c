"""A sender's side of `ring.py`: it passes lists on, and makes a table of its own."""

import numpy as np

from protocols import scalars
from protocols.codec import Record
from protocols.errors import LocalError
from protocols.multi_party import RECEIVER, Continue, Finish, Transition, Wait
from protocols.psi import chunks, ring_shares
from protocols.psi.join import check_distinct, tags_from_bytes
from protocols.psi.means import Means
from protocols.psi.params import SenderDone
from protocols.psi.ring_records import Done, Known, Passed, Table
from protocols.psi.ring_states import (
    Finishing,
    Relaying,
    Returning,
    SenderCollecting,
    SenderSending,
    Tabling,
)


def step(  # noqa: C901 - one case for each arrow
    means: Means, state: Record, message: Record | None
) -> Transition:
    """Take a sender one arrow further."""
    match state, message:
        case SenderSending(known, index), None:
            return send_own(means, known, index)
        case Relaying(known, hop, index), None:
            if index == known.run.chunks_of(known.total(_owner(known, hop))):
                return _after(means, known, hop)
            return Wait(state, _way(known, hop)[0])
        case Relaying(known, hop), Passed(owner) if owner == _owner(known, hop):
            return _relay(means, state, message)
        case Returning(known, hop, index), None:
            owner = _owner(known, hop)
            if index == known.run.chunks_of(known.total(owner)):
                return _after(means, known, hop)
            points = means.fetch(chunks.kept(f"shuffled-{hop}", index))
            return _pass_on(Returning(known, hop, index + 1), Passed(owner, index, points), {})
        case SenderCollecting(known), Passed(owner) if owner == known.run.number:
            return _collect(means, state, message)
        case Tabling(known, index), None:
            if index == -(-known.run.table_bytes(known.run.items.count) // _size(known)):
                return Wait(Finishing(known), RECEIVER)
            table = Table(index, means.fetch(chunks.kept("table", index)))
            return Continue(Tabling(known, index + 1), RECEIVER, table)
        case Finishing(known), Done():
            return Finish(SenderDone(known.total(RECEIVER)))
        case _:
            raise chunks.unexpected(state, message)


def send_own(means: Means, known: Known, index: int) -> Transition:
    """Send chunk `index` of the list; after the last, pass on those of others."""
    run = known.run
    if index == run.chunks_of(run.items.count):
        return _await(means, known, 0)
    digests = chunks.read_own(means.fetch, run.items, index)
    passed = Passed(run.number, index, means.blinded(run.blind, run.ctx, digests))
    return Continue(SenderSending(known, index + 1), _neighbour(known, 1), passed)


# The order of things: the lists of the senders before this one, nearest first; the own one, which
# has been everywhere by then; the receiver's.


def _neighbour(known: Known, steps: int) -> int:
    """Return the sender so many steps further in the ring of senders."""
    senders = known.run.parties - 1
    return (known.run.number - 1 + steps) % senders + 1


def _last_hop(known: Known) -> int:
    """Return the hop of the receiver's list."""
    return known.run.parties - 2


def _owner(known: Known, hop: int) -> int:
    return RECEIVER if hop == _last_hop(known) else _neighbour(known, -1 - hop)


def _way(known: Known, hop: int) -> tuple[int, int]:
    """Return from whom a list comes and to whom it goes."""
    if hop < _last_hop(known):
        return _neighbour(known, -1), _neighbour(known, 1)
    number = known.run.number
    return number - 1, (number + 1) % known.run.parties


def _await(means: Means, known: Known, hop: int) -> Transition:
    """Await the list of that hop, or what comes after it if it is empty."""
    if hop == _last_hop(known):
        if known.run.items.count == 0:
            return _await_receivers(means, known, {})
        return Wait(SenderCollecting(known, 0), _neighbour(known, -1))
    if known.total(_owner(known, hop)) == 0:
        return _await(means, known, hop + 1)
    return Wait(Relaying(known, hop, 0), _way(known, hop)[0])


def _await_receivers(means: Means, known: Known, keep: dict[str, bytes]) -> Transition:
    hop = _last_hop(known)
    if known.total(RECEIVER) == 0:
        return _tabulate(means, known, keep)
    return Wait(Relaying(known, hop, 0), _way(known, hop)[0], keep)


def _after(means: Means, known: Known, hop: int) -> Transition:
    if hop == _last_hop(known):
        return _tabulate(means, known, {})
    return _await(means, known, hop + 1)


# Lists


def _relay(means: Means, state: Relaying, message: Passed) -> Transition:
    """Put a chunk under the own key; pass it on, or hold it until it can be shuffled."""
    known, hop, index, run = state.known, state.hop, state.next, state.known.run
    owner = _owner(known, hop)
    onward = means.evaluated(run.key, known.due(owner, index, message)).tobytes()
    following = Relaying(known, hop, index + 1)
    if not run.count_only:
        return _pass_on(following, Passed(owner, index, onward), {})
    if index + 1 < run.chunks_of(known.total(owner)):
        return Wait(following, _way(known, hop)[0], {chunks.kept(f"held-{hop}", index): onward})
    held = means.points(f"held-{hop}", index).tobytes() + onward
    points = np.frombuffer(held, dtype=np.uint8).reshape(-1, 32)
    # An item sent several times would be known by its number in the shuffled list.
    check_distinct(np.ascontiguousarray(points[:, :16]))
    keep = chunks.cut(f"shuffled-{hop}", means.in_secret_order(points), 32 * run.params.chunk_items)
    first = Passed(owner, 0, keep[chunks.kept(f"shuffled-{hop}", 0)])
    return _pass_on(Returning(known, hop, 1), first, keep)


def _pass_on(state: Relaying | Returning, passed: Passed, keep: dict[str, bytes]) -> Transition:
    return Continue(state, _way(state.known, state.hop)[1], passed, keep)


def _collect(means: Means, state: SenderCollecting, message: Passed) -> Transition:
    known, index, run = state.known, state.next, state.known.run
    points = known.due(run.number, index, message)
    onward = means.evaluated(scalars.leading_from(run.blind, run.key), points)
    keep = {chunks.kept("mine", index): ring_shares.names(run.ctx, onward)}
    if index + 1 < run.chunks_of(run.items.count):
        return Wait(SenderCollecting(known, index + 1), _neighbour(known, -1), keep)
    return _await_receivers(means, known, keep)


# The table


def _tabulate(means: Means, known: Known, keep: dict[str, bytes]) -> Transition:
    run = known.run
    count = run.chunks_of(run.items.count)
    named = b"".join(
        keep.get(name) or means.fetch(name)
        for name in (chunks.kept("mine", i) for i in range(count))
    )
    check_distinct(np.ascontiguousarray(tags_from_bytes(named, 32)[:, :16]))
    made = ring_shares.table(known, named, means.rng)
    if made is None:
        raise LocalError("no table was found for this set")
    keep = keep | chunks.cut("table", made, _size(known))
    first = Table(0, keep[chunks.kept("table", 0)])
    return Continue(Tabling(known, 1), RECEIVER, first, keep)


def _size(known: Known) -> int:
    return known.run.table_chunk_bytes()
