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

**Source.** Jarecki, Kiayias, Krawczyk 2014 (2HashDH); Kiss et al. 2017, Resende, Aranha 2018, Kales
et al. 2019 (unequal sizes with a kept set); RFC 9497. The unblinding is ours: `two_sides.py`.
"""

import functools

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.psi import prepared_receiver, prepared_sender
from protocols.psi.chunks import unexpected
from protocols.psi.params import Members, PreparedParams, SenderDone
from protocols.psi.prepared_records import (
    MESSAGES,
    STATES,
    Answered,
    Asked,
    Done,
    Holding,
    Offer,
    Opening,
    Part,
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
)
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

__all__ = ["NAME", "PREPARED", "prepared"]

NAME = "psi-dh-prepared/1"


def begin(role: Role, params: Record, ctx: bytes, items: Items, _rng: Rng) -> Transition:
    """Open one side of a run. The sender's items are in its prepared set: only their number counts.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, PreparedParams):
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
            return Continue(ReceiverOffered(run), prepared_receiver.holding(run, fetch))
        case ReceiverOffered(run), Offer():
            return prepared_receiver.accept(run, message, fetch, rng, backend)
        case ReceiverFetching(), Part():
            return prepared_receiver.take_part(state, message, fetch, rng, backend)
        case ReceiverAsking(questions, index), None:
            return prepared_receiver.ask(questions, index, {}, fetch, rng, backend)
        case ReceiverCollecting(), Answered():
            return prepared_receiver.collect(state, message, fetch, rng, backend)
        case SenderOpening(run), Opening():
            run.check_opening(message.check, message.total, Role.INITIATOR)
            return Wait(SenderOffering(run, message.total))
        case SenderOffering(), Holding():
            return prepared_sender.offer(state, message, fetch)
        case SenderSupplying(), None:
            return prepared_sender.supply(state, fetch)
        case SenderAnswering(), Asked():
            return prepared_sender.answer(state, message, fetch, rng, backend)
        case SenderFinishing(_, total), Done():
            return Finish(SenderDone(total))
        case ((ReceiverOffered() | SenderAnswering() | SenderFinishing()), None):
            return Wait(state)  # what was due has been said
        case _:
            raise unexpected(state, message)


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
        params=PreparedParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(Members, SenderDone),
        begin=begin,
        step=functools.partial(step, backend),
    )


PREPARED = prepared()
