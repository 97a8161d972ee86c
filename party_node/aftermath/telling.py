"""Telling other systems of new entries: which of them they hear of, and with which data.

Written into the outbox in the transaction that writes the entries, so that nothing is told that was
not committed and nothing acknowledged is left untold.
"""

import re
from collections.abc import Iterator, Sequence

from sqlmodel import Session

from consent import instants
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.merges import SubjectsMerged
from consent.preferences import PreferenceEvent
from consent.requests import SubjectRequest
from consent.uses import ExposureReport
from party_node.ledger.writer import NewEntry
from party_node.webhooks.events import EventType, Value, consent_changed
from party_node.webhooks.outbox import Happening, Outbox

_REQUEST = re.compile("[0-9a-f]{32}")


class Telling:
    """Tells an outbox of new entries of the ledger."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def __call__(self, session: Session, entries: Sequence[NewEntry]) -> None:
        """Write what others hear of these entries, in the caller's transaction."""
        happenings = list(_happenings(entries))
        if happenings:
            self._outbox.enqueue_all(session, happenings, entries[-1].recorded_ms)


def _happenings(entries: Sequence[NewEntry]) -> Iterator[Happening]:
    for entry in entries:
        told = _told(entry.record, entry.index)
        if told is not None:
            yield Happening(*told)
        elif isinstance(entry.record, SubjectRequest):
            yield from _request(entry.record, entry.index)


def _told(record: Entry, index: int) -> tuple[EventType, dict[str, Value]] | None:
    match record:
        case ConsentEvent():
            return EventType.CONSENT_CHANGED, consent_changed(record, index)
        case PreferenceEvent():
            return EventType.PREFERENCE_CHANGED, _preference(record, index)
        case SubjectsMerged():
            return EventType.SUBJECT_MERGED, {
                "subject": record.subject_id, "merged": record.absorbed, "index": index
            }  # fmt: skip
        case ExposureReport():
            return EventType.EXPOSURE_REPORTED, {
                "subject": record.subject_id,
                "purpose": record.purpose,
                "recipient": record.recipient,
                "channel": record.channel,
                "index": index,
                "withdrawal": record.withdrawal,
                "uses": record.uses_total,
            }
        case _:
            return None


def _request(record: SubjectRequest, index: int) -> Iterator[Happening]:
    """A request is told of by its own id: whom it is about is nobody's business by then."""
    if _REQUEST.fullmatch(record.request_id):
        data: dict[str, Value] = {
            "request": record.request_id,
            "kind": record.request.value,
            "status": record.status.value,
            "due": instants.to_text(record.due_at_ms),
            "index": index,
        }
        yield Happening(EventType.REQUEST_CHANGED, data, f"request/{record.request_id}")


def _preference(record: PreferenceEvent, index: int) -> dict[str, Value]:
    chosen = record.preference
    data: dict[str, Value] = {
        "subject": record.subject_id,
        "kind": chosen.KIND,
        "index": index,
        "event_time": instants.to_text(record.event_time_ms),
    }
    for name in ("channel", "topic"):
        about = getattr(chosen, name, None)
        if about is not None:
            data[name] = about
    allowed = getattr(chosen, "allowed", None)
    if allowed is not None:
        data["state"] = "on" if allowed else "off"
    return data
