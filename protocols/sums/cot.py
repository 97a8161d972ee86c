"""Aligned sums by correlated oblivious transfer: `Xᵀy` with noise, by symmetric cryptography.

    has vectors y (initiator)                                has the matrix X (responder)
    a = fresh scalar                                         s = 128 fresh bits
             ── Opening: check, rows, a·G ────────────────►
             ◄── Opening: check, rows, 128 points ───────────  base OTs: one side has 128 pairs of
                                                               keys, the other key s_c of pair c
    for each stretch of rows, and in it each row, vector and binary digit:
             ── Choices: the bits of y, hidden ───────────►  checks them
             ◄── Products: x + pad(q) - pad(q ⊕ s) ─────────   share: -pad(q)
    share: pad(t), and where the bit is 1 the product
    in the narrow protocol, for each group of rows and narrow column (`cot_carries.py`):
             ── Carries: top bits, hidden ────────────────►
             ◄── CarryProducts: top bit + pad - pad ─────────
    at the end, from the side that does not learn the sums to the one that does:
             ── Shares: its sums of shares, with its noise ── (either way)

By the extension (`ot/extension.py`) t = q where the bit is 0, and t = q ⊕ s where it is 1; so the
two shares of a row add up to 0 or to x. Sums of shares are shares of sums. A vector of integers is
the sum of its binary digits, digit k taken 2^k times.

**Who learns what.** `to_holder` says who learns the sums: with the noise of the other side, which
the receiver does not know. Both learn the number of rows, which they must have in common. Neither
learns anything else: the choices lie under key streams of which the other side lacks half; of each
product one side lacks a pad; and the shares at the end follow from the result and the receiver's
own share.

**Assumed public.** Protocol, parameters (bounds, numbers of columns and vectors, scales of noise)
and the number of rows. Lengths and number of all messages follow from these.

**Security.** Semi-honest. Beyond that: choices are checked (`ot/extension.py`), so that a side with
vectors that deviates has no more of X than what some vectors would give it, each entry below the
next power of 2 above the bound. That holds in `sums-cot/1`. In `sums-cot-narrow/1` wrong carries
give it more: multiples of 256^w that hang on few rows, for which the noise is not made. The side
with the matrix sees nothing of the vectors before the end, whatever it does; but entries beyond its
bounds, wrong products, or noise left out, are not seen by the other. Computational: Diffie–Hellman
on edwards25519 and SHA-256 as a random oracle (`ot/base.py`), AES-128 as a stream and as an ideal
permutation (`sums/cot_pads.py`).

**What can fail, with what probability.** A sum is wrong if its noise passes ten scales: at most
2^-71 for each. The sum before the noise is exact: never otherwise.

**Source.** Gilboa 1999 (products by transfers of each digit); Asharov, Lindell, Schneider, Zohner
2013 (correlated transfers). Wire format: `docs/spec/sums-cot.md`.
"""

import functools

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.ot import base
from protocols.psi.chunks import unexpected
from protocols.session import Continue, Fetch, Rng, Role, Transition, TwoParty, Wait
from protocols.sums import cot_matrix, cot_vectors
from protocols.sums.cot_progress import progress
from protocols.sums.cot_records import (
    MESSAGES,
    NARROW_MESSAGES,
    STATES,
    Carries,
    CarryProducts,
    Choices,
    MatrixAnswering,
    MatrixOpening,
    Opening,
    Products,
    Run,
    Shares,
    VectorsAdding,
    VectorsChoosing,
    VectorsOpening,
)
from protocols.sums.records import AlignedRows, SumParams, Sums, SumsGiven


def begin(
    narrow: bool, role: Role, params: Record, ctx: bytes, rows: Record, rng: Rng
) -> Transition:
    """Open one side of a run; the side with the vectors with a fresh scalar.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, SumParams) or not isinstance(rows, AlignedRows):
        raise InvalidParameter("these are not parameters and input of this protocol")
    run = Run(params, ctx, rows, narrow)
    if role is Role.RESPONDER:
        return Wait(MatrixOpening(run))
    scalar = base.scalar_from(rng(base.SEED_BYTES))
    opening = Opening(run.check_of(role), rows.count, base.point_of(scalar))
    return Continue(VectorsOpening(run, scalar), opening)


def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
    """Take one side one arrow further."""
    if isinstance(state, MatrixOpening | MatrixAnswering):
        return _step_matrix(state, message, fetch, rng)
    match state, message:
        case VectorsOpening(), None:
            return Wait(state)
        case VectorsOpening(run), Opening():
            run.check_opening(message, Role.RESPONDER)
            return cot_vectors.start(state, message, fetch, rng)
        case VectorsChoosing(), None:
            return cot_vectors.choose(state, fetch, rng)
        case VectorsAdding(), None:
            return cot_vectors.go_on(state, fetch)
        case VectorsAdding(run, _, due), Products() if due < run.stretches():
            return cot_vectors.add(state, message, fetch)
        case VectorsAdding(), CarryProducts() if (carry := state.carry) is not None:
            return cot_vectors.add_carries(state, carry, message, fetch)
        case VectorsAdding(run), Shares() if state.is_last and run.params.to_holder:
            return cot_vectors.finish(state, message, fetch)
        case _:
            raise unexpected(state, message)


def _step_matrix(
    state: MatrixOpening | MatrixAnswering, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    match state, message:
        case MatrixOpening(run), Opening():
            run.check_opening(message, Role.INITIATOR)
            return cot_matrix.start(state, message, rng)
        case MatrixAnswering(), None:
            return cot_matrix.go_on(state, fetch)
        case MatrixAnswering(run, _, due), Choices() if due < run.stretches():
            return cot_matrix.answer(state, message, fetch)
        case MatrixAnswering(), Carries() if (carry := state.carry) is not None:
            return cot_matrix.answer_carries(state, carry, message, fetch)
        case MatrixAnswering(run), Shares() if state.is_last and not run.params.to_holder:
            return cot_matrix.finish(state, message, fetch)
        case _:
            raise unexpected(state, message)


def _protocol(name: str, title: str, *, narrow: bool) -> TwoParty:
    learns = "the sums with noise, where they are for it, and the number of rows"
    return TwoParty(
        name=name,
        title=title,
        initiator_learns=learns,
        responder_learns=learns,
        params=SumParams,
        messages=NARROW_MESSAGES if narrow else MESSAGES,
        states=STATES,
        outputs=(Sums, SumsGiven),
        begin=functools.partial(begin, narrow),
        step=step,
        progress=progress,
    )


SUMS = _protocol(
    "sums-cot/1",
    "Sums of one side's columns over the other's vectors, by symmetric cryptography",
    narrow=False,
)
NARROW = _protocol(
    "sums-cot-narrow/1",
    "Sums of one side's columns over the other's vectors, in fewer bytes",
    narrow=True,
)
