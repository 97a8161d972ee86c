"""/v1/budget: what may still be said about people, in questions, in rho and in epsilon."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from party_node.api.access import TwoCalling
from party_node.api.collaborations import take_up_news
from party_node.api.strict import Name, RhoText, Strict, nano
from party_node.budget_views import budget_views, planned, standings
from party_node.errors import NotFound
from party_node.requests.texts import nameless
from party_node.running import Here
from protocols.dp.budget import Rho

router = APIRouter(prefix="/v1", tags=["budget"])

Reason = Annotated[str, Field(min_length=1, max_length=256)]


class RenewalBody(Strict):
    """Which budget begins anew, and why."""

    collaboration: Name
    to: Name
    """The other party."""
    dataset: Name
    """One of this party's: all of its lineage are meant."""
    reason: Reason


@router.get("/budget")
def budget(node: Here, newest: Annotated[int, Query(ge=0, le=10_000)] = 1_000) -> dict[str, Any]:
    """Return every account with limit, spent and left, and the newest charges, oldest first."""
    parts = node.services
    take_up_news(parts)
    return {
        "budgets": budget_views(parts),
        "charges": [
            {
                "job": charge.job,
                "collaboration": charge.collaboration,
                "to": charge.to_party,
                "dataset": charge.dataset,
                "what": charge.what,
                "rho": Rho(charge.rho_nano).decimal(),
                "charged_ms": charge.charged_ms,
            }
            for charge in parts.budgets.history(newest=newest)
        ],
    }


@router.get("/budget/preview")
def preview(node: Here, rho: RhoText, collaboration: Name | None = None) -> list[dict[str, Any]]:
    """Return how each account would stand after a question of this price; nothing is charged."""
    parts, price = node.services, Rho(nano(rho))
    take_up_news(parts)
    return [planned(one, price) for one in standings(parts, collaboration)]


@router.post("/budget/renewals", status_code=201)
def renew(body: RenewalBody, node: Here, two: TwoCalling) -> dict[str, Any]:
    """Let a budget begin anew in a new calendar month, where the agreement says so.

    Wants an operator's token in `Accord-Operator-Token` and a compliance officer's in
    `Accord-Compliance-Token`.
    """
    parts = node.services
    take_up_news(parts)
    document = parts.collaborations.current(body.collaboration)
    if body.to == node.party or document.member(body.to) is None:
        raise NotFound(f"{body.to} is no other party of {body.collaboration}")
    account = parts.collaborations.account(document, body.to, body.dataset)
    month, entry = parts.second_approvals.renew(account, nameless(body.reason), two)
    return {
        "to": body.to,
        "dataset": body.dataset,
        "month": month,
        "index": entry,
        "approved_by": [who.words for who in two],
    }
