"""The mailbox of a job: sealed bytes in, the same bytes out, erased once they are acknowledged.

Each party numbers what it says to each other one 0, 1, 2, …; a step is sent once with one body. A
message's size and digest stay after its bytes are gone, so that a sender that lost a reply can
safely send again. When all parties have closed, all bytes are erased and the summary remains. See
`docs/spec/relay.md`.
"""

from collections import Counter
from typing import NamedTuple

from sqlmodel import Session

from coordinator import jobs, store
from coordinator.errors import (
    MailboxClosed,
    MailboxFull,
    MalformedRequest,
    MessageAcknowledged,
    MisroutedEnvelope,
    NotYourMailbox,
    StepConflict,
    StepOutOfOrder,
    UnknownMessage,
)
from coordinator.tables import BodyRow, JobRow, MessageRow
from coordinator.wire import MailboxSummary
from protocols.codec import encode
from protocols.envelope import Envelope, Header

COMPLETED = "completed"
"""Outcome of a party that has all it needs: the others may still have something for each other."""


class Sealed(NamedTuple):
    """An envelope, and its SHA-256."""

    body: bytes
    digest: bytes


class Room(NamedTuple):
    """How many bytes may wait for acknowledgement."""

    of_job: int
    """Of one job, all directions together."""
    of_party: int
    """Sent by one party, over all its jobs."""


def put(session: Session, caller: str, place: store.Place, sealed: Sealed, room: Room) -> bool:
    """Take one message. Returns whether it is new.

    Raises: UnknownJob, NotYourMailbox, MisroutedEnvelope, StepConflict, StepOutOfOrder,
        MailboxClosed, MailboxFull.
    """
    job, sender, recipient, step = place
    row = jobs.of_party(session, caller, job)
    if caller != sender or recipient not in jobs.others(row, sender):
        raise NotYourMailbox
    known = store.message(session, place)
    if known is not None:
        if known.digest != sealed.digest:
            raise StepConflict
        return False
    _check_route(sealed.body, Header(job, sender, recipient, step))
    size = len(sealed.body)
    sides = store.sides(session, job)
    _refuse_closed(sides, sender, recipient)
    mine = sides[sender, recipient]
    if step != mine.sent:
        raise StepOutOfOrder(f"the next step of {sender} is {mine.sent}", expected=mine.sent)
    _check_room(sum(side.pending_bytes for side in sides.values()), size, room.of_job)
    _check_room(store.pending_bytes(session, sender), size, room.of_party)
    session.add(
        MessageRow(
            job=job, sender=sender, recipient=recipient, step=step,
            size=size, digest=sealed.digest,
        )
    )  # fmt: skip
    session.add(BodyRow(job=job, sender=sender, recipient=recipient, step=step, body=sealed.body))
    mine.sent += 1
    mine.sent_bytes += size
    mine.pending_bytes += size
    session.flush()
    return True


def get(session: Session, caller: str, place: store.Place) -> bytes | None:
    """Return the bytes of a message for its recipient, or None if it has not been sent yet.

    Raises: UnknownJob, NotYourMailbox, MessageAcknowledged, MailboxClosed if it can never come.
    """
    job, sender, recipient, _ = place
    _as_recipient(session, caller, place)
    known = store.message(session, place)
    sides = store.sides(session, job)
    if known is None:
        _refuse_closed(sides, sender, recipient)
        return None
    if known.acknowledged:
        raise MessageAcknowledged
    found = store.body(session, place)
    if found is None:
        _refuse_closed(sides, sender, recipient)
    return found


def acknowledge(session: Session, caller: str, place: store.Place) -> None:
    """Erase the bytes of a message that its recipient has stored; the same again changes nothing.

    Raises: UnknownJob, NotYourMailbox, UnknownMessage.
    """
    job, sender, recipient, _ = place
    _as_recipient(session, caller, place)
    known = store.message(session, place)
    if known is None:
        raise UnknownMessage
    if known.acknowledged:
        return
    known.acknowledged = True
    if store.erase_body(session, place):
        store.sides(session, job)[sender, recipient].pending_bytes -= known.size
    session.flush()


def close(session: Session, caller: str, job: str, outcome: str) -> MailboxSummary:
    """End the caller's side with its outcome; when all have, all bytes go.

    Raises: UnknownJob, MalformedRequest, MailboxClosed if it was closed with another outcome.
    """
    row = jobs.of_party(session, caller, job)
    if not jobs.is_code(outcome):
        raise MalformedRequest("an outcome is `completed` or an error code")
    sides = store.sides(session, job)
    mine = [side for (sender, _), side in sides.items() if sender == caller]
    if any(side.outcome not in (None, outcome) for side in mine):
        raise MailboxClosed("this side was closed with another outcome", party=caller)
    for side in mine:
        side.outcome = outcome
    if all(side.outcome is not None for side in sides.values()):
        empty(session, job)
    session.flush()
    return summary(session, row)


def empty(session: Session, job: str) -> int:
    """Erase every body of a job; return how many there were."""
    for side in store.sides(session, job).values():
        side.pending_bytes = 0
    return store.erase_bodies(session, job)


def summary(session: Session, row: JobRow) -> MailboxSummary:
    """Return what remains of a mailbox."""
    sides = store.sides(session, row.job)
    sent: Counter[str] = Counter()
    sent_bytes: Counter[str] = Counter()
    for (party, _), side in sides.items():
        sent[party] += side.sent
        sent_bytes[party] += side.sent_bytes
    return MailboxSummary(
        job=row.job,
        sent=dict(sent),
        bytes=dict(sent_bytes),
        outcome={p: side.outcome for (p, _), side in sides.items() if side.outcome is not None},
    )


def _as_recipient(session: Session, caller: str, place: store.Place) -> None:
    job, sender, recipient, _ = place
    row = jobs.of_party(session, caller, job)
    if caller != recipient or sender not in jobs.others(row, caller):
        raise NotYourMailbox


def _refuse_closed(sides: store.Sides, sender: str, recipient: str) -> None:
    """Refuse if one of these two has closed its side, or anybody has without having completed."""
    for (party, _), side in sorted(sides.items()):
        if side.outcome is None or (side.outcome == COMPLETED and party not in (sender, recipient)):
            continue
        raise MailboxClosed(
            f"{party} closed its side as {side.outcome}", party=party, outcome=side.outcome
        )


def _check_room(pending: int, size: int, limit: int) -> None:
    if pending and pending + size > limit:
        raise MailboxFull(pending_bytes=pending, limit_bytes=limit)


def _check_route(envelope: bytes, expected: Header) -> None:
    """Compare the clear header with the path, byte for byte, and read nothing else.

    An encoding is unique, so the beginning of the envelope is known from the path. To parse a
    stranger's bytes would cost more and tell no more: the rest is for the recipient to check.
    """
    empty = encode(Envelope(expected, b"", b""))
    if not envelope.startswith(empty[:-2]):  # without the two empty strings, a byte each
        raise MisroutedEnvelope("the envelope does not begin with the header that the path says")
