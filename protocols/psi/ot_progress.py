"""How far one side of `ot.py` is: items of both sets that it has worked on, of all that it will.

A block of the receiver's bins stands for a part of its items, and a chunk of values for a part of
the sender's; both sides work on each once. The two do not cost quite the same, so the pace of a
side changes a little between them.
"""

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.psi.ot_records import (
    ReceiverCollecting,
    ReceiverOpening,
    ReceiverSending,
    SenderEvaluating,
    SenderFinishing,
    SenderHashing,
    SenderOpening,
    SenderReturning,
    Session,
)
from protocols.session import Progress


def progress(state: Record) -> Progress:
    """Return how far the side in this state is. Raises: LocalError for no state of `ot.py`."""
    match state:
        case ReceiverOpening(run) | SenderOpening(run):
            return Progress(0, run.items.count, per_peer_row=1)
        case SenderHashing(session, bucket):
            return _at(session, bucket, 0, 0)
        case ReceiverSending(session, bucket, index) | SenderEvaluating(session, bucket, index):
            return _at(session, bucket, index, 0)
        case ReceiverCollecting(session, bucket, index) | SenderReturning(session, bucket, index):
            return _at(session, bucket, session.blocks(), index)
        case SenderFinishing(peer, own):
            return Progress(own + peer, own + peer)
        case _:
            raise LocalError("this is no state of psi-ot")


def _at(session: Session, bucket: int, blocks: int, value_chunks: int) -> Progress:
    """Return the standing in a bucket after so many of its blocks and chunks of values."""
    buckets = session.plan().buckets
    done = _part(session.receiver_total, bucket, blocks, session.blocks(), buckets)
    done += _part(session.sender_total, bucket, value_chunks, session.value_chunks(), buckets)
    return Progress(done, session.receiver_total + session.sender_total)


def _part(items: int, bucket: int, index: int, each: int, buckets: int) -> int:
    return items * (bucket * each + index) // (buckets * each)
