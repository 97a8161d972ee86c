"""GET /v1/status: the node at a glance."""

import dataclasses
from typing import Any

from fastapi import APIRouter

from coordinator.wire import JobState
from party_node.api.ledger import ledger_view
from party_node.api.request_views import requests_glance
from party_node.api.webhooks import webhooks_glance
from party_node.jobs import ENDED
from party_node.running import Here, RunningNode
from party_node.version import software

router = APIRouter(prefix="/v1", tags=["status"])


@router.get("/status")
def status(node: Here) -> dict[str, Any]:
    """Return who this node is, what it is connected to, and what waits."""
    return status_view(node)


def status_view(node: RunningNode) -> dict[str, Any]:
    """Return the node at a glance."""
    parts = node.services
    settings = parts.home.settings
    jobs = parts.jobs.all()
    waiting = [j for j in jobs if j.state == JobState.PROPOSED and j.requester != node.party]
    return {
        "party": node.party,
        "name": settings.name,
        "fingerprint": parts.home.keys.public().fingerprint(),
        "software": software(),
        "coordinator": {"url": settings.coordinator_url, "name": settings.coordinator_name},
        "trouble": node.driver.trouble,
        "checks": [dataclasses.asdict(check) for check in node.readiness.checks()],
        "ledger": ledger_view(parts),
        "datasets": len(parts.datasets.listed()),
        "jobs": {
            "running": sum(1 for j in jobs if j.state not in ENDED),
            "waiting_for_approval": len(waiting),
            "ended": sum(1 for j in jobs if j.state in ENDED),
        },
        "webhooks": webhooks_glance(parts),
        "requests": requests_glance(parts),
    }
