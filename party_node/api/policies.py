"""/v1/policy: what this node decides by, what another policy would change, and what was before."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from party_node.api.collaborations import take_up_news
from party_node.api.strict import By, Strict
from party_node.capture.strict_yaml import MAX_TEXT
from party_node.policy import applying
from party_node.policy.differences import Change
from party_node.policy.effects import Effects
from party_node.policy.keys import PARTS
from party_node.policy.writing import write_policy
from party_node.running import Here

router = APIRouter(prefix="/v1/policy", tags=["policy"])

Digest = Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")]


class PolicyBody(Strict):
    """A policy as people write it."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    """YAML; docs/operate/policy.md shows a complete one."""
    by: By
    """Who decides this; it stands in the ledger."""
    dry_run: bool = False
    """Only say what it would change."""


@router.get("")
def show(node: Here, policy_hash: Digest | None = None) -> dict[str, Any]:
    """Return the policy in force, or an earlier one by its hash: as YAML and as the document."""
    ledger = node.services.ledger
    vocabulary = (
        ledger.vocabulary
        if policy_hash is None
        else applying.in_force(ledger, bytes.fromhex(policy_hash))
    )
    return {
        "policy_hash": vocabulary.digest().hex(),
        "yaml": write_policy(vocabulary),
        "document": vocabulary.to_payload(),
    }


@router.put("")
def apply(body: PolicyBody, node: Here) -> dict[str, Any]:
    """Decide by another policy from now on, or say what it would change; notices stay."""
    parts = node.services
    take_up_news(parts)  # an agreement may have come in force meanwhile
    applied = applying.apply_policy(
        parts.ledger,
        parts.collaborations,
        parts.clock_ms,
        body.text,
        f"person:{body.by}",
        dry_run=body.dry_run,
    )
    found = applied.effects
    return {
        "applied": applied.entry is not None,
        "entry": applied.entry,
        "policy_hash": applied.policy_hash.hex(),
        "changes": [{**_change(change), **_people(change, found)} for change in applied.changes],
        "at_size": found.at_size,
        "people": {"gain": found.gain, "lose": found.lose},
        "effects": [
            {
                "purpose": e.purpose,
                "recipient": e.recipient,
                "before": e.before,
                "after": e.after,
                "gain": e.gain,
                "lose": e.lose,
            }
            for e in found.each
        ],
        "warnings": list(applied.warnings),
    }


@router.get("/history")
def history(node: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
    """Return the policies that were in force, newest first, each since which entry."""
    return [
        {
            "policy_hash": one.policy_hash.hex(),
            "entry": one.entry,
            "since_ms": one.since_ms,
            "by": one.by,
            "changes": [_change(change) for change in one.changes],
        }
        for one in applying.history(node.services.ledger, limit)
    ]


def _people(change: Change, found: Effects) -> dict[str, Any]:
    """Return how many people a change of a purpose affects, together with all the others."""
    if change.what != PARTS["purposes"].what:
        return {}
    gain, lose = found.by_purpose.get(change.name, (0, 0))
    return {"people": {"gain": gain, "lose": lose}}


def _change(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "name": change.name,
        "change": change.step,
        "details": list(change.details),
        "text": change.told(),
    }
