"""Private set intersection of three or more parties: which items all have, or how many.

    receiver 0, senders 1 … m, in a ring; each sender i has a fresh key k(i), K is all of them
    everybody ── Opening: check, number of items, public key ──► everybody else

    sender i:  b(i)·H(y) ─► i+1 ─► … ─► i-1 ─► i    each sender on the way applies its k; i ends
                                                    with K·H(y), having applied k(i) / b(i)
    receiver:  a·H(x) ─► 1 ─► 2 ─► … ─► m ─► 0      the same; the receiver undoes a: K·H(x)
    sender i ── Table: hides a share under each K·H(y) ──► receiver
    receiver: an item is one of all exactly if the shares that the tables give for it cancel out
    receiver ── Done ──► every sender

In `psi-ring-cardinality/2` every list is shuffled by each sender that it passes; in
`psi-ring-members/1` lists keep their order.

**Who learns what.** All learn the number of items of each party. Senders learn nothing else. In
`psi-ring-members/1` the receiver learns which of its own items *all* senders have, in
`psi-ring-cardinality/2` only how many. Nobody learns the size of an intersection of two parties, or
of any fewer than all: for an item that a sender lacks, its table gives what nobody chose, and for
one that it has, a share that looks random without the others'. So the receiver sees the same
whether one sender lacks an item or all of them do. (Were the lists themselves brought together
under one key, the receiver would see every pairwise intersection.)

**If some of them collude.** Senders without the receiver, even all of them: nothing but sizes, as
every list that they see is under its owner's blind. The receiver with some of the senders, against
the rest: which items of *their* sets, not of the receiver's only, all of the rest have; in
`psi-ring-cardinality/2` how many, for each of their sets and for what these have in common. They
could learn that by putting their sets together to begin with. Where one sender alone is honest,
that is the intersection with that sender.

**Noise.** Sets that are counted may have agreed dummies in them (`padding.py`): each sender tosses
coins for a part of them of its own and holds all others. With n dummies the count is right up to
Binomial(n, ½) - n/2, and whoever knows the coins of all senders but one still has that one's noise.

**Assumed public.** Protocol, parameters, who takes part, all sizes.

**Security.** Semi-honest, under decisional Diffie–Hellman and with SHA-2 as a random oracle. A
party that does not follow it can put guesses into its own set; a sender that does not can make the
result wrong, not learn more. Tables look random; that a table was found with its salt tells less
than 0.005 bits (`okvs.py`). Items are hashed to the curve only (`strict`), which undoing a blind
needs too.

**False matches.** An item that not all have passes for one with a probability of 2^(-8t).

**Source.** Kolesnikov, Matania, Pinkas, Rosulek, Trieu 2017, "Practical multi-party private set
intersection from symmetric-key techniques" (ePrint 2017/799), with unconditional zero sharing; its
programmable function is here a Diffie–Hellman function whose key the senders hold together, and a
table. Wire format: `docs/spec/psi-ring.md`.
"""

import functools

from protocols import groups
from protocols.codec import Record
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.groups import Backend
from protocols.multi_party import RECEIVER, Continue, MultiParty, Place, Transition, Wait
from protocols.psi import chunks, ring_receiver, ring_sender, ring_shares
from protocols.psi.means import Means
from protocols.psi.params import Cardinality, Members, PsiParams, RowParams, SenderDone
from protocols.psi.ring_records import MESSAGES, Known, Opening, Peer, Run
from protocols.psi.ring_states import RECEIVER_STATES, SENDER_STATES, STATES, Greeting, Hearing
from protocols.session import Fetch, Items, Rng

__all__ = ["CARDINALITY", "MEMBERS", "cardinality", "members"]


def begin(
    count_only: bool, place: Place, params: Record, ctx: bytes, items: Items, rng: Rng
) -> Transition:
    """Open one party's run with fresh scalars.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, RowParams if count_only else PsiParams):
        raise InvalidParameter("these are not the parameters of this protocol")
    where = place.number, place.parties
    return _greet(Run(params, ctx, items, count_only, *where, rng(32), rng(32), rng(32)), 0)


def step(
    backend: Backend | None, state: Record, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    """Take one party one arrow further."""
    means = Means(fetch, rng, backend)
    match state, message:
        case Greeting(run, said), None:
            if said < run.parties - 1:
                return _greet(run, said)
            return Wait(Hearing(run, ()), run.place().others()[0])
        case Hearing(run, heard), Opening():
            return _hear(means, run, heard, message)
        case _ if isinstance(state, RECEIVER_STATES):
            return ring_receiver.step(means, state, message)
        case _ if isinstance(state, SENDER_STATES):
            return ring_sender.step(means, state, message)
        case _:
            raise chunks.unexpected(state, message)


def _greet(run: Run, said: int) -> Transition:
    """Say the opening to one more of the others."""
    public = b"" if run.number == RECEIVER else ring_shares.public_key(run.ephemeral)
    to = run.place().others()[said]
    hello = Opening(run.check_of(run.on_the_way(run.number, to)), run.items.count, public)
    return Continue(Greeting(run, said + 1), to, hello)


def _hear(means: Means, run: Run, heard: tuple[Peer, ...], message: Opening) -> Transition:
    """Take the opening of one more of the others; begin when all are there."""
    others = run.place().others()
    speaker = others[len(heard)]
    run.check_opening(message.check, message.total, run.on_the_way(speaker, run.number))
    if len(message.public) != (0 if speaker == RECEIVER else 32):
        raise MalformedMessage("a sender has a public key of 32 bytes, the receiver none")
    groups.check_points(groups.points_from_bytes(message.public))
    heard = (*heard, Peer(message.total, message.public))
    if len(heard) < len(others):
        return Wait(Hearing(run, heard), others[len(heard)])
    me = Peer(run.items.count, b"")
    known = Known(run, (*heard[: run.number], me, *heard[run.number :]))
    if run.number == RECEIVER:
        return ring_receiver.send_own(means, known, 0)
    return ring_sender.send_own(means, known, 0)


def members(backend: Backend | None = None) -> MultiParty:
    """Return `psi-ring-members/1` on a back end; without one, the fastest that works here."""
    return _protocol(
        "psi-ring-members/1",
        "Which of the receiver's people all senders have too",
        "which of its own items all senders have, and the number of items of each",
        False,
        backend,
    )


def cardinality(backend: Backend | None = None) -> MultiParty:
    """Return `psi-ring-cardinality/2` on a back end; without one, the fastest that works here."""
    return _protocol(
        "psi-ring-cardinality/2",
        "How many people all have",
        "how many items all have, and the number of items of each sender",
        True,
        backend,
    )


def _protocol(
    name: str, title: str, learns: str, count_only: bool, backend: Backend | None
) -> MultiParty:
    return MultiParty(
        name=name,
        title=title,
        receiver_learns=learns,
        senders_learn="the number of items of each party",
        params=RowParams if count_only else PsiParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(Cardinality if count_only else Members, SenderDone),
        begin=functools.partial(begin, count_only),
        step=functools.partial(step, backend),
    )


MEMBERS = members()
CARDINALITY = cardinality()
