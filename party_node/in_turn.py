"""A phase that hears every other party once: one after the other, each in a transaction of its own.

Of two parties it hears the one, and the phase is over.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from party_node.execution import Execution
from party_node.runs import Run

HEARD = "heard"
"""Fact of a run: how many of the other parties it has heard in this phase."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whom a phase hears next."""

    peer: str
    heard: Run
    """The run once the next message of that party is consumed."""
    is_last: bool

    def then(self, phase: str) -> dict[str, Any]:
        """Return what changes in the run: the phase that follows, once all were heard."""
        return {"phase": phase} if self.is_last else {}


def due(execution: Execution, run: Run, among: Sequence[str] | None = None) -> Due:
    """Return whom this phase hears next: all the others, or those of them that are `among`."""
    count = int(run.facts.get(HEARD, 0))
    peers = [p.party for p in execution.peers if among is None or p.party in among]
    peer = peers[count]
    is_last = count + 1 == len(peers)
    facts = {name: fact for name, fact in run.facts.items() if name != HEARD}
    if not is_last:
        facts[HEARD] = count + 1
    return Due(peer, dataclasses.replace(run.heard(peer), facts=facts), is_last)
