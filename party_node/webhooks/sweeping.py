"""What time makes of deliveries: given up after thirty days, out of the log after two weeks.

Bodies go as soon as every webhook has them, logs later; a replaced secret goes when it signs no
more. What a wrong clock has put off too far is taken back.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, func, update
from sqlmodel import Session, col, select

from party_node.webhooks import schedule
from party_node.webhooks.states import Cause, DeliveryState
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow


def sweep(session: Session, now_ms: int) -> None:
    """Give up what has waited too long, and erase what need not be kept any more."""
    delivery, event = WebhookDeliveryRow, WebhookEventRow
    waiting = col(delivery.state) == DeliveryState.WAITING
    _give_up(session, now_ms)
    session.execute(
        delete(delivery).where(~waiting, col(delivery.updated_ms) <= now_ms - schedule.KEEP_LOG_MS)
    )
    told = exists().where(col(delivery.seq) == col(event.seq))
    session.execute(delete(event).where(~told))
    session.execute(
        update(event).where(func.length(col(event.body)) > 0, ~_still_open()).values(body=b"")
    )
    session.execute(
        update(WebhookRow)
        .where(col(WebhookRow.previous_until_ms) <= now_ms)
        .values(previous_secret=b"", previous_until_ms=0)
    )
    _take_back(session, now_ms)


def erase_delivered(session: Session, seqs: Sequence[int]) -> None:
    """Erase the bodies of those events that every webhook has."""
    event = WebhookEventRow
    session.execute(update(event).where(col(event.seq).in_(seqs), ~_still_open()).values(body=b""))


def _give_up(session: Session, now_ms: int) -> None:
    delivery, event = WebhookDeliveryRow, WebhookEventRow
    old = select(event.seq).where(col(event.created_ms) <= now_ms - schedule.GIVE_UP_AFTER_MS)
    session.execute(
        update(delivery)
        .where(col(delivery.state) == DeliveryState.WAITING, col(delivery.seq).in_(old))
        .values(state=DeliveryState.FAILED, cause=Cause.EXPIRED, due_ms=0, updated_ms=now_ms)
    )


def _take_back(session: Session, now_ms: int) -> None:
    """Bring forward what lies later than anything is ever put off: the clock was set back."""
    delivery = WebhookDeliveryRow
    session.execute(
        update(delivery)
        .where(col(delivery.due_ms) > now_ms + schedule.LONGEST_WAIT_MS)
        .values(due_ms=0)
    )
    session.execute(
        update(WebhookRow)
        .where(col(WebhookRow.hold_until_ms) > now_ms + schedule.LONGEST_RETRY_AFTER_MS)
        .values(hold_until_ms=0)
    )


def _still_open() -> ColumnElement[bool]:
    """Tell of an event whether some webhook has not got it."""
    delivery = WebhookDeliveryRow
    return exists().where(
        col(delivery.seq) == col(WebhookEventRow.seq),
        col(delivery.state) != DeliveryState.DELIVERED,
    )
