"""How deliveries stand and ended, and sending once more what was given up.

The log says what, when, how often and with which outcome: never a payload, and nobody's id.
"""

from dataclasses import dataclass

from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from party_node.database import Database
from party_node.errors import IllegalState, NotFound
from party_node.webhooks.errors import WebhookOvertaken
from party_node.webhooks.states import DeliveryState
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from party_node.webhooks.turns import Turns


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the log."""

    seq: int
    message: str
    type: str
    state: str
    attempts: int
    status: int
    cause: str
    happened_ms: int
    due_ms: int
    """Not tried before; 0 for at once, and once it has ended."""
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry came to."""

    queued: int
    overtaken: int
    """Left as they are, because the receiver may have a newer event of the same group."""


class DeliveryLog:
    """The deliveries of one node."""

    def __init__(self, db: Database, turns: Turns) -> None:
        self._db, self._turns = db, turns

    def listed(
        self, name: str, limit: int, state: DeliveryState | None = None, before: int | None = None
    ) -> list[Delivery]:
        """Return deliveries of a webhook, the newest first; `before` goes on from a `seq`.

        Raises: NotFound.
        """
        delivery, event = WebhookDeliveryRow, WebhookEventRow
        webhook = col(delivery.webhook)
        # Without a state, not by an index of the webhook: the newest end the primary key.
        of_it = webhook.concat("") == name if state is None else webhook == name
        query = (
            select(delivery, event)
            .join(event, col(event.seq) == col(delivery.seq))
            .where(of_it)
            .order_by(col(delivery.seq).desc())
            .limit(limit)
        )
        if state is not None:
            query = query.where(col(delivery.state) == state)
        if before is not None:
            query = query.where(col(delivery.seq) < before)
        with self._db.reading() as session:
            _require(session, name)
            return [_line(d, e) for d, e in session.exec(query)]

    def retry(
        self, name: str, now_ms: int, message: str | None = None, *, overtaken_too: bool = False
    ) -> Retried:
        """Queue again what was given up, all of it or one message, in its old place in the order.

        What a newer event of its group may have overtaken is left, because a receiver could take an
        old state for the present one; `overtaken_too` sends it all the same. Raises: NotFound; for
        one message, also WebhookOvertaken, and IllegalState if it was not given up.
        """
        delivery, event = WebhookDeliveryRow, WebhookEventRow
        query = select(delivery).where(col(delivery.webhook) == name)
        if message is None:
            query = query.where(col(delivery.state) == DeliveryState.FAILED)
        else:
            query = query.join(event, col(event.seq) == col(delivery.seq)).where(
                col(event.message) == message
            )
        queued = overtaken = 0
        # What is just being sent is not known to be taken: first let it be recorded.
        with self._turns.of(name), self._db.writing() as session:
            webhook = _require(session, name)
            found = session.exec(query).all()
            if message is not None:
                _require_failed(found[0] if found else None)
            for row in found:
                if not overtaken_too and _is_overtaken(session, row):
                    if message is not None:
                        raise WebhookOvertaken
                    overtaken += 1
                    continue
                row.state, row.attempts, row.due_ms = DeliveryState.WAITING, 0, 0
                row.updated_ms = now_ms
                queued += 1
            if queued:
                webhook.hold_until_ms = 0
        return Retried(queued, overtaken)


def _require(session: Session, name: str) -> WebhookRow:
    row = session.get(WebhookRow, name)
    if row is None:
        raise NotFound(f"there is no webhook {name}")
    return row


def _require_failed(row: WebhookDeliveryRow | None) -> None:
    if row is None:
        raise NotFound("this webhook has no such message")
    if row.state != DeliveryState.FAILED:
        raise IllegalState(f"the message is {row.state}; only one that failed is sent once more")


def _is_overtaken(session: Session, row: WebhookDeliveryRow) -> bool:
    newer = aliased(WebhookDeliveryRow)
    query = exists().where(
        col(newer.webhook) == row.webhook,
        col(newer.grouped) == row.grouped,
        col(newer.perhaps_taken),
        col(newer.seq) > row.seq,
    )
    return bool(session.execute(select(query)).scalar_one())


def _line(delivery: WebhookDeliveryRow, event: WebhookEventRow) -> Delivery:
    return Delivery(
        seq=delivery.seq,
        message=event.message,
        type=event.type,
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status,
        cause=delivery.cause,
        happened_ms=event.created_ms,
        due_ms=delivery.due_ms,
        updated_ms=delivery.updated_ms,
    )
