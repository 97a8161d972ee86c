"""The webhooks that the operator has set up: where, which events, with which secret.

A secret is drawn here, shown once, and kept sealed. When it is replaced the one before goes on
signing for a while, so that a receiver can be given the new one without losing a message.
"""

from dataclasses import dataclass, field

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from party_node.database import Database, Within, Work
from party_node.errors import IllegalState, NotFound
from party_node.vault import Vault
from party_node.webhooks.addresses import target_of
from party_node.webhooks.errors import WebhookExists
from party_node.webhooks.events import EventType
from party_node.webhooks.schedule import OVERLAP_HOURS
from party_node.webhooks.sending import Sender
from party_node.webhooks.signing import new_secret, shown
from party_node.webhooks.states import DeliveryState, WebhookState
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from protocols.session import Rng

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Definition:
    """What the operator says of a webhook."""

    url: str = field(repr=False)
    """May hold a token of the receiver's in its query."""
    events: frozenset[EventType] = frozenset()
    """Empty for every type."""
    loopback: bool = False
    """The receiver is on this machine: http, and loopback addresses, are allowed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook and how its deliveries stand."""

    row: WebhookRow
    waiting: int
    failed: int
    oldest_waiting_ms: int
    """When the oldest that waits happened; 0 if none waits."""


class Registrations:
    """All webhooks of one node."""

    def __init__(self, db: Database, vault: Vault, sender: Sender, rng: Rng) -> None:
        self._db, self._vault, self._sender, self._rng = db, vault, sender, rng

    def add(
        self, name: str, definition: Definition, now_ms: int, within: Within | None = None
    ) -> str:
        """Set up a webhook; return its secret, which is shown this once.

        It is told what happens from now on. Raises: WebhookUrlRefused, WebhookExists.
        """
        self._require_callable(definition)
        secret = new_secret(self._rng)

        def keep(session: Session) -> None:
            if session.get(WebhookRow, name) is not None:
                raise WebhookExists(f"there is a webhook {name} already")
            row = WebhookRow(
                webhook=name,
                url=definition.url,
                events=_types_text(definition.events),
                loopback=definition.loopback,
                state=WebhookState.ACTIVE,
                secret=self._vault.seal(secret_context(name), secret),
                created_ms=now_ms,
            )
            session.add(row)

        self._do(keep, within)
        return shown(secret)

    def change(self, name: str, definition: Definition, within: Within | None = None) -> None:
        """Give a webhook another URL or other event types; secret, state and queue stay.

        What waits already is sent, whatever its type. Raises: NotFound, WebhookUrlRefused.
        """
        self._require_callable(definition)

        def keep(session: Session) -> None:
            row = _existing(session, name)
            if (row.url, row.loopback) != (definition.url, definition.loopback):
                _forget_failures(row)
            row.url, row.loopback = definition.url, definition.loopback
            row.events = _types_text(definition.events)

        self._do(keep, within)

    def pause(self, name: str, within: Within | None = None) -> None:
        """Stop sending; what happens meanwhile is kept. Raises: NotFound, IllegalState."""

        def keep(session: Session) -> None:
            row = _existing(session, name)
            if row.state == WebhookState.DISABLED:
                raise IllegalState(f"webhook {name} is disabled: nothing is sent")
            row.state = WebhookState.PAUSED

        self._do(keep, within)

    def resume(self, name: str, within: Within | None = None) -> None:
        """Send again, what waits first, as if it had never failed. Raises: NotFound."""
        waiting = col(WebhookDeliveryRow.state) == DeliveryState.WAITING
        of_it = col(WebhookDeliveryRow.webhook) == name

        def keep(session: Session) -> None:
            row = _existing(session, name)
            row.state, row.reason = WebhookState.ACTIVE, ""
            _forget_failures(row)
            session.execute(
                update(WebhookDeliveryRow).where(of_it, waiting).values(due_ms=0, attempts=0)
            )

        self._do(keep, within)

    def rotate(
        self,
        name: str,
        now_ms: int,
        overlap_hours: int = OVERLAP_HOURS,
        within: Within | None = None,
    ) -> str:
        """Draw a new secret and return it, shown this once; the old one signs too for a while.

        With no overlap the old one ends at once. An older one that still signed ends in any case.
        Raises: NotFound.
        """
        secret = new_secret(self._rng)

        def keep(session: Session) -> None:
            row = _existing(session, name)
            row.previous_secret = row.secret if overlap_hours else b""
            row.previous_until_ms = now_ms + overlap_hours * _HOUR_MS if overlap_hours else 0
            row.secret = self._vault.seal(secret_context(name), secret)

        self._do(keep, within)
        return shown(secret)

    def remove(self, name: str, within: Within | None = None) -> None:
        """Remove a webhook with its secrets and everything that waited. Raises: NotFound."""

        def drop(session: Session) -> None:
            session.delete(_existing(session, name))
            session.execute(
                delete(WebhookDeliveryRow).where(col(WebhookDeliveryRow.webhook) == name)
            )
            told = select(WebhookDeliveryRow.seq).where(
                col(WebhookDeliveryRow.seq) == col(WebhookEventRow.seq)
            )
            session.execute(delete(WebhookEventRow).where(~told.exists()))

        self._do(drop, within)

    def get(self, name: str) -> Standing:
        """Return one webhook. Raises: NotFound."""
        with self._db.reading() as session:
            return _standing(session, _existing(session, name))

    def all(self) -> list[Standing]:
        """Return all webhooks by name."""
        with self._db.reading() as session:
            rows = session.exec(select(WebhookRow).order_by(col(WebhookRow.webhook))).all()
            return [_standing(session, row) for row in rows]

    def _do(self, work: Work, within: Within | None) -> None:
        (within or self._db.work)(work)

    def _require_callable(self, definition: Definition) -> None:
        self._sender.require_callable(target_of(definition.url, loopback=definition.loopback))


def secret_context(name: str) -> str:
    """Return what binds a sealed secret to its webhook."""
    return f"webhook-secret/{name}"


def secrets_of(vault: Vault, row: WebhookRow, now_ms: int) -> list[bytes]:
    """Return the secrets that sign now, the newest first. Raises: SealBroken."""
    context = secret_context(row.webhook)
    secrets = [vault.open(context, row.secret)]
    if row.previous_secret and now_ms < row.previous_until_ms:
        secrets.append(vault.open(context, row.previous_secret))
    return secrets


def types_of(row: WebhookRow) -> list[str]:
    """Return the event types that a webhook wants; none means every type."""
    return row.events.split(",") if row.events else []


def _types_text(events: frozenset[EventType]) -> str:
    return ",".join(sorted(events))


def _existing(session: Session, name: str) -> WebhookRow:
    row = session.get(WebhookRow, name)
    if row is None:
        raise NotFound(f"there is no webhook {name}")
    return row


def _forget_failures(row: WebhookRow) -> None:
    row.failures = row.failing_since_ms = row.hold_until_ms = 0


def _standing(session: Session, row: WebhookRow) -> Standing:
    state, seq = col(WebhookDeliveryRow.state), col(WebhookDeliveryRow.seq)
    found = session.exec(
        select(state, func.count(), func.min(seq))
        .where(
            col(WebhookDeliveryRow.webhook) == row.webhook,
            state.in_([DeliveryState.WAITING, DeliveryState.FAILED]),
        )
        .group_by(state)
    )
    counts = {name: (count, first) for name, count, first in found}
    waiting, first = counts.get(DeliveryState.WAITING, (0, None))
    failed, _ = counts.get(DeliveryState.FAILED, (0, None))
    oldest = None if first is None else session.get(WebhookEventRow, first)
    return Standing(row, waiting, failed, 0 if oldest is None else oldest.created_ms)
