"""/v1/ledger: the consent ledger's size, its checkpoints, its verification, its evidence."""

import dataclasses
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from party_node.api.access import Calling
from party_node.api.noting import note
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


@router.get("")
def ledger(node: Here) -> dict[str, Any]:
    """Return size, root, the newest published checkpoint, and what each witness said last."""
    return ledger_view(node.services)


@router.post("/verify")
def verify(node: Here) -> dict[str, Any]:
    """Recompute the whole tree and compare it with every checkpoint; fails if anything differs."""
    report = node.services.ledger.verify()
    return {
        "size": report.size,
        "root": report.root.hex(),
        "checkpoints": report.checkpoints,
        "published": report.published,
    }


@router.get("/export", response_class=Response)
def export(
    node: Here,
    caller: Calling,
    job: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
) -> Response:
    """Return the evidence as a zip file that verifies without this node; of one job or of all.

    That it is handed out is written down first.
    """
    from party_node.evidence.bundle import bundle

    if job is not None:
        node.services.jobs.get(job)
    content = bundle(node.services, job)
    told = f"{'all' if job is None else f'job {job}'}, sha256 {hashlib.sha256(content).hexdigest()}"
    note(node.services, caller, "evidence-exported", told)
    name = f"accord-{node.party}{'-' + job[:8] if job else ''}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/zip", headers=headers)


def ledger_view(parts: Services) -> dict[str, Any]:
    """Return the ledger at a glance."""
    size, root = parts.ledger.head()
    return {
        "origin": parts.ledger.origin,
        "vkey": parts.ledger.vkey,
        "size": size,
        "root": root.hex(),
        "published": _published(parts),
        "witnesses": witness_views(parts),
    }


def witness_views(parts: Services) -> list[dict[str, Any]]:
    """Return the witnesses of the trust policy, each with what it said last."""
    trust, views = parts.witnessing.trust, parts.witnessing.views()
    return [
        {
            "witness": name,
            "vkey": key.vkey,
            "url": trust.policy.urls.get(name, ""),
            "required": trust.policy.requires(name),
            **dataclasses.asdict(views[name]),
        }
        for name, key in trust.policy.witnesses.items()
    ]


def _published(parts: Services) -> dict[str, Any] | None:
    note = parts.witnessing.published()
    if note is None:
        return None
    policy = parts.witnessing.trust.policy
    said = policy.open(note)
    signed_ms = max((c.seconds for c in said.cosignatures if c.seconds), default=0) * 1000
    return {
        "note": note,
        "size": said.size,
        "root": said.root.hex(),
        "cosigned_by": sorted(policy.witnessed_by(said)),
        "signed_ms": signed_ms,
        "age_seconds": max(0, parts.clock_ms() - signed_ms) // 1000,
    }
