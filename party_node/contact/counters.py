"""What frequency caps count: a person's contacts on one channel for one group of purposes.

One index finds exactly these, from the beginning of the longest period on: looking costs as much as
there are contacts in it, however many others there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import true, update
from sqlmodel import Session, col, select

from consent import fields
from consent.errors import MalformedRecord
from consent.frequency import FrequencyCap, window
from consent.words import ANY_CHANNEL
from party_node.contact.tables import ContactRow, ContactState
from party_node.database import in_batches


@dataclass(frozen=True, slots=True)
class Counter:
    """What caps count by: the person, the channel, and the group of purposes."""

    subject: int
    channel: str
    purpose_group: str

    def __post_init__(self) -> None:
        names = fields.name.read(self.channel), fields.name.read(self.purpose_group)
        if ANY_CHANNEL in names:
            raise MalformedRecord("a contact has one channel and one purpose group")


def contact_times(
    session: Session,
    counter: Counter,
    caps: Sequence[FrequencyCap],
    at_ms: int,
    zone: tzinfo | None,
    now_ms: int,
) -> tuple[list[int], list[bytes]]:
    """Return when the contacts were that these caps count at `at_ms`, and the tokens of those that
    have expired by now.
    """
    if not caps:
        return [], []
    since_ms = min(window(cap, at_ms, zone)[0] for cap in caps)
    rows = session.exec(
        select(ContactRow.token, ContactRow.state, ContactRow.latest_ms).where(
            col(ContactRow.subject) == counter.subject,
            col(ContactRow.channel) == counter.channel,
            col(ContactRow.purpose_group) == counter.purpose_group,
            col(ContactRow.counted) == true(),
            col(ContactRow.latest_ms) >= since_ms,
        )
    )
    times, expired = [], []
    for token, state, latest_ms in rows:
        if state == ContactState.CONFIRMED:
            times.append(latest_ms)
        elif latest_ms > now_ms:
            times.append(min(at_ms, latest_ms))  # it may go out at any instant until then
        else:
            expired.append(token)
    return times, expired


def stop_counting(session: Session, expired: Sequence[bytes]) -> None:
    """Take what expired out of the index, so that the next reservation need not look at it."""
    for tokens in in_batches(expired):
        session.execute(
            update(ContactRow).where(col(ContactRow.token).in_(tokens)).values(counted=False)
        )
