"""How far a run is, and how long it will still take: from the protocol's state and the clock.

A run keeps in its facts how long it has been at work. Pauses do not count beyond a minute: a node
that was down overnight has not become slower.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from party_node.runs import Run
from protocols.codec import decode
from protocols.session import TwoParty

LONGEST_STEP_MS = 60_000
_SEEN, _WORKED = "seen_ms", "worked_ms"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is; for the job's two parties only, as sizes are."""

    rows_done: int
    rows: int
    """At the end; an estimate, from the other side's pre-flight, until it has said its size."""
    seconds_left: int | None
    """None before there is a pace to judge by."""


def paced(facts: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return the facts of a run whose next step begins now."""
    return {**facts, _SEEN: now_ms, _WORKED: _worked(facts, now_ms)}


def standing(protocol: TwoParty, run: Run, peer_rows: int, now_ms: int) -> Standing | None:
    """Return how far a run in the protocol is; None if the protocol cannot say.

    `peer_rows` stands for the other side's size where the state does not have it yet.
    """
    if protocol.progress is None or not run.state:
        return None
    found = protocol.progress(decode(protocol.states, run.state))
    total = found.total + round(found.per_peer_row * peer_rows)
    left = total - found.done
    worked = _worked(run.facts, now_ms)
    seconds = round(worked * left / found.done / 1000) if found.done and worked else None
    return Standing(found.done, total, seconds)


def _worked(facts: Mapping[str, Any], now_ms: int) -> int:
    if _SEEN not in facts:
        return 0
    since = min(max(now_ms - int(facts[_SEEN]), 0), LONGEST_STEP_MS)
    return int(facts[_WORKED]) + since
