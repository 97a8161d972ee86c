"""Private set intersection by Diffie–Hellman on Curve25519: members, or their number only.

    receiver (initiator)                                     sender (responder)
    a = fresh scalar                                         b = fresh scalar
             ── Opening: check, number of items ──────────►
             ◄────────────── Opening: check, number of items ──
             ── Blinded: a·H(x), chunk by chunk ──────────►
             ◄── Evaluated: first t bytes of b·(a·H(x)) ──────   members: in order, as they come
                                                                 cardinality: all, then shuffled
             ◄── Blinded: b·H(y), chunk by chunk ─────────────
    joins the first t bytes of a·(b·H(y)) with those of b·(a·H(x))
             ── Done ─────────────────────────────────────►

**Who learns what.** Both learn the size of the other's set. The sender learns nothing else. In
`psi-dh-members/1` the receiver learns which of its own items the sender has. In
`psi-dh-cardinality/2` its set is rows of items (`rows.py`), and it learns only how many rows match:
the sender returns the evaluated rows in one secret, uniformly random order over the whole set, and
the items of each in another, and to link one of them to an item the receiver would have to decide
Diffie–Hellman triples. The sender's own set comes in an order that is secret and random too
(`Items`), so the receiver sees which positions there match, and a position says nothing. What
stays: the count and the sizes; of rows with several items, how many match with one item, with two,
and so on, and which positions of the sender meet in one row; and without `strict` one bit for each
item, curve or twist, which blinding keeps. It tells the peer how many items of a set are on the
curve, and tells the receiver how many of the matches are: much in a small set, little in a large
one.

**Noise.** With `dummies` the input of both sides holds what `padding.py` adds, and the receiver
ends with a noisy count: which dummies matched is hidden by the same shuffle. Without `strict` it
can tell matches on the curve from those on the twist, and dummies too; `coins.least` allows for it.

**Assumed public.** Protocol, parameters, both sizes.

**Security.** Semi-honest: both follow the protocol, and try to learn more from what they see. A
party that does not can put guesses into its own set, or blind parts of it differently to mark them;
minimum sizes, noise on the count and a limit on questions answer that, and are not here. Points
from the peer are checked before a scalar meets them (`groups.check_points`), and scalars are fresh
for each run. Relies on decisional Diffie–Hellman and on SHA-256 as a random oracle.

**False matches.** With n and m items, at most n·m·2^(-8t) for tags of t bytes.

**Source.** Meadows 1986; Huberman, Franklin, Hogg 1999, "Enhancing privacy and trust in electronic
communities"; X25519: RFC 7748 §5. Wire format: `docs/spec/psi-dh.md`.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from protocols import groups, shuffle
from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError
from protocols.groups import Backend
from protocols.psi import chunks, rows
from protocols.psi.dh_progress import progress
from protocols.psi.dh_records import (
    MESSAGES,
    STATES,
    Blinded,
    Done,
    Evaluated,
    Opening,
    ReceiverCollecting,
    ReceiverEvaluating,
    ReceiverOpening,
    ReceiverSending,
    Run,
    SenderCollecting,
    SenderFinishing,
    SenderOpening,
    SenderReturning,
    SenderSending,
)
from protocols.psi.join import check_distinct, join, tags_from_bytes
from protocols.psi.params import Cardinality, Members, PsiParams, RowParams, SenderDone
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

__all__ = [
    "CARDINALITY",
    "MEMBERS",
    "Cardinality",
    "Members",
    "PsiParams",
    "RowParams",
    "SenderDone",
    "cardinality",
    "members",
]


def begin(
    kind: type[PsiParams], role: Role, params: Record, ctx: bytes, items: Items, rng: Rng
) -> Transition:
    """Open one side of a run with a fresh scalar.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, PsiParams) or type(params) is not kind:
        raise InvalidParameter("these are not the parameters of this protocol")
    run = Run(params, ctx, items, rng(32))
    if role is Role.RESPONDER:
        return Wait(SenderOpening(run))
    rows.check_own(items.count, run.params.per_person)
    return Continue(ReceiverSending(run, 0), Opening(run.check_of(role), items.count))


def step(  # noqa: C901 - one case for each arrow
    backend: Backend | None, state: Record, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    """Take one side one arrow further."""
    match state, message:
        case ReceiverSending(run, index), None:
            if index == run.items.chunk_count():
                return Wait(ReceiverOpening(run))
            return Continue(
                ReceiverSending(run, index + 1),
                _blinded(run, Role.INITIATOR, index, fetch, backend),
            )
        case ReceiverOpening(run), Opening():
            run.check_opening(message.check, message.total, Role.RESPONDER)
            return _receive_on(run, message.total, 0, {})
        case ReceiverCollecting(run, total, due), Evaluated(index, tags):
            size = run.length_of(run.items.count, due) * run.params.tag_bytes
            chunks.check_chunk(index, due, tags, size)
            return _receive_on(run, total, due + 1, {chunks.kept("mine", due): tags})
        case ReceiverEvaluating(), Blinded(Role.RESPONDER):
            return _evaluate_theirs(state, message, fetch, rng, backend)
        case SenderOpening(run), Opening():
            run.check_opening(message.check, message.total, Role.INITIATOR)
            rows.check_theirs(message.total, run.params.per_person)
            reply = Opening(run.check_of(Role.RESPONDER), run.items.count)
            return Continue(SenderCollecting(run, message.total, 0), reply)
        case SenderCollecting(run, total, due), None:
            return (
                _send_own(run, total, 0, fetch, backend)
                if due == run.chunks_of(total)
                else Wait(state)
            )
        case SenderCollecting(run), Blinded(Role.INITIATOR):
            tags = _tags_of(run, message, state.peer_total, state.next, rng, backend)
            if run.count_only:
                return _hold(state, tags, fetch, rng)
            following = SenderCollecting(run, state.peer_total, state.next + 1)
            return Continue(following, Evaluated(state.next, tags))
        case SenderReturning(run, total, index), None:
            if index == run.chunks_of(total):
                return _send_own(run, total, 0, fetch, backend)
            reply_tags = fetch(chunks.kept("shuffled", index))
            return Continue(SenderReturning(run, total, index + 1), Evaluated(index, reply_tags))
        case SenderSending(run, total, index), None:
            return _send_own(run, total, index, fetch, backend)
        case SenderFinishing(_, total), Done():
            return Finish(SenderDone(total))
        case _:
            raise chunks.unexpected(state, message)


def _blinded(run: Run, by: Role, index: int, fetch: Fetch, backend: Backend | None) -> Blinded:
    digests = chunks.read_own(fetch, run.items, index)
    points = groups.hash_to_group(run.ctx, digests, run.params.strict, backend=backend)
    if groups.has_duplicates(points.view("<u8")):
        raise LocalError("the input has an item twice")
    return Blinded(by, index, groups.evaluate(run.scalar, points, backend=backend).tobytes())


def _tags_of(
    run: Run, message: Blinded, total: int, due: int, rng: Rng, backend: Backend | None
) -> bytes:
    """Return the tags of a chunk of the peer's set."""
    chunks.check_chunk(message.index, due, message.points, 32 * run.length_of(total, due))
    points = groups.points_from_bytes(message.points)
    products = groups.evaluate_untrusted(run.scalar, points, rng(32), backend=backend)
    return products[:, : run.params.tag_bytes].tobytes()


def _receive_on(run: Run, total: int, evaluated: int, keep: dict[str, bytes]) -> Transition:
    """Await the receiver's next chunk: of its own set, then of the sender's."""
    if evaluated < run.items.chunk_count():
        return Wait(ReceiverCollecting(run, total, evaluated), keep)
    if total > 0:
        return Wait(ReceiverEvaluating(run, total, 0), keep)
    return _finish(run, np.zeros(0, dtype=np.uint32), keep)


def _evaluate_theirs(
    state: ReceiverEvaluating, message: Blinded, fetch: Fetch, rng: Rng, backend: Backend | None
) -> Transition:
    run, total, due = state.run, state.peer_total, state.next
    tags = _tags_of(run, message, total, due, rng, backend)
    keep = {chunks.kept("theirs", due): tags}
    if due + 1 < run.chunks_of(total):
        return Wait(ReceiverEvaluating(run, total, due + 1), keep)
    mine = _read_tags(run, "mine", run.items.chunk_count(), fetch)
    theirs = _read_tags(run, "theirs", due, fetch) + tags
    t = run.params.tag_bytes
    return _finish(run, join(tags_from_bytes(mine, t), tags_from_bytes(theirs, t)), keep)


def _finish(run: Run, matched: NDArray[np.uint32], keep: dict[str, bytes]) -> Finish:
    if run.count_only:
        count = rows.matching(matched, run.params.per_person) - run.params.dummies // 2
        return Finish(Cardinality(count), Done(), keep)
    positions = matched.astype("<u4").tobytes()
    return Finish(Members(len(matched)), Done(), keep | {chunks.MATCHED: positions})


def _hold(state: SenderCollecting, tags: bytes, fetch: Fetch, rng: Rng) -> Transition:
    """Keep the receiver's tags until all are here; then shuffle them and begin to return them."""
    run, total, due = state.run, state.peer_total, state.next
    following = SenderCollecting(run, total, due + 1)
    if due + 1 < run.chunks_of(total):
        return Wait(following, {chunks.kept("held", due): tags})
    t = run.params.tag_bytes
    held = tags_from_bytes(_read_tags(run, "held", due, fetch) + tags, t)
    # An item sent several times would be known by its number in the shuffled answer.
    check_distinct(held)
    shuffled = rows.shuffled(held, run.params.per_person, rng(shuffle.SEED_BYTES)).tobytes()
    keep = chunks.cut("shuffled", shuffled, run.params.chunk_items * t)
    first = Evaluated(0, keep[chunks.kept("shuffled", 0)])
    return Continue(SenderReturning(run, total, 1), first, keep)


def _send_own(
    run: Run, total: int, index: int, fetch: Fetch, backend: Backend | None
) -> Transition:
    if index == run.items.chunk_count():
        return Wait(SenderFinishing(run, total))
    message = _blinded(run, Role.RESPONDER, index, fetch, backend)
    return Continue(SenderSending(run, total, index + 1), message)


def _read_tags(run: Run, what: str, count: int, fetch: Fetch) -> bytes:
    """Return the first `count` kept chunks one after the other."""
    return chunks.read_kept(fetch, what, count, run.params.tag_bytes)


# The protocols


def members(backend: Backend | None = None) -> TwoParty:
    """Return `psi-dh-members/1` on a back end; without one, the fastest that works here."""
    return _protocol(
        "psi-dh-members/1",
        "Which of the receiver's people the sender has too",
        "which of its own items match, and the number of items of the other side",
        PsiParams,
        backend,
    )


def cardinality(backend: Backend | None = None) -> TwoParty:
    """Return `psi-dh-cardinality/2` on a back end; without one, the fastest that works here."""
    return _protocol(
        "psi-dh-cardinality/2",
        "How many people both have",
        "how many rows match, with how many items each, and the number of items of the other side",
        RowParams,
        backend,
    )


def _protocol(
    name: str, title: str, learns: str, params: type[PsiParams], backend: Backend | None
) -> TwoParty:
    return TwoParty(
        name=name,
        title=title,
        initiator_learns=learns,
        responder_learns="the number of items of the other side",
        params=params,
        messages=MESSAGES,
        states=STATES,
        outputs=(Cardinality if params is RowParams else Members, SenderDone),
        begin=functools.partial(begin, params),
        step=functools.partial(step, backend),
        progress=progress,
    )


MEMBERS = members()
CARDINALITY = cardinality()
