"""People who say things to a node in this process, and ask for their receipts."""

import json
from typing import Any

from consent.jws import from_jwk
from consent.milestones import OperatorAction
from consent.receipt import SignedReceipt, VerifiedReceipt, verify_receipt
from tests.support.running_node import Node

PERSON = "person0@example.com"


def say(node: Node, key: str, state: str = "given", **changes: Any) -> int:
    """Let person0 say something a second later; return its entry."""
    node.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    answer = node.say(state, key, **changes)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["index"])


def issued(node: Node, **body: Any) -> dict[str, Any]:
    answer = node.http.post("/v1/consent/receipts", json={"email": PERSON} | body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def entries(found: dict[str, Any]) -> list[int]:
    return [one["index"] for one in found["receipts"]]


def opened(node: Node, found: dict[str, Any]) -> list[VerifiedReceipt]:
    """Verify every receipt in an answer as a third party does."""
    key = from_jwk(json.dumps(found["key"]).encode())
    policy = node.services.witnessing.trust.policy
    return [
        verify_receipt(
            SignedReceipt(one["receipt"]["receipt"], one["receipt"]["proof"]),
            public=key,
            policy=policy,
        )
        for one in found["receipts"]
    ]


def handed_out(node: Node) -> list[OperatorAction]:
    records = [e.record for e in node.services.ledger.entries()]
    return [
        r for r in records if isinstance(r, OperatorAction) and r.action == "receipts-issued"
    ]  # fmt: skip
