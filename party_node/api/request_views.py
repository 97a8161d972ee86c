"""How requests, holds and explanations look in answers."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from consent.requests import RequestType
from party_node.erasure.holds import OpenedHold
from party_node.requests.explaining import Told
from party_node.requests.request_rows import life_of
from party_node.requests.tables import SubjectRequestRow
from party_node.services import Services


def view(parts: Services, row: SubjectRequestRow) -> dict[str, Any]:
    """Return a request as it stands, with what is possible now."""
    return views(parts, [row])[0]


def views(parts: Services, rows: Sequence[SubjectRequestRow]) -> list[dict[str, Any]]:
    """Return requests as they stand; of a person whose records were merged, the one that counts."""
    with parts.ledger.hold() as head:
        named = [row.subject for row in rows if row.subject is not None]
        current = {subject: head.projection.current(subject) for subject in named}
    ids = parts.identity.subject_ids(current.values())
    return [
        _view(parts, row, None if row.subject is None else ids.get(current[row.subject]))
        for row in rows
    ]


def requests_glance(parts: Services) -> dict[str, int]:
    """Return how many requests are open and how many late, for the node's status."""
    return dict(zip(("open", "overdue"), parts.requests.counted(), strict=True))


def _view(parts: Services, row: SubjectRequestRow, subject: str | None) -> dict[str, Any]:
    return {
        "request": row.request_id,
        "type": row.kind,
        "status": row.status,
        "subject": subject,
        "verified_by": row.verified_by,
        "extended": row.extended,
        "ended": row.ended,
        "regime": row.regime,
        "place": row.place,
        "channel": row.channel,
        "relation": row.relation,
        "purposes": json.loads(row.purposes),
        "received_ms": row.received_ms,
        "due_ms": row.due_ms,
        "overdue": parts.requests.overdue(row),
        "changed_ms": row.changed_ms,
        "fulfilled_ms": row.fulfilled_ms,
        "lifted_ms": row.lifted_ms,
        "reason": row.reason,
        "results": json.loads(row.results),
        "holds": parts.holds.listed(row.request_id) if row.kind == RequestType.ERASE else [],
        "possible": [step.value for step in life_of(row).possible],
        "index": row.entry,
    }


def opened_hold(hold: OpenedHold) -> dict[str, Any]:
    """Return what is kept on one ground, opened."""
    return {
        "ground": hold.ground,
        "until_ms": hold.until_ms,
        "entries": [dataclasses.asdict(entry) for entry in hold.entries],
    }


def explained(told: Told) -> dict[str, Any]:
    """Return one decision, explained."""
    return {
        "job": told.job,
        "use_entry": told.entry,
        "purpose": told.question.purpose,
        "recipient": told.question.recipient,
        "operations": [operation.value for operation in told.question.operations],
        "channel": told.question.channel,
        "allowed": told.allowed,
        "reason": told.reason.value,
        "decided_ms": told.at_ms,
        "tree_size": told.tree_size,
        "policy_hash": told.policy,
        "deciding_entry": told.deciding,
        "text": told.text,
    }
