"""Which anonymous rows of the partner match, and in which of the brand's groups.

    brand (initiator)                                        partner (responder)
    b = fresh scalar; its people in groups,                  a = fresh scalar; its people as rows
    each group in a secret order                             in a secret order
             ── JoinOpening: check, size of each group ───►
             ◄───────────── JoinOpening: check, number of rows ──
             ── Blinded: b·H(x), group by group ──────────►
             ◄── Evaluated: first t bytes of a·(b·H(x)),  ────   once all are there, each group
                            group by group                       in an order of its own
             ◄── Blinded: a·H(y), row by row ─────────────────
    joins the first t bytes of b·(a·H(y)) with those of a·(b·H(x)):
    row i of the partner matches somebody of group g, or nobody
             ── Done ─────────────────────────────────────►

It is the ground for sums over rows: the brand knows of each row 0 or 1, and the partner knows what
else there is to say of it (`protocols/sums`).

**Who learns what.** The *brand* learns the number of the partner's rows, which of these rows match,
and each one's group; so how many of each group match, exactly where there is no noise. It does not
learn which of its own people they are: its items come back in the partner's secret order, uniformly
random within each group, and to link one of them to an item it would have to decide Diffie–Hellman
triples. Nor whom a row stands for: rows come in an order that is secret and random (`Items`), under
a scalar of this run, so rows of two runs cannot be linked either. The *partner* learns how large
the groups are, filled up to steps of a ladder (`blinded_join_input.py`), and nothing else: not how
many match, nor which.

**What groups tell.** Whoever matches in a group is one of it. A group with one person in it and
random items around tells whether that person matches; so a node refuses groups of few people,
and the partner groups of few rows (`least_group`), behind which it cannot see. Groups that are cut
differently in many runs narrow people down; a limit on questions answers that, and is not here.

**Noise.** With `dummies` each group holds as many that both know, and the partner has each as a row
or not by the toss of a coin (`padding.py`). So what the brand counts in a group has Binomial noise,
which the shuffle within the group keeps it from taking off. A person of the partner matches in one
group, so the price is that of one count (`coins.price` of `dummies_each`). Sums over the rows have
no noise from it: of a dummy the partner has nothing to say. Without `strict` the dummies of a group
fall on two sides, and each must have enough (`coins.least`).

**Strict.** Without `strict`, one bit of each item, curve or twist, outlives blinding: the brand
can tell which half of a group a matching row is from. So groups then have 10,000 rows at least.

**Several items a person.** With `per_person` rows have so many items; the partner shuffles rows
within a group, and items within a row. Two rows meet where they share an item. The brand then also
sees with how many items two rows meet, and where one row meets several. Such a row counts once: it
goes with one of those that it meets, whichever comes first in their secret orders.

**Assumed public.** Protocol, parameters, the number of rows, the sizes of the groups.

**Security.** Semi-honest, under decisional Diffie–Hellman with SHA-256 as a random oracle. What
comes from the peer is checked all the same: context and role, sizes, order and lengths, each point
before a scalar meets it, that nothing comes twice. A brand that deviates can mark items, by another
scalar than b, and learn whether these match; make groups of one person and strangers; leave out its
dummies. Nothing here shows that. A partner that deviates can make rows not match, by another scalar
than a or by wrong tags; it learns nothing by it.

**False matches.** With n items and m rows, at most n·m·2^(-8t) for tags of t bytes.

**Source.** As `dh.py`; the same shuffle, within groups, and the other side's positions as the
result: the two-list form of Buddhavarapu et al. 2020, "Private Matching for Compute" (ePrint
2020/599). Wire format: `docs/spec/alignment.md`.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from protocols import groups as points_group
from protocols import shuffle
from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.psi import chunks
from protocols.psi.blinded_join_records import (
    MESSAGES,
    GroupedItems,
    JoinedRows,
    JoinOpening,
    JoinParams,
    JoinRun,
    RowsShown,
    ends,
)
from protocols.psi.blinded_join_states import (
    STATES,
    BrandCollecting,
    BrandEvaluating,
    BrandOpening,
    BrandSending,
    PartnerCollecting,
    PartnerFinishing,
    PartnerOpening,
    PartnerReturning,
    PartnerSending,
    progress,
)
from protocols.psi.dh_records import Blinded, Done, Evaluated
from protocols.psi.join import check_distinct, join_pairs, tags_from_bytes
from protocols.psi.means import Means
from protocols.psi.rows import one_each
from protocols.psi.union_rows import tags_of
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

__all__ = ["BLINDED_JOIN", "GROUPS", "GroupedItems", "JoinParams", "JoinedRows", "RowsShown"]

GROUPS = "groups"
"""The kept chunks with the group of each of the partner's rows."""


def begin(role: Role, params: Record, ctx: bytes, items: Items, rng: Rng) -> Transition:
    """Open one side of a run with a fresh scalar; the brand's items are in groups.

    Raises: InvalidParameter or LocalError if input or context do not fit the parameters.
    """
    if not isinstance(params, JoinParams):
        raise InvalidParameter("these are not the parameters of this protocol")
    run = JoinRun(params, ctx, items, rng(32))
    run.check_own(role)
    if role is Role.RESPONDER:
        return Wait(PartnerOpening(run))
    return Continue(BrandSending(run, 0), JoinOpening(run.check_of(role), run.sizes))


def step(  # noqa: C901 - one case for each arrow
    backend: Backend | None, state: Record, message: Record | None, fetch: Fetch, rng: Rng
) -> Transition:
    """Take one side one arrow further."""
    means = Means(fetch, rng, backend)
    match state, message:
        case BrandSending(run, index), None:
            if index == run.items.chunk_count():
                return Wait(BrandOpening(run))
            return Continue(
                BrandSending(run, index + 1), _blinded(means, run, Role.INITIATOR, index)
            )
        case BrandOpening(run), JoinOpening():
            run.check_opened(message, Role.RESPONDER)
            return _receive_on(run, sum(message.sizes), 0, {})
        case BrandCollecting(run, rows, due), Evaluated(index, tags):
            size = run.length_of(run.items.count, due) * run.params.tag_bytes
            chunks.check_chunk(index, due, tags, size)
            return _receive_on(run, rows, due + 1, {chunks.kept("mine", due): tags})
        case BrandEvaluating(), Blinded(Role.RESPONDER):
            return _evaluate_rows(means, state, message)
        case PartnerOpening(run), JoinOpening():
            run.check_opened(message, Role.INITIATOR)
            reply = JoinOpening(run.check_of(Role.RESPONDER), run.sizes)
            return Continue(PartnerCollecting(run, message.sizes, 0), reply)
        case PartnerCollecting(run, groups, due), None:
            return Wait(state) if due < _chunks(run, groups) else _send(means, run, groups, 0)
        case PartnerCollecting(), Blinded(Role.INITIATOR):
            return _hold(means, state, message)
        case PartnerReturning(run, groups, index), None:
            if index == _chunks(run, groups):
                return _send(means, run, groups, 0)
            return _give_back(run, groups, index, fetch(chunks.kept("shuffled", index)))
        case PartnerSending(run, groups, index), None:
            return _send(means, run, groups, index)
        case PartnerFinishing(run, groups), Done():
            return Finish(RowsShown(sum(run.sizes), groups))
        case _:
            raise chunks.unexpected(state, message)


def _blinded(means: Means, run: JoinRun, by: Role, index: int) -> Blinded:
    digests = chunks.read_own(means.fetch, run.items, index)
    return Blinded(by, index, means.blinded(run.scalar, run.ctx, digests, run.params.strict))


def _tags_of(means: Means, run: JoinRun, message: Blinded, rows: int, due: int) -> bytes:
    """Return the tags of a chunk of the peer's list."""
    size = 32 * run.length_of(run.listed(rows), due)
    chunks.check_chunk(message.index, due, message.points, size)
    points = points_group.points_from_bytes(message.points)
    return tags_of(means.evaluated(run.scalar, points), run.params.tag_bytes)


# The partner: it evaluates the groups, shuffles each, and sends its rows


def _hold(means: Means, state: PartnerCollecting, message: Blinded) -> Transition:
    """Keep the brand's tags until all are here: a reply to a part would say where an item is."""
    run, groups, due = state.run, state.groups, state.next
    tags = _tags_of(means, run, message, sum(groups), due)
    if due + 1 < _chunks(run, groups):
        return Wait(PartnerCollecting(run, groups, due + 1), {chunks.kept("held", due): tags})
    t = run.params.tag_bytes
    held = tags_from_bytes(chunks.read_kept(means.fetch, "held", due, t) + tags, t)
    # An item sent several times would be known by its number in the shuffled answer.
    check_distinct(held)
    shuffled = held[order_within(groups, run.params.per_person, means.rng)].tobytes()
    keep = chunks.cut("shuffled", shuffled, run.params.chunk_items * t)
    return _give_back(run, groups, 0, keep[chunks.kept("shuffled", 0)], keep)


def _give_back(
    run: JoinRun,
    groups: tuple[int, ...],
    index: int,
    tags: bytes,
    keep: dict[str, bytes] | None = None,
) -> Transition:
    return Continue(PartnerReturning(run, groups, index + 1), Evaluated(index, tags), keep or {})


def _send(means: Means, run: JoinRun, groups: tuple[int, ...], index: int) -> Transition:
    if index == run.items.chunk_count():
        return Wait(PartnerFinishing(run, groups, index))
    chunk = _blinded(means, run, Role.RESPONDER, index)
    return Continue(PartnerSending(run, groups, index + 1), chunk)


def _chunks(run: JoinRun, groups: tuple[int, ...]) -> int:
    return run.chunks_of(run.listed(sum(groups)))


def order_within(sizes: tuple[int, ...], per_person: int, rng: Rng) -> NDArray[np.uint32]:
    """Return the positions of a list in groups: the rows of each group in a fresh secret order of
    their own, and the items of each row in another.
    """
    first, orders = 0, [np.zeros(0, np.uint32)]
    for size in sizes:
        order = shuffle.row_permutation(rng(shuffle.SEED_BYTES), size, per_person)
        orders.append(np.uint32(first) + order)
        first += size * per_person
    return np.concatenate(orders)


# The brand: it joins


def _receive_on(run: JoinRun, rows: int, evaluated: int, keep: dict[str, bytes]) -> Transition:
    """Await the brand's next chunk: of its own items, then of the partner's rows."""
    if evaluated < run.items.chunk_count():
        return Wait(BrandCollecting(run, rows, evaluated), keep)
    if rows > 0:
        return Wait(BrandEvaluating(run, rows, 0), keep)
    matched = (-(run.params.dummies_each // 2),) * len(run.sizes)
    return Finish(JoinedRows(0, matched), Done(), keep)


def _evaluate_rows(means: Means, state: BrandEvaluating, message: Blinded) -> Transition:
    run, rows, due = state.run, state.rows, state.next
    tags = _tags_of(means, run, message, rows, due)
    keep = {chunks.kept("theirs", due): tags}
    if due + 1 < run.chunks_of(run.listed(rows)):
        return Wait(BrandEvaluating(run, rows, due + 1), keep)
    t = run.params.tag_bytes
    mine = means.tags("mine", run.items.chunk_count(), t)
    theirs = tags_from_bytes(chunks.read_kept(means.fetch, "theirs", due, t) + tags, t)
    met = one_each(join_pairs(mine, theirs), run.params.per_person)
    found = np.zeros(rows, "<u2")
    found[met[1]] = 1 + np.searchsorted(np.array(ends(run.sizes)), met[0], side="right")
    matched = np.bincount(found, minlength=len(run.sizes) + 1)[1:] - run.params.dummies_each // 2
    keep |= chunks.cut(GROUPS, found.tobytes(), 2 * run.params.chunk_items)
    return Finish(JoinedRows(rows, tuple(int(n) for n in matched)), Done(), keep)


def blinded_join(backend: Backend | None = None) -> TwoParty:
    """Return `join-blinded/1` on a back end; without one, the fastest that works here."""
    return TwoParty(
        name="join-blinded/1",
        title="Which anonymous rows of the partner match, and in which of the brand's groups",
        initiator_learns=(
            "which rows of the other side match and in which of its own groups, not who they are,"
            " and the number of rows"
        ),
        responder_learns="the sizes of the other side's groups, filled up",
        params=JoinParams,
        messages=MESSAGES,
        states=STATES,
        outputs=(JoinedRows, RowsShown),
        begin=begin,
        step=functools.partial(step, backend),
        progress=progress,
    )


BLINDED_JOIN = blinded_join()
