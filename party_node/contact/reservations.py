"""Contacts: reserved before a message goes out, then confirmed or released, so that no two senders
both take the last place under a cap.

    reserve ──► confirm   it went out: counts from the time it was sent
            ├─► release   it will not go out: counts no more
            └─► expires   counts no more; confirmed all the same, it counts and is called late

Caps count by person, channel and purpose group, over all campaigns. While a reservation lives it
counts at every instant, because its message may go out at any. Every function takes a session of
`Database.writing()`, which one writer holds at a time; many contacts may share one transaction.
Nothing here holds an identifier: a person is a dense number, a token is random, and of the sender's
own key only a digest under a key of this node is kept.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import ColumnElement, CursorResult, delete
from sqlmodel import Session, col, select

from consent.errors import MalformedRecord
from consent.frequency import LONGEST_MS, Capped, FrequencyCap, refusal
from party_node.contact.counters import Counter, contact_times, stop_counting
from party_node.contact.tables import ContactRow, ContactState
from party_node.errors import IdempotencyConflict, IllegalState, NotFound
from party_node.vault import Vault
from protocols.session import Rng

MAX_TTL_MS = 86_400_000
"""No reservation lives longer than a day."""

_TOKEN = re.compile("[0-9a-f]{32}", re.ASCII)
_KEY = re.compile(r"[\x20-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Reservation:
    """A message may go out, once, before `expires_ms`."""

    token: str
    """32 random hexadecimal digits; confirms or releases the contact."""
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The message went out, and its contact counts."""

    token: str
    sent_ms: int
    """As it counts: not before it was reserved and not later than it was confirmed."""
    late: bool
    """True if nothing was reserved any more, so that caps may be exceeded."""


class Reservations:
    """The contacts of one node."""

    def __init__(self, vault: Vault, rng: Rng = secrets.token_bytes) -> None:
        self._pepper, self._rng = vault.derive("contact-key-pepper/1"), rng

    def reserve(
        self,
        session: Session,
        counter: Counter,
        caps: Sequence[FrequencyCap],
        now_ms: int,
        zone: tzinfo | None,
        ttl_ms: int,
        *,
        planned_ms: int | None = None,
        idempotency_key: str | None = None,
        exempt: bool = False,
    ) -> Reservation | Confirmed | Capped:
        """Reserve a contact for a while, or say which cap refuses it and when it would fit.

        For one that is planned for later, caps are asked for then, and the while begins then; all
        of it lies within a day from now.

        With the key of a contact that lives, that one is returned again. If its message went out,
        the answer is `Confirmed`: do not send it twice. If it was released or has expired, it is
        reserved anew, under the same token. `exempt` is for transactional messages: no cap is
        asked, and none counts them.
        Raises: IdempotencyConflict if the key was used for another contact; UnknownTimeZone for a
        calendar cap without a zone; MalformedRecord.
        """
        at_ms = max(now_ms, now_ms if planned_ms is None else planned_ms)
        latest_ms = at_ms + ttl_ms
        if ttl_ms <= 0 or latest_ms - now_ms > MAX_TTL_MS:
            raise MalformedRecord(
                "a contact is set aside for at most a day from now: ask with 0, and again then"
            )
        _check_writing(session)
        digest = self._digest(idempotency_key)
        row = _of_key(session, digest, counter, exempt=exempt)
        if row is not None and row.state == ContactState.CONFIRMED:
            return Confirmed(row.token.hex(), row.latest_ms, row.late)
        if row is not None and _lives(row, now_ms):
            return Reservation(row.token.hex(), row.latest_ms)
        if not exempt:
            times, expired = contact_times(session, counter, caps, at_ms, zone, now_ms)
            stop_counting(session, expired)
            capped = refusal(caps, times, at_ms, zone)
            if capped is not None:
                return capped
        held = ContactRow(
            token=self._rng(16) if row is None else row.token, subject=counter.subject,
            channel=counter.channel, purpose_group=counter.purpose_group, exempt=exempt,
            state=ContactState.RESERVED, counted=not exempt, reserved_ms=now_ms,
            latest_ms=latest_ms, key_digest=digest,
        )  # fmt: skip
        if row is None:
            session.add(held)
        else:
            session.merge(held)
        session.flush()
        return Reservation(held.token.hex(), held.latest_ms)

    def refusal(
        self,
        session: Session,
        counter: Counter,
        caps: Sequence[FrequencyCap],
        now_ms: int,
        zone: tzinfo | None,
        planned_ms: int | None = None,
    ) -> Capped | None:
        """Return the cap that refuses a contact now or when it is planned, or None; reserves
        nothing.

        Its `free_at_ms` takes it that what is reserved goes out now; what is released or expires
        makes room sooner. A session to read from is enough.
        Raises: UnknownTimeZone, MalformedRecord.
        """
        at_ms = max(now_ms, now_ms if planned_ms is None else planned_ms)
        times, _ = contact_times(session, counter, caps, at_ms, zone, now_ms)
        return refusal(caps, times, at_ms, zone)

    def confirm(self, session: Session, token: str, sent_at_ms: int, now_ms: int) -> Confirmed:
        """Say that the message went out. It counts, also if the reservation had ended before.

        A repetition changes nothing and returns the same.
        Raises: NotFound for an unknown token, also of a person who was erased.
        """
        row = _find(session, token)
        if row.state != ContactState.CONFIRMED:
            row.late = not _lives(row, now_ms)
            row.state, row.counted = ContactState.CONFIRMED, not row.exempt
            # A sender's clock that is wrong must not move the contact out of the periods in which
            # the reservation counted.
            row.latest_ms = max(row.reserved_ms, min(sent_at_ms, now_ms))
            session.add(row)
            session.flush()
        return Confirmed(token, row.latest_ms, row.late)

    def release(self, session: Session, token: str) -> None:
        """Say that the message will not go out. A repetition changes nothing.

        Raises: NotFound; IllegalState if it was confirmed.
        """
        row = _find(session, token)
        if row.state == ContactState.CONFIRMED:
            raise IllegalState("the message went out, so its contact stays")
        row.state, row.counted = ContactState.RELEASED, False
        session.add(row)
        session.flush()

    def forget(self, session: Session, subject: int) -> int:
        """Erase all contacts with a person; return how many there were."""
        _check_writing(session)
        return _delete(session, col(ContactRow.subject) == subject)

    def prune(self, session: Session, now_ms: int, keep_ms: int = LONGEST_MS) -> int:
        """Delete what no cap counts any more; return how many contacts that were.

        `keep_ms` is at least the longest period of any cap in force, and a month for those by the
        month. The token of a deleted contact is unknown from then on.
        """
        if keep_ms < 0:
            raise ValueError("what lies ahead is kept")
        _check_writing(session)
        return _delete(session, col(ContactRow.latest_ms) < now_ms - keep_ms)

    def _digest(self, idempotency_key: str | None) -> bytes | None:
        if idempotency_key is None:
            return None
        if _KEY.fullmatch(idempotency_key) is None:
            raise MalformedRecord("an idempotency key is 1 to 200 printable ASCII characters")
        return hmac.digest(self._pepper, idempotency_key.encode(), "sha256")


def _of_key(
    session: Session, digest: bytes | None, counter: Counter, *, exempt: bool
) -> ContactRow | None:
    """Return the contact whose idempotency key this is, if there is one."""
    if digest is None:
        return None
    row = session.exec(select(ContactRow).where(ContactRow.key_digest == digest)).one_or_none()
    if row is not None:
        named = Counter(row.subject, row.channel, row.purpose_group), row.exempt
        if named != (counter, exempt):
            raise IdempotencyConflict(
                "this key was used for another contact", hint="use a new key for each message"
            )
    return row


def _find(session: Session, token: str) -> ContactRow:
    _check_writing(session)
    row = None
    if _TOKEN.fullmatch(token) is not None:
        row = session.get(ContactRow, bytes.fromhex(token))
    if row is None:
        raise NotFound("there is no contact with this token")
    return row


def _lives(row: ContactRow, now_ms: int) -> bool:
    return row.state == ContactState.RESERVED and row.latest_ms > now_ms


def _delete(session: Session, which: ColumnElement[bool]) -> int:
    result = session.execute(delete(ContactRow).where(which))
    assert isinstance(result, CursorResult)
    return result.rowcount


def _check_writing(session: Session) -> None:
    if not session.connection().get_execution_options().get("accord_writing", False):
        raise ValueError("contacts change inside `Database.writing()` only")
