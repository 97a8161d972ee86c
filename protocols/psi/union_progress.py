"""How far one side of `union.py` is: places of both lists, each as often as it is multiplied.

The initiator multiplies its own list when it sends it, when it comes back evaluated, and when it
returns it with blanks; the other list once, under both scalars. The responder multiplies each list
twice.
"""

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.psi.union_records import Run
from protocols.psi.union_states import (
    InitiatorCollecting,
    InitiatorEvaluating,
    InitiatorNumbering,
    InitiatorOpening,
    InitiatorPooling,
    InitiatorReturning,
    InitiatorSending,
    ResponderCollecting,
    ResponderEvaluating,
    ResponderFilling,
    ResponderFinishing,
    ResponderNumbering,
    ResponderOpening,
    ResponderReturning,
    ResponderSending,
)
from protocols.session import Progress


def progress(state: Record) -> Progress:
    """Return how far the side in this state is. Raises: LocalError for no state of `union.py`."""
    match state:
        case InitiatorSending(run, index):
            return _unheard(run, _done(run, run.items.count, index), 3, 1)
        case InitiatorOpening(run):
            return _unheard(run, run.listed(run.items.count), 3, 1)
        case ResponderOpening(run):
            return _unheard(run, 0, 2, 2)
        case (
            InitiatorCollecting(run, total, index)
            | InitiatorPooling(run, total, index)
            | InitiatorEvaluating(run, total, index)
            | InitiatorReturning(run, total, index)
            | InitiatorNumbering(run, total, index)
        ):
            own, peer = run.listed(run.items.count), run.listed(total)
            return Progress(_by_initiator(state, run, total, index), 3 * own + peer)
        case (
            ResponderEvaluating(run, total, index)
            | ResponderReturning(run, total, index)
            | ResponderSending(run, total, index)
            | ResponderCollecting(run, total, index)
            | ResponderFilling(run, total, index)
            | ResponderNumbering(run, total, index)
        ):
            own, peer = run.listed(run.items.count), run.listed(total)
            return Progress(_by_responder(state, run, total, index), 2 * own + 2 * peer)
        case ResponderFinishing(run, total):
            every = 2 * run.listed(run.items.count) + 2 * run.listed(total)
            return Progress(every, every)
        case _:
            raise LocalError("this is no state of the union index")


def _unheard(run: Run, done: int, own: int, peer: int) -> Progress:
    """Return the progress of a side that does not know yet how long the other list is."""
    dummies = peer * run.params.dummies
    return Progress(done, own * run.listed(run.items.count) + dummies, per_peer_row=peer)


def _by_initiator(state: Record, run: Run, total: int, index: int) -> int:
    own, peer = run.listed(run.items.count), run.listed(total)
    match state:
        case InitiatorCollecting():
            return own + _done(run, run.items.count, index)
        case InitiatorPooling():
            return 2 * own
        case InitiatorEvaluating():
            return 2 * own + _done(run, total, index)
        case InitiatorReturning():
            return 2 * own + peer + _done(run, run.items.count, index)
        case _:
            return 3 * own + peer


def _by_responder(state: Record, run: Run, total: int, index: int) -> int:
    own, peer = run.listed(run.items.count), run.listed(total)
    match state:
        case ResponderEvaluating():
            return _done(run, total, index)
        case ResponderReturning():
            return peer
        case ResponderSending():
            return peer + _done(run, run.items.count, index)
        case ResponderCollecting():
            return peer + own + _done(run, run.items.count, index)
        case ResponderFilling():
            return peer + 2 * own + _done(run, total, index)
        case _:
            return 2 * own + 2 * peer


def _done(run: Run, items: int, chunks: int) -> int:
    """Return how many places of the list of a side with so many items these chunks are."""
    return min(run.listed(items), chunks * run.params.chunk_items)
