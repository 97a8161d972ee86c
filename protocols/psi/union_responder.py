"""The responder's side of `union.py`: it shuffles, and makes the index."""

import numpy as np

from protocols.codec import Record
from protocols.psi import chunks, union_rows
from protocols.psi.join import check_distinct, tags_from_bytes
from protocols.psi.means import Means
from protocols.psi.union_points import INDEX, blinded, due, own_numbers, row_tags, tags_kept
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
    ResponderCollecting,
    ResponderEvaluating,
    ResponderFilling,
    ResponderFinishing,
    ResponderNumbering,
    ResponderOpening,
    ResponderReturning,
    ResponderSending,
)
from protocols.session import Continue, Finish, Role, Transition, Wait


def step(  # noqa: C901 - one case for each arrow
    means: Means, state: Record, message: Record | None
) -> Transition:
    """Take the responder one arrow further."""
    match state, message:
        case ResponderOpening(run), Opening(check, total):
            run.check_opening(check, total, Role.INITIATOR)
            reply = Opening(run.check_of(Role.RESPONDER), run.items.count)
            return Continue(ResponderEvaluating(run, total, 0), reply)
        case ResponderEvaluating(run, total, following), None:
            if following < run.chunks_of(run.listed(total)):
                return Wait(state)
            return _shuffle(means, run, total)
        case ResponderEvaluating(), Blinded(Role.INITIATOR):
            return _evaluate(means, state, message)
        case ResponderReturning(run, total, index), None:
            if index == run.chunks_of(run.listed(total)):
                return _send(means, run, total, 0)
            chunk = Shuffled(index, means.fetch(chunks.kept("shuffled", index)))
            return Continue(ResponderReturning(run, total, index + 1), chunk)
        case ResponderSending(run, total, index), None:
            if index == run.chunks_of(run.listed(run.items.count)):
                return Wait(ResponderCollecting(run, total, 0))
            return _send(means, run, total, index)
        case ResponderCollecting(), Evaluated(Role.INITIATOR):
            return _collect(means, state, message)
        case ResponderFilling(), Rest():
            return _fill(means, state, message)
        case ResponderNumbering(run, total, index), None:
            if index == run.chunks_of(run.rows(total)):
                return Wait(ResponderFinishing(run, total))
            numbered = Rows(index, means.fetch(chunks.kept("rows", index)))
            return Continue(ResponderNumbering(run, total, index + 1), numbered)
        case ResponderFinishing(run, total), Done():
            return Finish(UnionIndex(run.rows(total), run.items.count))
        case _:
            raise chunks.unexpected(state, message)


def _evaluate(means: Means, state: ResponderEvaluating, message: Blinded) -> Transition:
    """Keep what can be joined; lead the other side's list on towards its rows."""
    run, total, index = state.run, state.peer_total, state.next
    points = due(run, run.listed(total), index, message.index, message.points)
    comparable = means.evaluated(run.first, points)
    onward = means.multiplied(run.second, comparable).tobytes()
    return Continue(
        ResponderEvaluating(run, total, index + 1),
        Evaluated(Role.RESPONDER, index, onward),
        {chunks.kept("pool", index): comparable.tobytes()},
    )


def _shuffle(means: Means, run: Run, total: int) -> Transition:
    pool = means.points("pool", run.chunks_of(run.listed(total)))
    # An item sent several times would be known by its number in the shuffled list.
    check_distinct(np.ascontiguousarray(pool[:, :16]))
    shuffled = means.in_secret_order(pool)
    keep = chunks.cut("shuffled", shuffled, 32 * run.params.chunk_items)
    first = Shuffled(0, keep[chunks.kept("shuffled", 0)])
    return Continue(ResponderReturning(run, total, 1), first, keep)


def _send(means: Means, run: Run, total: int, index: int) -> Transition:
    chunk = blinded(means, run, Role.RESPONDER, index)
    return Continue(ResponderSending(run, total, index + 1), chunk)


def _collect(means: Means, state: ResponderCollecting, message: Evaluated) -> Transition:
    """Take the own list, in its order, on to its rows."""
    run, total, index = state.run, state.peer_total, state.next
    own = run.listed(run.items.count)
    keep = {chunks.kept("mine", index): row_tags(means, run, own, index, message)}
    if index + 1 < run.chunks_of(own):
        return Wait(ResponderCollecting(run, total, index + 1), keep)
    return Wait(ResponderFilling(run, total, 0), keep)


def _fill(means: Means, state: ResponderFilling, message: Rest) -> Transition:
    """Take the rest on to its rows; with all of them here, make the index."""
    run, total, index = state.run, state.peer_total, state.next
    tags = row_tags(means, run, run.listed(total), index, message)
    keep = {chunks.kept("theirs", index): tags}
    last = run.chunks_of(run.listed(total)) - 1
    if index < last:
        return Wait(ResponderFilling(run, total, index + 1), keep)
    mine = tags_kept(means, run, "mine", run.chunks_of(run.listed(run.items.count)))
    so_far = chunks.read_kept(means.fetch, "theirs", last, run.params.tag_bytes)
    theirs = tags_from_bytes(so_far + tags, run.params.tag_bytes)
    rows = np.concatenate([mine, theirs])
    rows = rows[union_rows.ascending(rows)]
    keep |= chunks.cut("rows", rows.tobytes(), run.params.chunk_items * run.params.tag_bytes)
    # Refuses a row twice: the initiator returned a match instead of a blank.
    keep[INDEX] = own_numbers(means, run, mine, rows)
    return Continue(ResponderNumbering(run, total, 1), Rows(0, keep[chunks.kept("rows", 0)]), keep)
