"""The receiver's steps of `prepared.py`: take the set, ask, look up."""

import numpy as np

from protocols import groups
from protocols.codec import decode, encode
from protocols.errors import LocalError, MalformedMessage, TooManyElements, UnexpectedMessage
from protocols.groups import Backend
from protocols.psi import chunks, held_copy, two_sides
from protocols.psi.epochs import EPOCH_BYTES, NO_EPOCH, epoch_context, tags_of_points
from protocols.psi.join import check_distinct, tags_from_bytes
from protocols.psi.params import Members
from protocols.psi.prepared_kept import COPY, KEPT, HeldCopy, Version
from protocols.psi.prepared_records import (
    Answered,
    Asked,
    Done,
    Holding,
    Offer,
    Part,
    Questions,
    ReceiverAsking,
    ReceiverCollecting,
    ReceiverFetching,
    Run,
    What,
    both_sides,
)
from protocols.psi.tag_sets import bits_for
from protocols.session import Continue, Fetch, Finish, Rng, Role, Transition, Wait


def holding(run: Run, fetch: Fetch) -> Holding:
    """Return which version of the set the receiver holds."""
    copy = _copy(run, fetch)
    ctx = epoch_context(copy.scope, copy.epoch, copy.tag_bytes)
    return Holding(copy.epoch, Version(copy.number, copy.checksum.digest(ctx, copy.number)))


def _copy(run: Run, fetch: Fetch) -> HeldCopy:
    copy = decode(HeldCopy, fetch(COPY))
    if copy.tag_bytes != run.params.tag_bytes:
        raise LocalError("the copy of the set has tags of another length")
    return copy


def accept(run: Run, offer: Offer, fetch: Fetch, rng: Rng, backend: Backend | None) -> Transition:
    """Take an offer: await the parts that it announces, or ask at once where there are none.

    Raises: PeerError for one that cannot be.
    """
    copy = _copy(run, fetch)
    run.check_opening(offer.check, offer.total, Role.RESPONDER)
    if len(offer.epoch) != EPOCH_BYTES or offer.version.number < 0:
        raise MalformedMessage("the offer names no version of a set")
    if offer.whole:
        if offer.removed or offer.added:
            raise MalformedMessage("a whole set has no difference")
        bits = bits_for(offer.total, run.params.chunk_items)
        fresh = held_copy.empty(copy.scope, offer.epoch, run.params.tag_bytes, bits)
        return Wait(ReceiverFetching(run, offer, fresh, 0))
    if offer.epoch != copy.epoch or copy.epoch == NO_EPOCH:
        raise MalformedMessage("a difference was offered to a set that is not here")
    if (
        min(offer.removed, offer.added) < 0
        or max(offer.removed, offer.added) > run.params.max_items
    ):
        raise TooManyElements(f"more than {run.params.max_items} changes were announced")
    if offer.total != copy.checksum.count - offer.removed + offer.added:
        raise MalformedMessage("the difference does not lead to as many tags as were announced")
    state = ReceiverFetching(run, offer, copy, 0)
    if _parts(run, offer) == 0:
        return _settle(state, copy, {}, fetch, rng, backend)
    return Wait(state)


def _parts(run: Run, offer: Offer) -> int:
    """Return how many parts an offer announces."""
    if offer.whole:
        return 1 << bits_for(offer.total, run.params.chunk_items)
    return run.chunks_of(offer.removed) + run.chunks_of(offer.added)


def take_part(
    state: ReceiverFetching, part: Part, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    """Take a part of the set; with the last one the copy is complete, and the first question goes.

    Raises: PeerError for a part that is not due or does not fit.
    """
    run, offer, due = state.run, state.offer, state.next
    if part.index != due:
        raise UnexpectedMessage(f"part {part.index} came where {due} is due")
    last = due + 1 == _parts(run, offer)
    if offer.whole:
        if part.what is not What.WHOLE:
            raise UnexpectedMessage("another kind of part is due")
        copy, keep = held_copy.take_bucket(state.copy, due, part.tags, run.params.chunk_items)
        if copy.checksum.count > offer.total:
            raise TooManyElements("more tags came than were announced")
    else:
        what, size = _due(run, offer, due)
        if part.what is not what:
            raise UnexpectedMessage("another kind of part is due")
        chunks.check_chunk(part.index, due, part.tags, size * run.params.tag_bytes)
        copy, keep = state.copy, {chunks.kept("part", due): part.tags}
        if last:
            copy, keep = _apply(state, part.tags, fetch)
    following = ReceiverFetching(run, offer, copy, due + 1)
    return _settle(following, copy, keep, fetch, rng, backend) if last else Wait(following, keep)


def _due(run: Run, offer: Offer, index: int) -> tuple[What, int]:
    """Return what part `index` of a difference consists of, and how many tags it has."""
    removals = run.chunks_of(offer.removed)
    if index < removals:
        return What.REMOVED, run.length_of(offer.removed, index)
    return What.ADDED, run.length_of(offer.added, index - removals)


def _apply(state: ReceiverFetching, last: bytes, fetch: Fetch) -> tuple[HeldCopy, dict[str, bytes]]:
    """Apply a difference of which `last` is the last part."""
    before = [fetch(chunks.kept("part", i)) for i in range(state.next)]
    data = b"".join([*before, last])
    cut = state.offer.removed * state.copy.tag_bytes
    return held_copy.apply(state.copy, data[:cut], data[cut:], fetch)


def _settle(
    state: ReceiverFetching,
    copy: HeldCopy,
    keep: dict[str, bytes],
    fetch: Fetch,
    rng: Rng,
    backend: Backend | None,
) -> Transition:
    """The copy should now be the set that was offered: check that, and begin to ask."""
    run, offer = state.run, state.offer
    copy = held_copy.checked(copy, offer)
    keep = keep | {KEPT: encode(copy)}
    if run.items.count == 0:
        return Finish(Members(0), Done(), keep | {chunks.MATCHED: b""})
    questions = Questions(
        run,
        copy,
        two_sides.draw(two_sides.CURVE_ORDER, rng),
        two_sides.draw(two_sides.TWIST_ORDER, rng),
    )
    return ask(questions, 0, keep, fetch, rng, backend)


def ask(
    questions: Questions,
    index: int,
    keep: dict[str, bytes],
    fetch: Fetch,
    rng: Rng,
    backend: Backend | None,
) -> Transition:
    """Send the next chunk of questions; after the last one await the first answer."""
    run, copy = questions.run, questions.copy
    if index == run.items.chunk_count():
        return Wait(ReceiverCollecting(questions, 0), keep)
    digests = chunks.read_own(fetch, run.items, index)
    points = groups.hash_to_group(epoch_context(copy.scope, copy.epoch, copy.tag_bytes), digests)
    if groups.has_duplicates(points.view("<u8")):
        raise LocalError("the input has an item twice")
    sent = two_sides.blind(questions.curve, questions.twist, points, rng, backend=backend)
    keep = keep | {chunks.kept("sides", index): sent.sides.astype(np.uint8).tobytes()}
    message = Asked(index, sent.curve.tobytes(), sent.twist.tobytes())
    return Continue(ReceiverAsking(questions, index + 1), message, keep)


def collect(
    state: ReceiverCollecting, message: Answered, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    """Take a chunk of answers; with the last one look all tags up in the copy.

    Raises: PeerError for a chunk that is not due or must not be used.
    """
    questions, due = state.questions, state.next
    run, copy = questions.run, questions.copy
    answers = both_sides(run, run.items.count, message, due)
    sides = np.frombuffer(fetch(chunks.kept("sides", due)), dtype=np.uint8).astype(np.bool)
    if len(sides) != run.length_of(run.items.count, due):
        raise LocalError("a kept chunk has the wrong length")
    points = two_sides.unblind(
        questions.curve, questions.twist, sides, answers, rng, backend=backend
    )
    ctx = epoch_context(copy.scope, copy.epoch, copy.tag_bytes)
    tags = tags_of_points(ctx, points, copy.tag_bytes).tobytes()
    keep = {chunks.kept("mine", due): tags}
    if due + 1 < run.items.chunk_count():
        return Wait(ReceiverCollecting(questions, due + 1), keep)
    earlier = b"".join(fetch(chunks.kept("mine", i)) for i in range(due))
    mine = tags_from_bytes(earlier + tags, copy.tag_bytes)
    check_distinct(mine)
    matched = held_copy.positions(copy, mine, fetch)
    keep |= {chunks.MATCHED: matched.astype("<u4").tobytes()}
    return Finish(Members(len(matched)), Done(), keep)
