"""Private set intersection by an oblivious PRF from OT extension: members, or members with labels.

    receiver (initiator)                                     sender (responder)
    a = fresh scalar                                         s = 448 fresh bits
             ── Opening: check, number of items, a·G ─────►
             ◄── Opening: check, number of items, 448 points ──   base OTs: the receiver has 448
                                                                  pairs of keys, the sender of
                                                                  pair c the key s_c
    for each bucket:
    its items into bins, one in each
             ── Bucket: salt ─────────────────────────────►
                                                             each of its items into all three bins
             ── Correction: rows u_j = t_j ⊕ t'_j ⊕ C(x_j) ►      block by block
                                                             q_j = (its own row) ⊕ (u_j ∧ s)
             ◄── Values: H(q_j ⊕ (C(y) ∧ s)) for each y and j ─   chunk by chunk
    joins them with H(t_j), because q_j = t_j ⊕ (C(x_j) ∧ s)
    at the end:
             ── Done ─────────────────────────────────────►

Row j of the matrices t and t' are the bits that the 448 keys of each kind stretch to at bin j; of
both the sender can make a column c of one, by s_c. So for bin j the receiver has the value of one
input, x_j, and the sender of any.

**Who learns what.** Both learn the size of the other's set. The sender learns nothing else. The
receiver learns which of its own items the sender has. It sees at which positions of the sender's
list they are; the list is in an order that is secret and random (`Items`).

**Labels.** In `psi-ot-labelled/1` the sender has a label of up to 16 bytes for each of its items.
It goes with each value, with a second output of the same PRF as a pad: so the receiver learns the
labels of common items, and no others. The input's chunks `own-labels/…` hold them.

**Assumed public.** Protocol, parameters, both sizes, and what follows from them: the number of
buckets, bins and values (`buckets.py`).

**Security.** Semi-honest: both follow the protocol, and try to learn more from what they see. A
receiver that does not can find out more than one value for a bin; a sender that does not can give
wrong values, for particular items of its choice, and make the result wrong. What is checked all the
same: context and role in the openings, sizes, lengths, order and number of all messages, every
point, and that no value comes twice. Computational: Diffie–Hellman on edwards25519 and SHA-256 as a
random oracle (`ot/base.py`), AES-128 as a stream and as an ideal permutation (`ot/code.py`). All
keys come from the run's context and both sides' fresh points, so no two runs share any. Nothing is
used twice: each message has its own part of the key stream, each value its own tweak.

**What can fail, with what probability.** A wrong match: at most n·m·2^(-8t) for values of t bytes.
Code words with fewer than 128 differences: at most 3·m·2^-66.5; one value would then be protected
by fewer bits. No placing in bins: 2^-40.9 a bucket, and then another salt is taken. A bucket that
overflows: 2^-42, and then the run ends with `hashing-failed`. Nothing is ever lost in silence: a
common item always matches.

**Source.** Kolesnikov, Kumaresan, Rosulek, Trieu 2016, "Efficient batched oblivious PRF with
applications to private set intersection" (figures 2 and 4); cuckoo hashing as in Pinkas, Schneider,
Zohner 2018. Wire format: `docs/spec/psi-ot.md`.
"""

import functools

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.ot import base
from protocols.psi import ot_receiver, ot_sender
from protocols.psi.chunks import unexpected
from protocols.psi.ot_progress import progress
from protocols.psi.ot_records import (
    MESSAGES,
    STATES,
    Bucket,
    Correction,
    Done,
    Opening,
    ReceiverCollecting,
    ReceiverOpening,
    ReceiverSending,
    Run,
    SenderEvaluating,
    SenderFinishing,
    SenderHashing,
    SenderOpening,
    SenderReturning,
    Values,
)
from protocols.psi.params import Labelled, Members, OtParams, SenderDone
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
    "LABELLED",
    "MEMBERS",
    "Labelled",
    "Members",
    "OtParams",
    "SenderDone",
    "labelled",
    "members",
]


def begin(
    labelled: bool, role: Role, params: Record, ctx: bytes, items: Items, rng: Rng
) -> Transition:
    """Open one side of a run; the receiver with a fresh scalar.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, OtParams):
        raise InvalidParameter("these are not the parameters of this protocol")
    if labelled != (params.label_bytes > 0):
        raise InvalidParameter("labels have at least one byte, and only where they are said")
    run = Run(params, ctx, items)
    if role is Role.RESPONDER:
        return Wait(SenderOpening(run))
    scalar = base.scalar_from(rng(base.SEED_BYTES))
    opening = Opening(run.check_of(role), items.count, base.point_of(scalar))
    return Continue(ReceiverOpening(run, scalar), opening)


def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
    """Take one side one arrow further."""
    match state, message:
        case ((ReceiverOpening() | SenderHashing() | SenderFinishing()), None):
            return Wait(state)
        case ReceiverOpening(run), Opening():
            run.check_opening(message.check, message.total, Role.RESPONDER)
            run.check_points(Role.RESPONDER, message)
            return ot_receiver.start(state, message, fetch, rng)
        case ReceiverSending(), None:
            return ot_receiver.send(state, fetch)
        case ReceiverCollecting(), Values():
            return ot_receiver.collect(state, message, fetch, rng)
        case SenderOpening(run), Opening():
            run.check_opening(message.check, message.total, Role.INITIATOR)
            run.check_points(Role.INITIATOR, message)
            return ot_sender.start(state, message, fetch, rng)
        case SenderHashing(), Bucket():
            return ot_sender.lay_out(state, message, fetch)
        case SenderEvaluating(), Correction():
            return ot_sender.evaluate(state, message, fetch, rng)
        case SenderReturning(), None:
            return ot_sender.give_back(state, fetch)
        case SenderFinishing(total), Done():
            return Finish(SenderDone(total))
        case _:
            raise unexpected(state, message)


def members(backend: Backend | None = None) -> TwoParty:
    """Return `psi-ot-members/1`; it multiplies no points in bulk, so any back end is the same."""
    return _protocol(
        "psi-ot-members/1",
        "Which of the receiver's people the sender has too, by symmetric cryptography",
        "which of its own items match, and the number of items of the other side",
        labelled=False,
    )


def labelled(backend: Backend | None = None) -> TwoParty:
    """Return `psi-ot-labelled/1`; it multiplies no points in bulk, so any back end is the same."""
    return _protocol(
        "psi-ot-labelled/1",
        "Which of the receiver's people the sender has too, and what it says of each of them",
        "which of its own items match, the sender's label of each, and the number of items of the "
        "other side",
        labelled=True,
    )


def _protocol(name: str, title: str, learns: str, *, labelled: bool) -> TwoParty:
    return TwoParty(
        name=name,
        title=title,
        initiator_learns=learns,
        responder_learns="the number of items of the other side",
        params=OtParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(Labelled if labelled else Members, SenderDone),
        begin=functools.partial(begin, labelled),
        step=step,
        progress=progress,
    )


MEMBERS = members()
LABELLED = labelled()
