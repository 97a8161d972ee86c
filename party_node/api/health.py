"""Health, for whoever runs the node; open, and says nothing of the party's affairs."""

import dataclasses
from typing import Any

from fastapi import APIRouter, Response

from party_node.running import Here

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "Something that must hold does not."}})
def readyz(node: Here, response: Response) -> dict[str, Any]:
    """Say whether the node can do its work, check by check."""
    checks = node.readiness.checks()
    ready = all(check.ok for check in checks)
    if not ready:
        response.status_code = 503
    return {"ready": ready, "checks": [dataclasses.asdict(check) for check in checks]}
