"""GET /v1/budget: what may still be said about people, in rho, in epsilon, and in questions."""

from typing import Any

from fastapi import APIRouter

from party_node.api.collaborations import take_up_news
from party_node.running import Here
from party_node.services import Services
from protocols.collaboration import Collaboration
from protocols.dp.budget import Rho, epsilon, questions_left

router = APIRouter(prefix="/v1", tags=["budget"])

HALF_WIDTH = 100
"""People: the accuracy (± at 95 %) that questions are counted in."""


@router.get("/budget")
def budget(node: Here) -> dict[str, Any]:
    """Return the budget of each collaboration towards each other party, and every charge."""
    parts = node.services
    take_up_news(parts)
    return {
        "budgets": budget_views(parts),
        "charges": [
            {
                "job": charge.job,
                "collaboration": charge.collaboration,
                "to": charge.to_party,
                "what": charge.what,
                "rho": Rho(charge.rho_nano).decimal(),
                "charged_ms": charge.charged_ms,
            }
            for charge in parts.budgets.history()
        ],
    }


def budget_views(parts: Services) -> list[dict[str, Any]]:
    """Return limit, spent and left for the newest version in force of each collaboration."""
    newest = {d.collaboration: d for d, row in parts.collaborations.all() if row.in_force}
    me = parts.home.settings.party
    return [
        _view(parts, document, member.party)
        for document in newest.values()
        for member in document.members
        if member.party != me
    ]


def _view(parts: Services, document: Collaboration, to: str) -> dict[str, Any]:
    limit, delta = document.rho_nano_each, document.delta_exponent
    spent = parts.budgets.spent(document.collaboration, to)
    left = parts.budgets.remaining(document.collaboration, limit, to)
    return {
        "collaboration": document.collaboration,
        "to": to,
        "delta": f"1e-{delta}",
        "limit": {"rho": Rho(limit).decimal(), "epsilon": epsilon(limit, delta)},
        "spent": {"rho": spent.decimal(), "epsilon": epsilon(spent.nano, delta)},
        "left": {"rho": left.decimal(), "epsilon": epsilon(left.nano, delta)},
        "questions_left": questions_left(left, HALF_WIDTH),
        "half_width": HALF_WIDTH,
    }
