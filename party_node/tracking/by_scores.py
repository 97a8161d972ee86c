"""Scores beside later outcomes, both this party's own: compared here, after asking the gate.

A joint job has brought scores, and a federated one a model that scores this party's people as rows
are now. Who has the outcome is read as rows are now. Nothing leaves the party, so nothing is
charged. A use record says that it was done.
"""

import dataclasses
from typing import Any

import numpy as np

from party_node import results, uses
from party_node.errors import IllegalState
from party_node.insight.grouping import chosen_people
from party_node.job_kinds import FEDERATED, LOOKALIKE
from party_node.scoring import again
from party_node.services import Services
from party_node.tracking import words
from party_node.tracking.outcomes_file import Outcomes
from protocols.dp.queries.rates import Z95
from protocols.job import JobDescription
from protocols.joint.drift import Area, at_training, by_outcomes, drift, fifths

_PLACES = 4


def track(parts: Services, job: str, outcomes: Outcomes, requester: str) -> dict[str, Any]:
    """Return how well scores by what a job has brought tell who has the outcome, beside what they
    did at first.

    Raises: as `again.score`; MissingColumn; IllegalState for the job of a lookalike.
    """
    scoring = again.asked(parts, job, requester, outcomes.dataset)
    made = scoring.job
    if made.kind == LOOKALIKE:
        raise IllegalState("the outcomes of a lookalike are asked for by a job: its scores are "
                           "the partner's")  # fmt: skip
    scoring = dataclasses.replace(scoring, what="track", beside=outcomes.columns)
    found = again.begin(scoring)
    people, scores = found.people, found.scores.astype(np.float64)
    has = chosen_people(parts, found.uses.reading, outcomes.chosen, people)
    if made.kind == FEDERATED:
        # As in training, where nobody is used whose label is missing.
        told = has | chosen_people(parts, found.uses.reading, outcomes.told, people)
        people, scores, has = people[told], scores[told], has[told]
    withheld, without = found.withheld, len(found.people) - len(people)
    uses.complete(parts.gate, found.uses)
    before, now = _at_training(parts, made), by_outcomes(scores, has)
    said = drift(before, now)
    return {
        "job": job,
        "kind": made.kind,
        "dataset": scoring.dataset,
        "people": len(people),
        "withheld": withheld,
        "without_outcome": without,
        "with_outcome": int(has.sum()),
        "before": _area(before),
        "now": _area(now),
        "fifths": [
            {
                "score": round(one.score, _PLACES),
                "share": round(one.share.value, _PLACES),
                "low": round(one.share.low, _PLACES),
                "high": round(one.share.high, _PLACES),
            }
            for one in fifths(scores, has)
        ],
        "verdict": said.value,
        "text": words.OF_SCORES[said],
        "command": words.train_anew(made) if said in words.ASK_ANEW else None,
    }


def judged(parts: Services, made: JobDescription) -> dict[str, float] | None:
    """Return the area under the curve of the people who were held out, with its 95 % interval; None
    if it is not known.
    """
    return _area(_at_training(parts, made))


def _at_training(parts: Services, made: JobDescription) -> Area | None:
    """Return the area of the people who were held out; None if it is not known.

    Of scores by an earlier model it is that of the job that made the model.
    """
    told = results.load(parts.db, made.job)
    if made.kind == FEDERATED:
        last = told["model"]["rounds"][-1]
        return _held_out(last, last.get("with_label", 0))  # results of before have none
    told = told["joint"]
    if (by := told.get("by_job")) is not None:
        told = results.load(parts.db, by)["joint"]
    if told.get("auc") is None:
        return None
    # No more is kept than of all: the label is taken to be as frequent among these.
    whole = told["trained_on"] + told["judged_on"]
    return _held_out(told, round(told["judged_on"] * told["with_label"] / whole))


def _held_out(told: dict[str, Any], wanted: int) -> Area | None:
    if told["auc"] is None:
        return None
    return at_training(told["auc"], wanted, told.get("judged_on", 0) - wanted)


def _area(area: Area | None) -> dict[str, float] | None:
    if area is None:
        return None
    found = area.interval(Z95)
    return {
        "auc": round(found.value, _PLACES),
        "low": round(found.low, _PLACES),
        "high": round(found.high, _PLACES),
    }
