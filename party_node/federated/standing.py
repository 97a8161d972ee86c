"""How far a training is, as this party has seen it: the round, and what was answered last."""

from typing import Any

from party_node.federated.errors import UnknownTraining
from party_node.runs import Run
from party_node.services import Services

_BEFORE = 2
"""Questions before the first round: keys, shares."""
_OF_A_ROUND = ("learnt", "confirmed", "opened")


def training_view(parts: Services, run: Run) -> dict[str, Any] | None:
    """Return round and stage of a run that trains; None of any other."""
    if run.phase != "train":
        return None
    try:
        state = parts.trainings.state(run.job)
    except UnknownTraining:
        return None
    rounds, at = state.run.terms.rounds, state.position
    if at < _BEFORE:
        stage = "waiting for the partners" if at < 0 else "agreeing on keys"
        return {"round": 1, "rounds": rounds, "stage": stage}
    turn, step = divmod(at - _BEFORE, len(_OF_A_ROUND))
    done = turn >= rounds
    stage = "has the model" if done else _OF_A_ROUND[step]
    return {"round": min(turn + 1, rounds), "rounds": rounds, "stage": stage}
