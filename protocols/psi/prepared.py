"""Private set intersection with a set that the sender has prepared: for very unequal sizes.

    before, once for each epoch                              sender (responder)
                                                             key b; tags of b·H(y) for its set
    receiver (initiator)
             ── Opening: check, number of items ──────────►
             ── Holding: epoch and version of its copy ───►
             ◄── Offer: epoch, version, what follows ─────────
             ◄── Part: the set in byte order, or the difference
    a = fresh scalars, one for each side of the curve
             ── Asked: a·H(x), chunk by chunk ────────────►
             ◄── Answered: b·(a·H(x)) ────────────────────────
    takes a off, hashes b·H(x) to a tag, looks it up in its copy
             ── Done ─────────────────────────────────────►

The work on the large set, about one multiplication for each element, is done once for an epoch and
then only for what is new; its tags cross once and then only what changed. What is left for a run is
proportional to the receiver's set.

**Who learns what.** Both learn the size of the other's set. The receiver learns which of its items
the sender has. It also keeps the tags, and so learns over the runs of an epoch *which of them came
and went*, without knowing whose they are unless it has asked about that item: an item that it asked
about once it can look up in every later version of the epoch. The sender learns nothing else: not
which matched, nor, because of the decoys, on which side of the curve an item lies.

**Assumed public.** Protocol, parameters, both sizes, when the set changed and by how many.

**Security.** Semi-honest. The receiver's items are hidden by decisional Diffie–Hellman on curve and
twist. The sender's set is hidden by the one-more gap Diffie–Hellman assumption with SHA-256 as a
random oracle, before the key (hash to group) and after it (tags): without an answer of the sender
to that very item, a tag is 8·t random bits. Points from the peer are checked before a scalar meets
them. See `docs/spec/psi-dh-prepared.md`.

**False matches.** With n items asked and a set of m, at most n·m·2^(-8t) for tags of t bytes.

**Source.** Jarecki, Liu 2010 (DH-OPRF with a hashed output); Resende, Aranha 2018 and Kales et al.
2019 (unbalanced PSI with a kept set); RFC 9497 for the model. The unblinding is ours:
`two_sides.py`.
"""

import functools
import hashlib

import numpy as np

from protocols import groups
from protocols.codec import Record, decode, encode
from protocols.errors import (
    ContextMismatch,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    TooManyElements,
    UnexpectedMessage,
)
from protocols.groups import Backend, Points
from protocols.psi import chunks, held_copy, two_sides
from protocols.psi.join import Tags, check_distinct, tags_from_bytes
from protocols.psi.params import Members, PsiParams, SenderDone
from protocols.psi.prepared_records import (
    ASKED,
    COPY,
    EPOCH_BYTES,
    KEPT,
    MESSAGES,
    NO_EPOCH,
    SET,
    STATES,
    Answered,
    Asked,
    Difference,
    Done,
    HeldCopy,
    Holding,
    Offer,
    Opening,
    Part,
    PreparedSet,
    Questions,
    ReceiverAsking,
    ReceiverCollecting,
    ReceiverFetching,
    ReceiverHolding,
    ReceiverOffered,
    Run,
    SenderAnswering,
    SenderFinishing,
    SenderOffering,
    SenderOpening,
    SenderSupplying,
    Version,
    What,
    epoch_context,
)
from protocols.psi.tag_sets import bits_for
from protocols.session import (
    Continue,
    Fetch,
    Finish,
    Items,
    Rng,
    Role,
    Transition,
    TwoParty,
    Wait,
)

__all__ = ["NAME", "PREPARED", "prepared", "tags_of", "tags_of_points"]

NAME = "psi-dh-prepared/1"
_TAG_LABEL = b"accord/psi-dh-prepared-tag/1\x00"


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


def begin(role: Role, params: Record, ctx: bytes, items: Items, _rng: Rng) -> Transition:
    """Open one side of a run. The sender's items are in its prepared set: only their number counts.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, PsiParams):
        raise InvalidParameter("these are not the parameters of this protocol")
    run = Run(params, ctx, items)
    if role is Role.RESPONDER:
        return Wait(SenderOpening(run))
    return Continue(ReceiverHolding(run), Opening(run.check_of(role), items.count))


def step(  # noqa: C901 - one case for each arrow
    backend: Backend | None, state: Record, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    """Take one side one arrow further.

    Raises: ProtocolError.
    """
    match state, message:
        case ReceiverHolding(run), None:
            return Continue(ReceiverOffered(run), _holding(_copy(run, fetch)))
        case ReceiverOffered(run), Offer():
            return _accept(run, message, _copy(run, fetch), fetch, rng, backend)
        case ReceiverFetching(), Part():
            return _take_part(state, message, fetch, rng, backend)
        case ReceiverAsking(questions, index), None:
            return _ask(questions, index, {}, fetch, rng, backend)
        case ReceiverCollecting(), Answered():
            return _collect(state, message, fetch, rng, backend)
        case SenderOpening(run), Opening():
            _check_opening(run, message.check, message.total, Role.INITIATOR)
            return Wait(SenderOffering(run, message.total))
        case SenderOffering(), Holding():
            return _offer(state, message, fetch)
        case SenderSupplying(), None:
            return _supply(state, fetch)
        case SenderAnswering(), Asked():
            return _answer(state, message, fetch, rng, backend)
        case SenderFinishing(_, total), Done():
            return Finish(SenderDone(total))
        case ((ReceiverOffered() | SenderAnswering() | SenderFinishing()), None):
            return Wait(state)  # what was due has been said
        case _:
            raise UnexpectedMessage(
                f"{'nothing' if message is None else message.KIND} came in {state.KIND}"
            )


def _check_opening(run: Run, check: bytes, total: int, role: Role) -> None:
    if check != run.check_of(role):
        raise ContextMismatch("the other side runs another protocol, job or parameters")
    if total > run.params.max_items:
        raise TooManyElements(f"more than {run.params.max_items} items were announced")
    if total < 0:
        raise MalformedMessage("a set has no negative size")


# The receiver


def _copy(run: Run, fetch: Fetch) -> HeldCopy:
    copy = decode(HeldCopy, fetch(COPY))
    if copy.tag_bytes != run.params.tag_bytes:
        raise LocalError("the copy of the set has tags of another length")
    return copy


def _holding(copy: HeldCopy) -> Holding:
    ctx = epoch_context(copy.scope, copy.epoch, copy.tag_bytes)
    return Holding(copy.epoch, Version(copy.number, copy.checksum.digest(ctx, copy.number)))


def _accept(
    run: Run, offer: Offer, copy: HeldCopy, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    """Take an offer: await the parts that it announces, or ask at once where there are none."""
    _check_opening(run, offer.check, offer.total, Role.RESPONDER)
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
    state = ReceiverFetching(run, offer, copy, 0)
    if _parts(run, offer) == 0:
        return _settle(state, copy, {}, fetch, rng, backend)
    return Wait(state)


def _parts(run: Run, offer: Offer) -> int:
    """Return how many parts an offer announces."""
    if offer.whole:
        return 1 << bits_for(offer.total, run.params.chunk_items)
    return run.chunks_of(offer.removed) + run.chunks_of(offer.added)


def _take_part(
    state: ReceiverFetching, part: Part, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
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
    return _ask(questions, 0, keep, fetch, rng, backend)


def _ask(
    questions: Questions,
    index: int,
    keep: dict[str, bytes],
    fetch: Fetch,
    rng: Rng,
    backend: Backend | None,
) -> Transition:
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


def _collect(
    state: ReceiverCollecting, message: Answered, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    questions, due = state.questions, state.next
    run, copy = questions.run, questions.copy
    answers = _both(run, run.items.count, message, due)
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


# The sender


def _offer(state: SenderOffering, holding: Holding, fetch: Fetch) -> Transition:
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
    offer = Offer(check, mine.epoch, mine.version, mine.count, since is None, removed, added)
    following = SenderSupplying(run, total, since, 0)
    return Continue(following, offer, {ASKED: points.to_bytes(8, "big")})


def _difference(mine: PreparedSet, since: int, fetch: Fetch) -> Difference:
    if since == mine.version.number:
        return Difference(b"", b"")
    return decode(Difference, fetch(f"since/{since:010}"))


def _supply(state: SenderSupplying, fetch: Fetch) -> Transition:
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


def _part_of(difference: Difference, index: int, params: PsiParams) -> Part | None:
    """Return part `index` of a difference; None behind the last."""
    size = params.chunk_items * params.tag_bytes
    at = index
    for what, data in ((What.REMOVED, difference.removed), (What.ADDED, difference.added)):
        count = -(-len(data) // size)
        if at < count:
            return Part(what, index, data[at * size : (at + 1) * size])
        at -= count
    return None


def _answer(
    state: SenderAnswering, message: Asked, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    run, total, due = state.run, state.total, state.next
    curve, twist = _both(run, total, message, due)
    key = decode(PreparedSet, fetch(SET)).key
    products = groups.evaluate_untrusted(
        key, np.concatenate([curve, twist]), rng(32), backend=backend
    )
    reply = Answered(due, products[: len(curve)].tobytes(), products[len(curve) :].tobytes())
    if due + 1 == run.chunks_of(total):
        return Continue(SenderFinishing(run, total), reply)
    return Continue(SenderAnswering(run, total, due + 1), reply)


def _both(run: Run, total: int, message: Asked | Answered, due: int) -> tuple[Points, Points]:
    """Return the points of both sides of a chunk that is due, of as many as it must have."""
    size = 32 * two_sides.slots(run.length_of(total, due))
    for data in (message.curve, message.twist):
        chunks.check_chunk(message.index, due, data, size)
    return groups.points_from_bytes(message.curve), groups.points_from_bytes(message.twist)


# The protocol


def prepared(backend: Backend | None = None) -> TwoParty:
    """Return `psi-dh-prepared/1` on a back end; without one, the fastest that works here."""
    return TwoParty(
        name=NAME,
        title="Which of the receiver's people the sender has too, against a set prepared before",
        initiator_learns=(
            "which of its own items match, the number of items of the other side, and over the"
            " runs of an epoch which of the other side's tags came and went"
        ),
        responder_learns="the number of items of the other side",
        params=PsiParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(Members, SenderDone),
        begin=begin,
        step=functools.partial(step, backend),
    )


PREPARED = prepared()
