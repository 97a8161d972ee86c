"""Aligned sums by homomorphic encryption (BFV): route A of two that come to the same integers.

    vectors and key (initiator)                              matrix (responder)
    draws a key pair
             ── Opening: check, rows, public key ─────────►
             ◄── Opening: check, rows ─────────────────────
             ── Encrypted: blocks of the vectors ─────────►      message by message
                                                             multiplies by its columns, adds up,
                                                             adds a fresh encryption of 0 to each
             ◄── Replies: sums, masked and flooded ────────      message by message
    decrypts one number of each
             ── Returned: numbers, masked, with noise ────►  takes the masks off
                                                               (only if this side is the receiver)

A block is 8,192 rows in one polynomial (`bfv_blocks.py`); several columns share one plaintext as
digits of different radices (`bfv_packing.py`).

**Who learns what.** Both learn how many rows there are; it is the same number. The receiver learns
the sums with the other side's noise, and nothing else; the other side learns nothing. The side with
the matrix sees encryptions only, and if it is the receiver the sums with noise. The side with the
key decrypts replies. If it is the receiver, it sees the sums with the noise that the other side has
added under encryption; if not, numbers that are uniform by a mask. All other coefficients are
masked. What the noise of a ciphertext, which it can compute, tells of the matrix is flooded.

**Assumed public.** Protocol, parameters (columns and their bounds, rows at most, scales of noise),
the number of rows, and what follows from them: number and length of all messages.

**Security.** Semi-honest. A holder that does not follow can draw a key or vectors of its choice: it
gets sums of rows that it picks out, and a row may count as often as a digit has room for, which is
more often than the noise is made for. So then **nothing protects** a few rows of its choice; by
correlated transfers (`cot.py`) a row counts no more than agreed. A side with the matrix that does
not follow can give wrong sums; if it is the receiver, it can ask for other ones, of single rows
too, with entries larger than the noise is made for. What is checked all the same: context and role
in the openings, the number of rows, order, number and length of all messages, that every residue is
below its prime, that sums lie within their bounds. Vectors: the ring learning-with-errors
assumption, at 128 bits (`seal.py`). Matrix: the same assumption for the second half of a reply,
which is that of a fresh encryption of zero; the first half, with the key, is within a statistical
distance of 2^-40 or less over the whole run (`bfv_packing.py`). TenSEAL draws randomness itself
(`seal.py`), as OpenDP does.

**Limits.** A sum has at most 59 bits with its sign and the room for noise: parameters by which it
could have more are refused. Noise beyond ten scales is cut off (`bfv_noise.py`).

**Source.** Fan, Vercauteren 2012 (BFV); products of polynomials for inner products as in Huang, Lu,
Hong, Ding 2022 (Cheetah); noise flooding as in Gentry 2009. Wire format: `docs/spec/sums-bfv.md`.
"""

from protocols.codec import Record
from protocols.errors import ContextMismatch, InvalidParameter
from protocols.psi.chunks import unexpected
from protocols.session import (
    Fetch,
    Progress,
    Rng,
    Role,
    Transition,
    TwoParty,
    Wait,
)
from protocols.sums import bfv_holder, bfv_matrix
from protocols.sums.bfv_records import (
    MESSAGES,
    STATES,
    Encrypted,
    HolderCollecting,
    HolderOpening,
    HolderSending,
    MatrixAwaiting,
    MatrixOpening,
    MatrixReplying,
    MatrixSumming,
    Opening,
    Replies,
    Returned,
    Run,
)
from protocols.sums.records import AlignedRows, SumParams, Sums, SumsGiven


def begin(role: Role, params: Record, ctx: bytes, rows: Record, rng: Rng) -> Transition:
    """Open one side of a run; the initiator, which has the vectors, with a fresh key pair.

    Raises: InvalidParameter if input or context do not fit the parameters, or these cannot be
    encrypted.
    """
    if not isinstance(params, SumParams) or not isinstance(rows, AlignedRows):
        raise InvalidParameter("these are not the parameters and the input of this protocol")
    run = Run(params, ctx, rows)
    run.packing()
    if role is Role.RESPONDER:
        return Wait(MatrixOpening(run))
    return bfv_holder.begin(run, run.check_of(role))


def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
    """Take one side one arrow further."""
    match state, message:
        case ((HolderOpening() | HolderCollecting() | MatrixSumming() | MatrixAwaiting()), None):
            return Wait(state)
        case HolderOpening(run), Opening():
            _check_opening(run, message, Role.RESPONDER)
            return bfv_holder.start(state, message, fetch)
        case HolderSending(), None:
            return bfv_holder.send(state, fetch)
        case HolderCollecting(), Replies():
            return bfv_holder.collect(state, message, fetch)
        case MatrixOpening(run), Opening():
            _check_opening(run, message, Role.INITIATOR)
            return bfv_matrix.start(state, message)
        case MatrixSumming(), Encrypted():
            return bfv_matrix.add(state, message, fetch, rng)
        case MatrixReplying(), None:
            return bfv_matrix.reply(state, fetch, rng)
        case MatrixAwaiting(), Returned():
            return bfv_matrix.finish(state, message)
        case _:
            raise unexpected(state, message)


def _check_opening(run: Run, opening: Opening, speaker: Role) -> None:
    if opening.check != run.check_of(speaker):
        raise ContextMismatch("the other side runs another protocol, job or parameters")
    if opening.rows != run.rows.count:
        raise ContextMismatch("the two sides have different numbers of rows")


def progress(state: Record) -> Progress:
    """Return how far a side is, in rows: half of each is sending, half are the replies."""
    assert isinstance(state, STATES)
    total = state.run.rows.count
    match state:
        case HolderSending(run, next=done) | MatrixSumming(run, next=done):
            return Progress(run.rows_sent(done), total)
        case HolderCollecting(run, next=done) | MatrixReplying(run, next=done):
            return Progress(run.rows_answered(done), total)
        case HolderOpening() | MatrixOpening():
            return Progress(0, total)
        case _:
            return Progress(total, total)


SUMS_BFV = TwoParty(
    name="sums-bfv/1",
    title="Sums of one side's columns over the other side's vectors, by homomorphic encryption",
    initiator_learns="the sums with noise if it is the receiver; the number of rows",
    responder_learns="the sums with noise if it is the receiver; the number of rows",
    params=SumParams,
    messages=MESSAGES,
    states=STATES,
    outputs=(Sums, SumsGiven),
    begin=begin,
    step=step,
    progress=progress,
)
