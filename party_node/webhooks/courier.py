"""The courier: sends what is due, in order, and writes down what became of it.

    deliver_due(now)      for each webhook that is active and not held:
      heads               what is due and first in its group
      send                one after the other over one connection, up to the first failure
      record              all outcomes in one transaction

At least once: a process that dies between sending and recording sends again, with the same id. In
order: a message waits for every earlier one of its group to the same webhook. Before each message
the database is asked again, so nothing of a person who was erased, and nothing to a webhook that
was paused, is sent a moment later. One process works on a home, so nothing has to be leased.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from party_node.database import Database
from party_node.errors import NotFound
from party_node.vault import Vault
from party_node.webhooks import schedule
from party_node.webhooks.addresses import Target, target_of
from party_node.webhooks.connection import Answer
from party_node.webhooks.errors import WebhookUrlRefused
from party_node.webhooks.events import EventType, encode
from party_node.webhooks.outbox import Outbox
from party_node.webhooks.registrations import secrets_of
from party_node.webhooks.sending import Sender
from party_node.webhooks.signing import headers, new_message_id
from party_node.webhooks.states import Cause, DeliveryState, Reason, WebhookState
from party_node.webhooks.sweeping import erase_delivered, sweep
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from party_node.webhooks.turns import Turns
from protocols.session import Rng

log = structlog.stdlib.get_logger("party_node")

_BATCH = 64
_BATCH_MS = 1_000
"""So long a batch goes on: what was sent and is not recorded would be sent again after a crash."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, ready to go."""

    target: Target
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Courier:
    """Sends the messages of one node."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        outbox: Outbox,
        sender: Sender,
        turns: Turns,
        rng: Rng,
    ) -> None:
        self._db, self._vault, self._outbox = db, vault, outbox
        self._sender, self._turns, self._rng = sender, turns, rng

    def deliver_due(self, now_ms: int) -> int:
        """Send everything that is due, one batch for each webhook; return how many were sent."""
        return sum(self.deliver_to(name, now_ms) for name in self.due(now_ms))

    def due(self, now_ms: int) -> list[str]:
        """Return the webhooks for which something can be sent now."""
        with self._db.reading() as session:
            ready = select(WebhookRow.webhook).where(
                col(WebhookRow.state) == WebhookState.ACTIVE,
                col(WebhookRow.hold_until_ms) <= now_ms,
            )
            names = session.exec(ready.order_by(col(WebhookRow.webhook))).all()
            return [name for name in names if _heads(session, name, now_ms, 1)]

    def deliver_to(self, name: str, now_ms: int) -> int:
        """Send a batch to one webhook; return how many messages were sent, taken or not."""
        with self._turns.of(name):
            return self._batch(name, now_ms)

    def _batch(self, name: str, now_ms: int) -> int:
        with self._db.reading() as session:
            row = session.get(WebhookRow, name)
            heads = _heads(session, name, now_ms, _BATCH) if row is not None else ()
        if row is None or not heads:
            return 0
        try:
            target = target_of(row.url, loopback=row.loopback)
        except WebhookUrlRefused:  # as after an update that refuses more than before
            return self._record(name, {heads[0]: Answer(Cause.ADDRESS_REFUSED)}, now_ms)
        return self._record(name, self._send(name, target, heads, now_ms), now_ms)

    def test(self, name: str, now_ms: int) -> Answer:
        """Send a `webhook.test` at once, whatever the state; it is neither kept nor repeated.

        Raises: NotFound.
        """
        with self._db.reading() as session:
            row = session.get(WebhookRow, name)
            if row is None:
                raise NotFound(f"there is no webhook {name}")
        body = encode(EventType.WEBHOOK_TEST, now_ms, {"webhook": name})
        message = new_message_id(self._rng)
        signed = headers(secrets_of(self._vault, row, now_ms), message, now_ms, body)
        try:
            target = target_of(row.url, loopback=row.loopback)
        except WebhookUrlRefused:
            return Answer(Cause.ADDRESS_REFUSED)
        with self._sender.line(target) as line:
            return line.post(signed, body)

    def sweep(self, now_ms: int) -> None:
        """Give up, erase and mend what time has made so (`sweeping.py`)."""
        with self._db.writing() as session:
            sweep(session, now_ms)

    def _send(
        self, name: str, target: Target, heads: Sequence[int], now_ms: int
    ) -> dict[int, Answer]:
        """Send until one fails; return the outcomes by place in the order."""
        outcomes: dict[int, Answer] = {}
        spent_ms = 0
        with self._sender.line(target) as line:
            for seq in heads:
                letter = self._letter(name, seq, now_ms + spent_ms)
                if letter is None:
                    continue
                if letter.target != target:
                    break
                answer = outcomes[seq] = line.post(letter.headers, letter.body)
                spent_ms += answer.took_ms
                if not answer.delivered or spent_ms > _BATCH_MS:
                    break
        return outcomes

    def _letter(self, name: str, seq: int, now_ms: int) -> Letter | None:
        """Return a message as it is to be sent now; None if it is not to be sent any more."""
        delivery = WebhookDeliveryRow
        query = (
            select(WebhookRow, WebhookEventRow)
            .join(delivery, col(delivery.webhook) == col(WebhookRow.webhook))
            .join(WebhookEventRow, col(WebhookEventRow.seq) == col(delivery.seq))
            .where(
                col(delivery.webhook) == name,
                col(delivery.seq) == seq,
                col(delivery.state) == DeliveryState.WAITING,
                col(WebhookRow.state) == WebhookState.ACTIVE,
            )
        )
        with self._db.reading() as session:
            found = session.exec(query).one_or_none()
        if found is None:
            return None
        webhook, event = found
        body = self._outbox.open_body(event)
        secrets = secrets_of(self._vault, webhook, now_ms)
        target = target_of(webhook.url, loopback=webhook.loopback)
        return Letter(target, headers(secrets, event.message, now_ms, body), body)

    def _record(self, name: str, outcomes: dict[int, Answer], now_ms: int) -> int:
        """Write down what became of each; what was erased or removed meanwhile is left so."""
        if not outcomes:
            return 0
        with self._db.writing() as session:
            webhook = session.get(WebhookRow, name)
            if webhook is None:
                return len(outcomes)
            kept = select(WebhookDeliveryRow).where(
                col(WebhookDeliveryRow.webhook) == name,
                col(WebhookDeliveryRow.seq).in_(outcomes),
            )
            for delivery in session.exec(kept).all():
                self._note(delivery, outcomes[delivery.seq], now_ms)
            for answer in outcomes.values():
                self._judge(webhook, answer, now_ms)
            session.flush()
            erase_delivered(session, [s for s, a in outcomes.items() if a.delivered])
        return len(outcomes)

    def _note(self, delivery: WebhookDeliveryRow, answer: Answer, now_ms: int) -> None:
        delivery.attempts += 1
        delivery.status, delivery.cause = answer.status, answer.cause
        delivery.updated_ms = now_ms
        delivery.perhaps_taken = delivery.perhaps_taken or answer.cause.perhaps_taken
        if answer.delivered:
            delivery.state, delivery.due_ms = DeliveryState.DELIVERED, 0
            return
        wait = schedule.wait_ms(delivery.attempts, self._rng)
        said = {"webhook": delivery.webhook, "attempt": delivery.attempts}
        if wait is None:
            delivery.state, delivery.due_ms = DeliveryState.FAILED, 0
            log.warning("webhook-given-up", **said, cause=answer.cause, status=answer.status)
            return
        asked = schedule.retry_after_ms(answer.retry_after, now_ms)
        delivery.due_ms = now_ms + max(wait, asked)
        log.info("webhook-not-delivered", **said, cause=answer.cause, status=answer.status)

    def _judge(self, webhook: WebhookRow, answer: Answer, now_ms: int) -> None:
        """Draw the conclusions for the webhook as a whole."""
        webhook.last_status, webhook.last_cause = answer.status, answer.cause
        if answer.delivered:
            webhook.failures = webhook.failing_since_ms = webhook.hold_until_ms = 0
            webhook.delivered_ms = now_ms
            return
        webhook.failures += 1
        webhook.failing_since_ms = webhook.failing_since_ms or now_ms
        asked = schedule.retry_after_ms(answer.retry_after, now_ms)
        webhook.hold_until_ms = now_ms + max(asked, schedule.hold_ms(webhook.failures, self._rng))
        if answer.cause is Cause.GONE:
            _disable(webhook, Reason.GONE)
        elif now_ms - webhook.failing_since_ms >= schedule.DISABLE_AFTER_MS:
            _disable(webhook, Reason.FAILING)


def _disable(webhook: WebhookRow, reason: Reason) -> None:
    if webhook.state != WebhookState.ACTIVE:
        return
    webhook.state, webhook.reason = WebhookState.DISABLED, reason
    log.warning("webhook-disabled", webhook=webhook.webhook, reason=reason.value)


def _heads(session: Session, name: str, now_ms: int, most: int) -> Sequence[int]:
    """Return what is due to a webhook and has no earlier one of its group before it."""
    delivery, earlier = WebhookDeliveryRow, aliased(WebhookDeliveryRow)
    behind = exists().where(
        col(earlier.webhook) == name,
        col(earlier.grouped) == col(delivery.grouped),
        col(earlier.state) == DeliveryState.WAITING,
        col(earlier.seq) < col(delivery.seq),
    )
    query = (
        select(delivery.seq)
        .where(
            col(delivery.webhook) == name,
            col(delivery.state) == DeliveryState.WAITING,
            col(delivery.due_ms) <= now_ms,
            ~behind,
        )
        .order_by(col(delivery.due_ms), col(delivery.seq))
        .limit(most)
    )
    return session.exec(query).all()
