"""Why a job ended without a result, in words: what its cause means, and what can be done about it.

All parties hear the code of a cause and no more. What the side that could not go on has found, such
as the name of a column, stays in the facts of its run, and is shown to its own people alone.
"""

import inspect
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from consent.errors import ConsentError
from party_node.errors import NodeError
from party_node.hints import hint_of
from protocols.errors import DisclosureError, ProtocolError

FOUND = "ended-because"
"""Fact of a run: what this side found when it ended the job."""

UNFORESEEN = "an error that nobody foresaw: the node's log has it"
_EXPIRED = "job-expired"

_NO_ERRORS = MappingProxyType(
    {
        "declined-by-owner": "A person at the data owner's node said no",
        "cancelled-by-party": "A party withdrew the job",
        "ended-by-peer": "The other party ended the run without saying why",
    }
)


def why(cause: str, found: str, paid: str) -> dict[str, Any]:
    """Return what is said of a job that ended with this cause.

    `found` is what this side found, empty where it was another party that could not go on; `paid`
    the rho that this side was charged, empty where there is none.
    """
    kind = next((k for k in _kinds() if k.code == cause), None)  # type: ignore[attr-defined]
    text = _NO_ERRORS.get(cause, "") if kind is None else _sentence(kind)
    hint = kind.hint if kind is not None and issubclass(kind, NodeError) else ""
    return {
        "text": text,
        "elsewhere": not (found or cause in _NO_ERRORS or cause == _EXPIRED),
        "found": "" if found == text else found,
        "paid": paid,
        "hint": hint or hint_of(cause),
    }


def _kinds() -> Iterator[type[Exception]]:
    """Yield every class of errors that this process knows."""
    ahead: list[type[Exception]] = [NodeError, ProtocolError, DisclosureError, ConsentError]
    while ahead:
        kind = ahead.pop()
        ahead += kind.__subclasses__()
        yield kind


def _sentence(kind: type[Exception]) -> str:
    return (inspect.getdoc(kind) or "").split("\n", 1)[0].removesuffix(".")


def lines(said: dict[str, Any] | None) -> Iterator[str]:
    """Say it for the terminal."""
    if said is None:
        return
    if said["text"]:
        yield f"  {said['text']}"
    if said["elsewhere"]:
        yield "  it was another party that could not go on: talk to it"
    if said["found"]:
        yield f"  this side found: {said['found']}"
    yield f"  what to do: {said['hint']}"
    if said["paid"]:
        yield f"  this side has paid rho {said['paid']} for it"
