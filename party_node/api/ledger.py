"""/v1/ledger: the consent ledger's size, its checkpoints, its verification, its evidence."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from consent.checkpoint import Checkpoint, open_checkpoint
from consent.errors import ConsentError
from consent.note import parse_vkey
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


@router.get("")
def ledger(node: Here) -> dict[str, Any]:
    """Return size, root and the newest checkpoint that the witness has cosigned."""
    return ledger_view(node.services)


@router.post("/verify")
def verify(node: Here) -> dict[str, Any]:
    """Recompute the whole tree and compare it with every checkpoint; fails if anything differs."""
    report = node.services.ledger.verify()
    return {
        "size": report.size,
        "root": report.root.hex(),
        "checkpoints": report.checkpoints,
        "cosigned": report.cosigned,
    }


@router.get("/export", response_class=Response)
def export(
    node: Here, job: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None
) -> Response:
    """Return the evidence as a zip file that verifies without this node; of one job or of all."""
    from party_node.evidence.bundle import bundle

    if job is not None:
        node.services.jobs.get(job)
    content = bundle(node.services, job)
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
        "cosigned": _cosigned(parts),
    }


def _cosigned(parts: Services) -> dict[str, Any] | None:
    note = parts.ledger.latest_cosigned()
    if note is None:
        return None
    said = _opened(parts, note)
    if said is None:
        return {"note": note, "verified": False}
    times = [c.seconds for c in said.cosignatures if c.seconds is not None]
    signed_ms = max(times, default=0) * 1000
    return {
        "note": note,
        "verified": True,
        "size": said.size,
        "root": said.root.hex(),
        "signed_ms": signed_ms,
        "age_seconds": max(0, parts.clock_ms() - signed_ms) // 1000,
    }


def _opened(parts: Services, note: str) -> Checkpoint | None:
    log, witness = parts.ledger.vkey, parts.home.settings.witness_vkey
    try:
        return open_checkpoint(note, parse_vkey(log), [parse_vkey(witness)], 1)
    except ConsentError:
        return None
