"""The outbox: what has happened is written here in the transaction that made it happen.

    enqueue            in the same transaction as the ledger's entry
      one event        its place in the order, what it is about, its sealed body
      one delivery     for each webhook that wants this type now

So no change that was acknowledged is lost, and none is told that was not committed. Nothing is
written, or looked at, where no webhook wants the type. Sending, after the commit, is the work of
`courier.py`.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, event, func
from sqlmodel import Session, col, select

from party_node.database import in_batches, insert_many
from party_node.vault import Vault
from party_node.webhooks.events import EventType, Value, encode
from party_node.webhooks.signing import new_message_id
from party_node.webhooks.states import DeliveryState
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from protocols.session import Rng

_EVENT_COLUMNS = ("seq", "message", "type", "body", "created_ms")
_DELIVERY_COLUMNS = (
    "seq", "webhook", "grouped", "state", "attempts", "due_ms", "status", "cause",
    "perhaps_taken", "updated_ms",
)  # fmt: skip
_WAKES = "accord_webhooks_wake"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event to be told."""

    type: EventType
    data: Mapping[str, Value] = field(repr=False)
    group: str = field(default="", repr=False)
    """What it is about: events of one group reach a receiver in the order in which they were
    written. Empty where the data has a `subject`: then that is the group, and nothing else may."""

    def grouped_by(self) -> str:
        """Return the group. Raises: ValueError if there is none, or another than the subject."""
        group = str(self.data.get("subject", self.group))
        if not group or self.group not in ("", group):
            raise ValueError(f"the group of {self.type} is its subject, or is named if it has none")
        return group


class Outbox:
    """Takes in what is to be told; `woken` is called after each commit that brought something."""

    def __init__(self, vault: Vault, rng: Rng, woken: Callable[[], None]) -> None:
        self._vault, self._rng, self._woken = vault, rng, woken
        self._key = vault.derive("webhook-group/1")

    def enqueue(
        self,
        session: Session,
        event_type: EventType,
        data: Mapping[str, Value],
        now_ms: int,
        *,
        group: str = "",
    ) -> int:
        """Write one event into the caller's writing transaction; return to how many it goes.

        `data` has the fields of `events.CONTENT`; `now_ms` is when it happened. `group` is left
        out where the data has a `subject`. Raises: ValueError if the data is not of the type.
        """
        return self.enqueue_all(session, [Happening(event_type, data, group)], now_ms)

    def enqueue_all(self, session: Session, happenings: Sequence[Happening], now_ms: int) -> int:
        """Write many events in their order; return how many deliveries come of them.

        What no webhook wants costs nothing, and is not looked at. Raises: ValueError, before
        anything is written.
        """
        wanted = _wanted(session)
        told = [
            (happening, encode(happening.type, now_ms, happening.data), happening.grouped_by())
            for happening in happenings
            if any(not types or happening.type in types for _, types in wanted)
        ]
        if not told:
            return 0
        events: list[tuple[object, ...]] = []
        deliveries: list[tuple[object, ...]] = []
        for seq, (happening, body, group) in enumerate(told, start=_first_free(session)):
            message = new_message_id(self._rng)
            sealed = self._vault.seal(body_context(message), body)
            grouped = self._digest(group)
            events.append((seq, message, happening.type.value, sealed, now_ms))
            deliveries += [
                (seq, name, grouped, DeliveryState.WAITING.value, 0, 0, 0, "", False, now_ms)
                for name, types in wanted
                if not types or happening.type in types
            ]
        insert_many(session, WebhookEventRow, _EVENT_COLUMNS, events)
        insert_many(session, WebhookDeliveryRow, _DELIVERY_COLUMNS, deliveries)
        self._wake_after_commit(session)
        return len(deliveries)

    def purge_group(self, session: Session, group: str) -> int:
        """Erase every event of a group, sent or not, with what is known of its deliveries.

        Call it in the transaction that erases the person, before `subject.erased` is written, for
        every record id that the person ever had. Returns how many events are gone.
        """
        about_it = col(WebhookDeliveryRow.grouped) == self._digest(group)
        seqs = session.exec(select(WebhookDeliveryRow.seq).where(about_it).distinct()).all()
        session.execute(delete(WebhookDeliveryRow).where(about_it))
        for part in in_batches(seqs):
            session.execute(delete(WebhookEventRow).where(col(WebhookEventRow.seq).in_(part)))
        return len(seqs)

    def open_body(self, row: WebhookEventRow) -> bytes:
        """Return the body as it is sent. Raises: SealBroken."""
        return self._vault.open(body_context(row.message), row.body)

    def _digest(self, group: str) -> bytes:
        return hmac.digest(self._key, group.encode(), "sha256")

    def _wake_after_commit(self, session: Session) -> None:
        if not session.info.get(_WAKES):
            session.info[_WAKES] = True
            event.listen(session, "after_commit", lambda _session: self._woken(), once=True)


def body_context(message: str) -> str:
    """Return what binds a sealed body to its event."""
    return f"webhook-body/{message}"


def _wanted(session: Session) -> list[tuple[str, frozenset[str]]]:
    """Return each webhook with the types that it wants; an empty set means all."""
    rows = session.exec(select(WebhookRow.webhook, WebhookRow.events))
    return [(name, frozenset(types.split(",") if types else ())) for name, types in rows]


def _first_free(session: Session) -> int:
    """Return the next place in the order: the caller holds the write lock, so nobody else does."""
    newest = func.coalesce(func.max(col(WebhookEventRow.seq)), -1)
    return int(session.exec(select(newest)).one()) + 1
