"""A common index of the union: each side gets a row for each of its items, and nobody who matched.

    initiator                                                responder
    a, s = fresh scalars                                     b, t = fresh scalars, n coins
    X = items and all n dummies                              Y = items and, for each dummy, by its
                                                                 coin the dummy or a stranger
             ── Opening: check, number of items ──────────►
             ◄────────────── Opening: check, number of items ──
             ── Blinded: a·H(x), chunk by chunk ──────────►
             ◄── Evaluated: t·b·(a·H(x)), in order, as they come
             ◄── Shuffled: b·(a·H(x)), all, in a secret order ──
             ◄── Blinded: b·H(y), chunk by chunk ─────────────
             ── Evaluated: s·a·(b·H(y)), in order, as they come
    joins b·(a·H(x)) with a·(b·H(y)); puts a blank, a point
    that belongs to nobody, in the place of each match
             ── Rest: s·(what is there now), in a secret order
    row of x: s·(t·b·a·H(x))                                 row of y: t·(s·a·b·H(y))
             ◄── Rows: its own rows and t·(rest), ascending ───
             ── Done ─────────────────────────────────────►

The index is the sorted list of all rows, as tags; a row is known by its number in it. It always has
|X| + |Y| rows: a match takes one row where it would take two, and leaves a blank.

**Who learns what.** Both learn the number of items of the other side. The *responder* learns
nothing else, not how many match either. The *initiator* sees how many of its list are in the
other's: the number of matches plus Binomial(n, 1/2), from coins it does not know. For each person
in the responder's set that is (ε, δ)-differentially private (`union_noise.delta`). Neither can tell
of any of its items whether the other has it. Message by message:

- *Blinded*: points under a scalar that the reader does not know, in a secret, uniformly random
  order, dummies at random positions. Whoever re-blinds them cannot link them to items.
- *Evaluated*: the reader's own list, in its order, under a scalar of the other side that enters
  nothing else it can compare with: it leads to the rows, never to the join.
- *Shuffled*: what the initiator can compare with the other list (under a and b only) comes in the
  responder's order, what comes in its own order is under t too. So it sees how many match, and
  between which anonymous positions, and cannot say which of its items they are.
- *Rest*: as long as the initiator's list. Blanks are fresh random points, after s like the others,
  so the responder cannot tell them apart. They must not be made from the matches: s'·(b·a·H(x)),
  with another scalar s', would deceive the responder; but the initiator has t·b·a·H(x) of its own
  items in order, could apply s' to those, and find among the rows which of them match. A blank is
  made for every row, needed or not, so that the time does not tell their number.
- *Rows*: for the initiator, those that are not its own are items of the other side and blanks: |Y|
  of them, whoever matches, and it cannot tell which are blank without t.

**Assumed public.** Protocol, parameters, both sizes, the dummies.

**Security.** Semi-honest, under decisional Diffie–Hellman with SHA-256 as a random oracle; items
are hashed to the curve only (`strict`), so that no bit of a point outlives blinding. It rests on
both sides following it. An initiator that deviates can leave out its dummies and see the exact
number, or make its blanks from the matches and find its own matching items. A responder that
deviates can take another scalar than b for *Shuffled*, and find its own items among the rest; but
then the dummies do not match either, and an initiator that sees fewer matches than the coins alone
explain (probability 2^-40) refuses, which does not catch one that does so for a part. A match that
comes back among the rest is refused. Runs add up: each costs its ε and δ.

**False matches.** Two rows of r get one tag with a probability below r²·2^(-8t); then the run
fails with `invalid-element`, except that a false match in the join (at most n·m·2^(-8t)) makes an
item's row be missing, which is refused too.

**Source.** Private-ID: Buddhavarapu, Knox, Mohassel, Sengupta, Taubeneck, Vlaskin 2020, "Private
Matching for Compute" (ePrint 2020/599), which tells both the size of the union: blanks and dummies
are what is added here. Wire format: `docs/spec/psi-union.md`.
"""

import functools

from protocols import shuffle
from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.psi import mixed, union_initiator, union_noise, union_responder
from protocols.psi.means import Means
from protocols.psi.union_points import INDEX
from protocols.psi.union_progress import progress
from protocols.psi.union_records import MESSAGES, Opening, Run, UnionIndex, UnionParams
from protocols.psi.union_states import INITIATOR_STATES, STATES, InitiatorSending, ResponderOpening
from protocols.session import Continue, Fetch, Items, Rng, Role, Transition, TwoParty, Wait

__all__ = ["INDEX", "UNION_INDEX", "UnionIndex", "UnionParams", "union_index"]


def begin(role: Role, params: Record, ctx: bytes, items: Items, rng: Rng) -> Transition:
    """Open one side of a run with fresh scalars, and with coins where it is the responder.

    Raises: InvalidParameter if input or context do not fit the parameters.
    """
    if not isinstance(params, UnionParams):
        raise InvalidParameter("these are not the parameters of this protocol")
    run = Run(params, ctx, items, rng(32), rng(32))
    others = union_noise.dummies(ctx, params.dummies)
    if role is Role.RESPONDER:
        others = union_noise.tossed(others, rng)
    keep = {mixed.OTHERS: mixed.place(items.count, others, rng(shuffle.SEED_BYTES))}
    if role is Role.RESPONDER:
        return Wait(ResponderOpening(run), keep)
    return Continue(InitiatorSending(run, 0), Opening(run.check_of(role), items.count), keep)


def step(
    backend: Backend | None, state: Record, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    """Take one side one arrow further."""
    means = Means(fetch, rng, backend)
    if isinstance(state, INITIATOR_STATES):
        return union_initiator.step(means, state, message)
    return union_responder.step(means, state, message)


def union_index(backend: Backend | None = None) -> TwoParty:
    """Return `psi-union-index/1` on a back end; without one, the fastest that works here."""
    return TwoParty(
        name="psi-union-index/1",
        title="One numbering for the people of both, which tells neither who is in both",
        initiator_learns=(
            "where its own items stand, the number of items of the other side, and the number of"
            " matches with noise"
        ),
        responder_learns="where its own items stand, and the number of items of the other side",
        params=UnionParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(UnionIndex,),
        begin=begin,
        step=functools.partial(step, backend),
        progress=progress,
    )


UNION_INDEX = union_index()
