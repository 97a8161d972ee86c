"""/v1/ledger/entries: single entries of the consent ledger, shown, proved, appended, replayed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from party_node.aftermath.state_log import log_state
from party_node.api.access import Calling
from party_node.api.strict import By, Strict
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.evidence_of import erased_under, prove
from party_node.ledger.raw_append import append_statements
from party_node.ledger.replaying import replay as replay_decision
from party_node.ledger.views import note_view
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])

Index = Annotated[int, Path(ge=0, lt=2**53)]
MOST = 1_000
"""Statements in one request."""


class StatementsBody(Strict):
    """Statements to append: payloads of consent events and preference events."""

    entries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST, repr=False)]


class ViewBody(Strict):
    """Who looks."""

    by: By = "operator"


@router.post("/entries", status_code=201)
def append(body: StatementsBody, node: Here) -> dict[str, Any]:
    """Append consent and preference events as they are, all or none; nothing else can be appended.

    The answer says of each which entry it became, or was before.
    """
    parts = node.services
    fates = append_statements(parts.ledger, parts.identity, body.entries)
    return {"entries": [{"index": fate.index, "fate": fate.status.value} for fate in fates]}


@router.get("/entries/{index}")
def entry(index: Index, node: Here) -> dict[str, Any]:
    """Return what the log holds of one entry: its leaf, and no payload."""
    return _entry(node.services, node.services.ledger.entry(index))


@router.post("/entries/{index}/views")
def view(index: Index, node: Here, caller: Calling, body: ViewBody | None = None) -> dict[str, Any]:
    """Return one entry with its payload. That of a person is an entry itself: who looked, and when.

    Of an erased entry it says under which request it was erased.
    """
    parts = node.services
    found = parts.ledger.entry(index)
    note_view(parts.ledger, found, caller.signing((body or ViewBody()).by))
    record, salt = found.record, found.salt
    return _entry(parts, found) | {
        "payload": None if record is None else record.to_payload(),
        "salt": None if salt is None else salt.hex(),
    }


@router.get("/entries/{index}/proof")
def proof(index: Index, node: Here) -> dict[str, Any]:
    """Return the proof that an entry is in the ledger, as a C2SP tlog-proof file, and its leaf."""
    parts = node.services
    found = prove(parts.ledger, parts.witnessing, index)
    return {
        "index": index,
        "size": found.size,
        "leaf": found.entry.leaf.decode(),
        "leaf_hash": found.entry.leaf_hash.hex(),
        "proof": found.proof,
    }


@router.get("/entries/{index}/replay")
def replay(index: Index, node: Here) -> dict[str, Any]:
    """Make the decision of a use record again, by the ledger and the policy of then."""
    found = replay_decision(node.services.ledger, index)
    return {
        "index": index,
        "outcome": found.outcome.value,
        "differences": list(found.differences),
        "asked": found.asked,
        "allowed": found.allowed,
        "denied": dict(found.denied),
    }


@router.post("/snapshots", status_code=201)
def snapshot(node: Here) -> dict[str, Any]:
    """Log what the state that decides looks like now, so that a corrupted one can be proved."""
    return {"index": log_state(node.services.ledger)}


def _entry(parts: Services, found: LedgerEntry) -> dict[str, Any]:
    request = erased_under(parts.ledger, found)
    return {
        "index": found.index,
        "type": found.type,
        "recorded_ms": found.recorded_ms,
        "about_a_person": found.subject is not None or found.erased is not None,
        "leaf": found.leaf.decode(),
        "leaf_hash": found.leaf_hash.hex(),
        "erased": None if request is None else {"entry": found.erased, "request": request},
    }
