"""/v1/answers: releases that are given again, and who lets one be asked anew."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from party_node.api.access import TwoCalling
from party_node.api.budget import Reason
from party_node.api.strict import Strict
from party_node.requests.texts import nameless
from party_node.running import Here
from protocols.dp.budget import Rho

router = APIRouter(prefix="/v1/answers", tags=["budget"])


class RefreshBody(Strict):
    """Why a question is asked anew."""

    reason: Reason


@router.get("")
def listed(node: Here, newest: Annotated[int, Query(ge=1, le=1_000)] = 100) -> list[dict[str, Any]]:
    """Return the newest answers that are kept, and whether each is still given again."""
    return [
        {
            "answer": one.number,
            "to": one.counterparty,
            "lineage": one.lineage,
            "question": one.question.hex(),
            "job": one.job,
            "rho": Rho(one.rho_nano).decimal(),
            "released_ms": one.released_ms,
            "answers": answers,
        }
        for one, answers in node.services.answers.listed(newest)
    ]


@router.post("/{answer}/refresh", status_code=201)
def refresh(
    answer: Annotated[int, Path(ge=1, le=2**31)], body: RefreshBody, node: Here, two: TwoCalling
) -> dict[str, Any]:
    """Let the question of an answer be asked anew, once, at its price.

    Wants an operator's token in `Accord-Operator-Token` and a compliance officer's in
    `Accord-Compliance-Token`.
    """
    entry = node.services.second_approvals.refresh(answer, nameless(body.reason), two)
    return {"answer": answer, "index": entry, "approved_by": [who.words for who in two]}
