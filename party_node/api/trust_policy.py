"""/v1/ledger/policy: whose cosignatures this node's ledger needs, shown and changed."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from party_node.api.access import Calling, TwoShown
from party_node.api.ledger import witness_views
from party_node.api.strict import Strict
from party_node.ledger.trust_policy import MOST_WITNESSES
from party_node.roles.errors import TwoRolesNeeded
from party_node.roles.roles import GRANTED
from party_node.roles.tokens import StaffRole
from party_node.running import Here
from party_node.services import Services
from party_node.witness_tables import WitnessAlarmRow

router = APIRouter(prefix="/v1/ledger/policy", tags=["ledger"])

MOST_TEXT = 500_000


class PolicyBody(Strict):
    """A policy file, and the witnesses that may be left out although they raised an alarm."""

    text: Annotated[str, Field(max_length=MOST_TEXT)]
    despite: Annotated[tuple[str, ...], Field(max_length=MOST_WITNESSES)] = ()


@router.get("")
def policy(node: Here) -> dict[str, Any]:
    """Return the trust policy in force, what each witness said last, and all alarms there were."""
    return policy_view(node.services)


@router.put("")
def change(body: PolicyBody, node: Here, caller: Calling, two: TwoShown) -> dict[str, Any]:
    """Put another trust policy in force, if its witnesses publish the ledger as it stands.

    One that leaves out a witness or asks for less wants the tokens of two people, as break-glass:
    an operator's in `Accord-Operator-Token`, a compliance officer's in `Accord-Compliance-Token`.
    While there is nobody in one of the roles, the node's own token suffices.
    """
    roles = node.services.roles

    def if_weaker() -> None:
        filled = {StaffRole(row.role) for row in roles.listed()}
        if two is None and (caller.role is not StaffRole.ADMINISTRATOR or filled >= set(GRANTED)):
            raise TwoRolesNeeded

    by = caller.words if two is None else " and ".join(who.words for who in two)
    node.services.witnessing.adopt(body.text, body.despite, by, if_weaker)
    node.driver.wake()
    return policy_view(node.services)


def policy_view(parts: Services) -> dict[str, Any]:
    """Return the policy in force."""
    trust = parts.witnessing.trust
    return {
        "text": trust.text,
        "quorum": trust.policy.quorum,
        "coordinator": trust.coordinator,
        "witnesses": witness_views(parts),
        "alarms": [_alarm(row) for row in parts.witnessing.alarms()],
    }


def _alarm(row: WitnessAlarmRow) -> dict[str, Any]:
    """Return the evidence of one alarm: what a witness was shown, and what it said."""
    return {
        "witness_key_name": row.name,
        "kind": row.kind,
        "size": row.size,
        "seen": row.seen,
        "note": row.note,
        "answer": row.answer,
        "raised_ms": row.raised_ms,
    }
