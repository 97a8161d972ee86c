"""How far one side of `dh.py` is: rows that it has multiplied, of all that it will.

Each side multiplies every row of both sets once, and little else takes time, so rows are done at
one pace from the first to the last.
"""

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.psi.dh_records import (
    ReceiverCollecting,
    ReceiverEvaluating,
    ReceiverOpening,
    ReceiverSending,
    Run,
    SenderCollecting,
    SenderFinishing,
    SenderOpening,
    SenderReturning,
    SenderSending,
)
from protocols.session import Progress


def progress(state: Record) -> Progress:
    """Return how far the side in this state is. Raises: LocalError for no state of `dh.py`."""
    match state:
        case ReceiverSending(run, index):
            return Progress(_rows(run, run.items.count, index), run.items.count, per_peer_row=1)
        case ReceiverOpening(run):
            return Progress(run.items.count, run.items.count, per_peer_row=1)
        case ReceiverCollecting(run, total):
            return Progress(run.items.count, run.items.count + total)
        case ReceiverEvaluating(run, total, index):
            done = run.items.count + _rows(run, total, index)
            return Progress(done, run.items.count + total)
        case SenderOpening(run):
            return Progress(0, run.items.count, per_peer_row=1)
        case SenderCollecting(run, total, index):
            return Progress(_rows(run, total, index), run.items.count + total)
        case SenderReturning(run, total):
            return Progress(total, run.items.count + total)
        case SenderSending(run, total, index):
            done = total + _rows(run, run.items.count, index)
            return Progress(done, run.items.count + total)
        case SenderFinishing(run, total):
            return Progress(run.items.count + total, run.items.count + total)
        case _:
            raise LocalError("this is no state of psi-dh")


def _rows(run: Run, total: int, chunks: int) -> int:
    return min(total, chunks * run.params.chunk_items)
