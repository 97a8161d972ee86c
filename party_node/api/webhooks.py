"""/v1/webhooks: who is told what happens here, and how the telling goes."""

import dataclasses
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.noting import noted
from party_node.api.strict import Name, Strict
from party_node.running import Here
from party_node.services import Services
from party_node.webhooks.addresses import MAX_URL_CHARS
from party_node.webhooks.events import EventType
from party_node.webhooks.registrations import Definition, Standing, types_of
from party_node.webhooks.schedule import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS
from party_node.webhooks.states import DeliveryState, WebhookState

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

WebhookName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
MOST_LISTED = 1_000


class DefinitionBody(Strict):
    """Where to send, and what."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS, repr=False)]
    """https; http only with `loopback`."""
    events: Annotated[tuple[EventType, ...], Field(max_length=len(EventType))] = ()
    """Event types that are wanted; none for every type."""
    loopback: bool = False
    """True: the receiver is on this machine."""

    def definition(self) -> Definition:
        """Return it as the node keeps it."""
        return Definition(self.url, frozenset(self.events), self.loopback)


class WebhookBody(DefinitionBody):
    """A new webhook."""

    name: Name


class RotationBody(Strict):
    """A change of the secret."""

    overlap_hours: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP_HOURS)] = OVERLAP_HOURS
    """So long the secret before signs too; 0 ends it at once."""


class RetryBody(Strict):
    """What to send once more."""

    message: Annotated[str, Field(pattern=r"^msg_[0-9a-f]{32}$")] | None = None
    """Id of one message; all that failed if absent."""
    overtaken: bool = False
    """True: also what a newer event of the same group may have overtaken."""


@router.post("", status_code=201)
def add(body: WebhookBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Set up a webhook; the answer has its secret, which is shown this once."""
    parts = node.services
    within = noted(parts, caller, "webhook-added", _told(body.name, body))
    secret = parts.webhooks.registrations.add(
        body.name, body.definition(), parts.clock_ms(), within
    )
    return _view(parts, body.name) | {"secret": secret}


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return all webhooks by name, each with how its deliveries stand."""
    return [_shown(standing) for standing in node.services.webhooks.registrations.all()]


@router.get("/{name}")
def get(name: WebhookName, node: Here) -> dict[str, Any]:
    """Return one webhook with how its deliveries stand."""
    return _view(node.services, name)


@router.put("/{name}")
def change(name: WebhookName, body: DefinitionBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Give a webhook another URL or other event types; secret, state and queue stay."""
    parts = node.services
    within = noted(parts, caller, "webhook-changed", _told(name, body))
    parts.webhooks.registrations.change(name, body.definition(), within)
    return _woken(parts, name)


@router.delete("/{name}", status_code=204)
def remove(name: WebhookName, node: Here, caller: Calling) -> None:
    """Remove a webhook with its secrets and everything that waited for it."""
    parts = node.services
    parts.webhooks.registrations.remove(name, noted(parts, caller, "webhook-deleted", name))


@router.post("/{name}/pause")
def pause(name: WebhookName, node: Here, caller: Calling) -> dict[str, Any]:
    """Stop sending; what happens meanwhile is kept for later."""
    parts = node.services
    parts.webhooks.registrations.pause(name, noted(parts, caller, "webhook-paused", name))
    return _view(parts, name)


@router.post("/{name}/resume")
def resume(name: WebhookName, node: Here, caller: Calling) -> dict[str, Any]:
    """Send again after a pause or after the node disabled it, what waits first."""
    parts = node.services
    parts.webhooks.registrations.resume(name, noted(parts, caller, "webhook-resumed", name))
    return _woken(parts, name)


@router.post("/{name}/rotate")
def rotate(
    name: WebhookName, node: Here, caller: Calling, body: RotationBody | None = None
) -> dict[str, Any]:
    """Draw a new secret, shown this once; the one before signs too for a while."""
    parts, asked = node.services, body or RotationBody()
    secret = parts.webhooks.registrations.rotate(
        name,
        parts.clock_ms(),
        asked.overlap_hours,
        noted(parts, caller, "webhook-rotated", name),
    )
    return _view(parts, name) | {"secret": secret}


@router.post("/{name}/test")
def test(name: WebhookName, node: Here) -> dict[str, Any]:
    """Send a `webhook.test` now and say what came of it; it is not repeated."""
    parts = node.services
    answer = parts.webhooks.courier.test(name, parts.clock_ms())
    return {
        "delivered": answer.delivered,
        "status": answer.status,
        "cause": answer.cause,
        "took_ms": answer.took_ms,
    }


@router.get("/{name}/deliveries")
def deliveries(
    name: WebhookName,
    node: Here,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    before: Annotated[int | None, Query(ge=0)] = None,
) -> list[dict[str, Any]]:
    """Return deliveries, the newest first; `before` goes on from the last `seq`."""
    found = node.services.webhooks.log.listed(name, limit, state, before)
    return [dataclasses.asdict(delivery) for delivery in found]


@router.post("/{name}/retry")
def retry(name: WebhookName, node: Here, body: RetryBody | None = None) -> dict[str, Any]:
    """Queue again what was given up, in its old order; what was overtaken only if asked for."""
    parts, asked = node.services, body or RetryBody()
    found = parts.webhooks.log.retry(
        name, parts.clock_ms(), asked.message, overtaken_too=asked.overtaken
    )
    parts.webhooks.woken.set()
    return dataclasses.asdict(found)


def webhooks_glance(parts: Services) -> dict[str, Any]:
    """Return how the webhooks are, for the node's status."""
    found = parts.webhooks.registrations.all()
    states = [standing.row.state for standing in found]
    return {
        "active": states.count(WebhookState.ACTIVE),
        "paused": states.count(WebhookState.PAUSED),
        "disabled": [
            {"webhook": standing.row.webhook, "reason": standing.row.reason}
            for standing in found
            if standing.row.state == WebhookState.DISABLED
        ],
        "waiting": sum(standing.waiting for standing in found),
        "failed": sum(standing.failed for standing in found),
    }


def _told(name: str, body: DefinitionBody) -> str:
    """What the ledger says of a webhook: its URL as a hash, for it may hold a secret."""
    events = ", ".join(sorted(body.events)) or "every event"
    return f"{name}: URL sha256 {hashlib.sha256(body.url.encode()).hexdigest()}; {events}"[:512]


def _woken(parts: Services, name: str) -> dict[str, Any]:
    parts.webhooks.woken.set()
    return _view(parts, name)


def _view(parts: Services, name: str) -> dict[str, Any]:
    return _shown(parts.webhooks.registrations.get(name))


def _shown(standing: Standing) -> dict[str, Any]:
    row = standing.row
    return {
        "webhook": row.webhook,
        "url": row.url,
        "events": types_of(row),
        "loopback": row.loopback,
        "state": row.state,
        "reason": row.reason,
        "created_ms": row.created_ms,
        "delivered_ms": row.delivered_ms,
        "failing_since_ms": row.failing_since_ms,
        "last_status": row.last_status,
        "last_cause": row.last_cause,
        "previous_secret_until_ms": row.previous_until_ms,
        "waiting": standing.waiting,
        "oldest_waiting_ms": standing.oldest_waiting_ms,
        "failed": standing.failed,
    }
