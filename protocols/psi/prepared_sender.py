"""The sender's steps of `prepared.py`: offer the set, supply it, answer."""

import numpy as np

from protocols import groups
from protocols.codec import decode
from protocols.errors import LocalError
from protocols.groups import Backend
from protocols.psi import chunks, two_sides
from protocols.psi.params import PreparedParams
from protocols.psi.prepared_kept import ASKED, SET, Difference, PreparedSet
from protocols.psi.prepared_records import (
    Answered,
    Asked,
    Holding,
    Offer,
    Part,
    SenderAnswering,
    SenderFinishing,
    SenderOffering,
    SenderSupplying,
    What,
    both_sides,
)
from protocols.psi.tag_sets import bits_for
from protocols.session import Continue, Fetch, Rng, Role, Transition, Wait


def offer(state: SenderOffering, holding: Holding, fetch: Fetch) -> Transition:
    """Offer the set: as a difference if the receiver holds a version from which it is known."""
    run, total = state.run, state.total
    mine = decode(PreparedSet, fetch(SET))
    if mine.count != run.items.count:
        raise LocalError("the prepared set is not the one that this run began with")
    removed, added = 0, 0
    since: int | None = None
    if holding.epoch == mine.epoch and holding.version in (mine.version, *mine.earlier):
        since = holding.version.number
        difference = _difference(mine, since, fetch)
        removed, added = (
            len(part) // run.params.tag_bytes for part in (difference.removed, difference.added)
        )
    points = sum(2 * two_sides.slots(run.length_of(total, i)) for i in range(run.chunks_of(total)))
    check = run.check_of(Role.RESPONDER)
    said = Offer(check, mine.epoch, mine.version, mine.count, since is None, removed, added)
    following = SenderSupplying(run, total, since, 0)
    return Continue(following, said, {ASKED: points.to_bytes(8, "big")})


def _difference(mine: PreparedSet, since: int, fetch: Fetch) -> Difference:
    if since == mine.version.number:
        return Difference(b"", b"")
    return decode(Difference, fetch(f"since/{since:010}"))


def supply(state: SenderSupplying, fetch: Fetch) -> Transition:
    """Send the next part; after the last one await the first question."""
    run, index = state.run, state.next
    part = None
    if state.since is None:
        if index < 1 << bits_for(run.items.count, run.params.chunk_items):
            part = Part(What.WHOLE, index, fetch(chunks.kept("whole", index)))
    else:
        difference = _difference(decode(PreparedSet, fetch(SET)), state.since, fetch)
        part = _part_of(difference, index, run.params)
    if part is None:
        if state.total == 0:
            return Wait(SenderFinishing(run, 0))
        return Wait(SenderAnswering(run, state.total, 0))
    return Continue(SenderSupplying(run, state.total, state.since, index + 1), part)


def _part_of(difference: Difference, index: int, params: PreparedParams) -> Part | None:
    """Return part `index` of a difference; None behind the last."""
    size = params.chunk_items * params.tag_bytes
    at = index
    for what, data in ((What.REMOVED, difference.removed), (What.ADDED, difference.added)):
        count = -(-len(data) // size)
        if at < count:
            return Part(what, index, data[at * size : (at + 1) * size])
        at -= count
    return None


def answer(
    state: SenderAnswering, message: Asked, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    """Multiply a chunk of the receiver's points by the key.

    Raises: PeerError for a chunk that is not due, or points that must not meet the key.
    """
    run, total, due = state.run, state.total, state.next
    curve, twist = both_sides(run, total, message, due)
    key = decode(PreparedSet, fetch(SET)).key
    products = groups.evaluate_untrusted(
        key, np.concatenate([curve, twist]), rng(32), backend=backend
    )
    reply = Answered(due, products[: len(curve)].tobytes(), products[len(curve) :].tobytes())
    if due + 1 == run.chunks_of(total):
        return Continue(SenderFinishing(run, total), reply)
    return Continue(SenderAnswering(run, total, due + 1), reply)
