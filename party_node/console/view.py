"""What the console's page says: gathered from the same views as the local API."""

import datetime
from typing import Any

from coordinator.wire import JobState
from party_node import results
from party_node.api.collaborations import take_up_news
from party_node.api.datasets import dataset_views
from party_node.api.status import status_view
from party_node.budget_views import budget_views
from party_node.errors import NotFound
from party_node.job_views import job_list, job_view
from party_node.job_words import result as result_words
from party_node.running import RunningNode
from party_node.services import Services

LATEST = 10


def page(node: RunningNode) -> dict[str, Any]:
    """Return everything that stands on the page, as plain values."""
    parts = node.services
    look_for_news(node)
    jobs = job_list(parts)
    waiting = [j["job"] for j in jobs if j["waits_for_us"]]
    running = [j for j in jobs if not j["ended"] and not j["waits_for_us"]]
    done = [j for j in jobs if j["state"] == JobState.COMPLETED][:LATEST]
    return {
        "status": status_view(node),
        "waiting": [job_view(parts, job) for job in waiting],
        "running": running,
        "results": [r for r in (_result(parts, j) for j in done) if r is not None],
        "failed": [j for j in jobs if j["ended"] and j["state"] != JobState.COMPLETED][:LATEST],
        "budgets": budget_views(parts),
        "datasets": dataset_views(parts),
    }


def look_for_news(node: RunningNode) -> None:
    """Take up what others have signed meanwhile, if all is well."""
    if all(check.ok for check in node.readiness.checks()):
        take_up_news(node.services)


def _result(parts: Services, job: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found = results.load(parts.db, job["job"])
    except NotFound:
        return None
    return {"job": job, "lines": list(result_words(found))}


def when(ms: int) -> str:
    """Return an instant for people, in UTC."""
    instant = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def age(seconds: int) -> str:
    """Return a duration in its largest unit."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
