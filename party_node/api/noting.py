"""Requests that change what the node does, or hand out what it keeps, are entries of the ledger."""

from sqlmodel import Session

from party_node.database import Within, Work
from party_node.ledger.actions import note_action
from party_node.roles.callers import Caller
from party_node.services import Services


def note(parts: Services, caller: Caller, action: str, detail: str) -> int:
    """Write down what somebody does, before they are answered; return the entry's index."""
    return note_action(parts.ledger, action, caller.words, detail)


def noted(parts: Services, caller: Caller, action: str, detail: str) -> Within:
    """Return what does a change of the database and writes it down: both, or neither."""

    def within(work: Work) -> None:
        def also(session: Session, _indices: list[int]) -> None:
            work(session)

        note_action(parts.ledger, action, caller.words, detail, also)

    return within
