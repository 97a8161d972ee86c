"""/v1/collaborations: agreements, proposed and countersigned."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from party_node.api.strict import Strict
from party_node.errors import (
    ClockSkewed,
    CoordinatorRefused,
    CoordinatorUnreachable,
    UnknownCollaboration,
)
from party_node.job_tables import CollaborationRow
from party_node.running import Here
from party_node.services import Services
from protocols.collaboration import Collaboration
from protocols.dp.budget import Rho, epsilon

router = APIRouter(prefix="/v1", tags=["collaborations"])


class CollaborationBody(Strict):
    """A collaboration as people write it."""

    text: Annotated[str, Field(min_length=1, max_length=200_000)]
    """YAML; docs/tour.md shows a complete one."""


@router.post("/collaborations", status_code=201)
def propose(body: CollaborationBody, node: Here) -> dict[str, Any]:
    """Fill in the members' keys, sign the document and propose it to the other party."""
    document = node.services.collaborations.propose(body.text)
    return _one(node.services, document.collaboration, document.version)


@router.get("/collaborations")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return every version that names this party, after asking the coordinator for news."""
    take_up_news(node.services)
    return collaboration_views(node.services)


@router.get("/collaborations/{collaboration}")
def show(collaboration: str, node: Here) -> list[dict[str, Any]]:
    """Return all versions of one collaboration, newest last."""
    take_up_news(node.services)
    found = [v for v in collaboration_views(node.services) if v["collaboration"] == collaboration]
    if not found:
        raise UnknownCollaboration
    return found


@router.post("/collaborations/{collaboration}/versions/{version}/countersignatures")
def countersign(collaboration: str, version: int, node: Here) -> dict[str, Any]:
    """Sign a proposed version; it is in force when every party has."""
    node.services.collaborations.countersign(collaboration, version)
    return _one(node.services, collaboration, version)


def take_up_news(parts: Services) -> None:
    """Ask the coordinator for news; without it, what is known is shown."""
    with suppress(CoordinatorUnreachable, CoordinatorRefused, ClockSkewed):
        parts.collaborations.sync()


def collaboration_views(parts: Services) -> list[dict[str, Any]]:
    """Return every known version for people, oldest first."""
    return [_view(document, row) for document, row in parts.collaborations.all()]


def _one(parts: Services, collaboration: str, version: int) -> dict[str, Any]:
    named = (collaboration, version)
    return next(
        view
        for view in collaboration_views(parts)
        if (view["collaboration"], view["version"]) == named
    )


def _view(document: Collaboration, row: CollaborationRow) -> dict[str, Any]:
    signed = [party for party in row.signed_by.split(",") if party]
    return {
        "collaboration": document.collaboration,
        "version": document.version,
        "title": document.title,
        "digest": row.digest.hex(),
        "in_force": row.in_force,
        "signed_by": signed,
        "missing": sorted({m.party for m in document.members} - set(signed)),
        "expires_ms": document.expires_ms,
        "minimum_size": document.minimum_size,
        "budget": {
            "rho": Rho(document.rho_nano_each).decimal(),
            "epsilon": epsilon(document.rho_nano_each, document.delta_exponent),
            "delta": f"1e-{document.delta_exponent}",
            "window": document.budget_window,
        },
        "parties": [
            {"party": m.party, "name": m.name, "fingerprint": m.public.fingerprint()}
            for m in document.members
        ],
        "datasets": [
            {
                "party": d.party,
                "dataset": d.dataset,
                "identifiers": list(d.identifiers),
                "columns": list(d.columns),
            }
            for d in document.datasets
        ],
        "jobs": [
            {
                "kind": p.kind,
                "purpose": p.purpose,
                "receiver": p.receiver,
                "protocol": p.protocol,
                "reveal": p.reveal,
            }
            for p in document.permitted
        ],
    }
