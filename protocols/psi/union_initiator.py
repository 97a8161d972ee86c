"""The initiator's side of `union.py`: it joins the lists, and puts blanks where they match."""

import numpy as np

from protocols import groups
from protocols.codec import Record
from protocols.errors import InvalidElement
from protocols.psi import chunks, union_noise, union_rows
from protocols.psi.join import tags_from_bytes
from protocols.psi.means import Means
from protocols.psi.union_points import (
    INDEX,
    blinded,
    due,
    own_numbers,
    row_tags,
    tags_kept,
    with_blanks,
)
from protocols.psi.union_records import (
    Blinded,
    Done,
    Evaluated,
    Opening,
    Rest,
    Rows,
    Run,
    Shuffled,
    UnionIndex,
)
from protocols.psi.union_states import (
    InitiatorCollecting,
    InitiatorEvaluating,
    InitiatorNumbering,
    InitiatorOpening,
    InitiatorPooling,
    InitiatorReturning,
    InitiatorSending,
)
from protocols.session import Continue, Finish, Role, Transition, Wait


def step(  # noqa: C901 - one case for each arrow
    means: Means, state: Record, message: Record | None
) -> Transition:
    """Take the initiator one arrow further."""
    match state, message:
        case InitiatorSending(run, index), None:
            if index == run.chunks_of(run.listed(run.items.count)):
                return Wait(InitiatorOpening(run))
            chunk = blinded(means, run, Role.INITIATOR, index)
            return Continue(InitiatorSending(run, index + 1), chunk)
        case InitiatorOpening(run), Opening(check, total):
            run.check_opening(check, total, Role.RESPONDER)
            return Wait(InitiatorCollecting(run, total, 0))
        case InitiatorCollecting(), Evaluated(Role.RESPONDER):
            return _collect(means, state, message)
        case InitiatorPooling(), Shuffled():
            return _pool(state, message)
        case InitiatorEvaluating(run, total, following), None:
            if following < run.chunks_of(run.listed(total)):
                return Wait(state)
            return _join(means, run, total)
        case InitiatorEvaluating(), Blinded(Role.RESPONDER):
            return _evaluate(means, state, message)
        case InitiatorReturning(run, total, index), None:
            if index == run.chunks_of(run.listed(run.items.count)):
                return Wait(InitiatorNumbering(run, total, 0))
            return _return(means, run, total, index, means.fetch(chunks.kept("rest", index)), {})
        case InitiatorNumbering(), Rows():
            return _number(means, state, message)
        case _:
            raise chunks.unexpected(state, message)


def _collect(means: Means, state: InitiatorCollecting, message: Evaluated) -> Transition:
    """Take the own list, in its order, on to its rows."""
    run, total, index = state.run, state.peer_total, state.next
    own = run.listed(run.items.count)
    keep = {chunks.kept("mine", index): row_tags(means, run, own, index, message)}
    if index + 1 < run.chunks_of(own):
        return Wait(InitiatorCollecting(run, total, index + 1), keep)
    return Wait(InitiatorPooling(run, total, 0), keep)


def _pool(state: InitiatorPooling, message: Shuffled) -> Transition:
    run, total, index = state.run, state.peer_total, state.next
    own = run.listed(run.items.count)
    groups.check_points(due(run, own, index, message.index, message.points))
    keep = {chunks.kept("pool", index): message.points}
    if index + 1 < run.chunks_of(own):
        return Wait(InitiatorPooling(run, total, index + 1), keep)
    return Wait(InitiatorEvaluating(run, total, 0), keep)


def _evaluate(means: Means, state: InitiatorEvaluating, message: Blinded) -> Transition:
    """Keep what can be joined; lead the other side's list on towards its rows."""
    run, total, index = state.run, state.peer_total, state.next
    points = due(run, run.listed(total), index, message.index, message.points)
    comparable = means.evaluated(run.first, points)
    keep = {chunks.kept("theirs", index): union_rows.tags_of(comparable, run.params.tag_bytes)}
    onward = means.multiplied(run.second, comparable).tobytes()
    reply = Evaluated(Role.INITIATOR, index, onward)
    return Continue(InitiatorEvaluating(run, total, index + 1), reply, keep)


def _join(means: Means, run: Run, total: int) -> Transition:
    own = run.chunks_of(run.listed(run.items.count))
    theirs = tags_kept(means, run, "theirs", run.chunks_of(run.listed(total)))
    pool = union_rows.without_matches(means.points("pool", own), theirs)
    if np.count_nonzero(~pool.any(axis=1)) < union_noise.fewest(run.params.dummies):
        raise InvalidElement("the lists do not match even where they must: a scalar was changed")
    rest = means.in_secret_order(pool)
    keep = chunks.cut("rest", rest, 32 * run.params.chunk_items)
    return _return(means, run, total, 0, keep[chunks.kept("rest", 0)], keep)


def _return(
    means: Means, run: Run, total: int, index: int, rest: bytes, keep: dict[str, bytes]
) -> Transition:
    points = with_blanks(means, groups.points_from_bytes(rest), run.ctx)
    onward = means.evaluated(run.second, points).tobytes()
    return Continue(InitiatorReturning(run, total, index + 1), Rest(index, onward), keep)


def _number(means: Means, state: InitiatorNumbering, message: Rows) -> Transition:
    run, total, index = state.run, state.peer_total, state.next
    size = run.length_of(run.rows(total), index) * run.params.tag_bytes
    chunks.check_chunk(message.index, index, message.tags, size)
    keep = {chunks.kept("rows", index): message.tags}
    last = run.chunks_of(run.rows(total)) - 1
    if index < last:
        return Wait(InitiatorNumbering(run, total, index + 1), keep)
    so_far = chunks.read_kept(means.fetch, "rows", last, run.params.tag_bytes)
    rows = tags_from_bytes(so_far + message.tags, run.params.tag_bytes)
    union_rows.check_ascending(rows)
    mine = tags_kept(means, run, "mine", run.chunks_of(run.listed(run.items.count)))
    keep[INDEX] = own_numbers(means, run, mine, rows)
    return Finish(UnionIndex(run.rows(total), run.items.count), Done(), keep)
