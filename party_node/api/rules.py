"""/v1/rules: what this party approves without being asked each time."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from party_node.api.access import Calling
from party_node.api.noting import noted
from party_node.api.strict import Name, RhoText, Strict, nano
from party_node.approvals import Rule
from party_node.job_kinds import Kind
from party_node.running import Here
from protocols.dp.budget import Rho

router = APIRouter(prefix="/v1", tags=["rules"])

RuleName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class RuleBody(Strict):
    """A standing approval."""

    collaboration: Name
    kind: Kind
    purpose: Name
    max_rho: RhoText
    """The most that one job may cost."""
    allow_reveal: bool = False
    """True: also jobs that reveal to their receiver which of its own records match."""


@router.put("/rules/{name}")
def put(name: RuleName, body: RuleBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Add a rule or replace the one of that name; jobs that wait are looked at again."""
    rule = Rule(
        name, body.collaboration, body.kind, body.purpose, nano(body.max_rho), body.allow_reveal
    )
    detail = (
        f"{name}: {rule.kind} for {rule.purpose} in {rule.collaboration},"
        f" rho {Rho(rule.max_rho_nano).decimal()}{', reveals' if rule.allow_reveal else ''}"
    )
    parts = node.services
    parts.rules.put(rule, noted(parts, caller, "rule-put", detail))
    node.driver.wake()
    return _view(rule)


@router.get("/rules")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return all rules by name."""
    return [_view(rule) for rule in node.services.rules.all()]


@router.delete("/rules/{name}", status_code=204)
def remove(name: RuleName, node: Here, caller: Calling) -> None:
    """Remove a rule; what it has approved stays approved."""
    parts = node.services
    parts.rules.remove(name, noted(parts, caller, "rule-deleted", name))


def _view(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "collaboration": rule.collaboration,
        "kind": rule.kind,
        "purpose": rule.purpose,
        "max_rho": Rho(rule.max_rho_nano).decimal(),
        "allow_reveal": rule.allow_reveal,
    }
