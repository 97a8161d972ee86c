"""A joint score beside later outcomes, both this party's own: compared here, after asking the gate.

Who has the outcome is read as rows are now; scores are those that the job has brought. Nothing
leaves the party, so nothing is charged. A use record says that it was done.
"""

from typing import Any

import numpy as np
from pyroaring import BitMap

from party_node import results, uses
from party_node.errors import IllegalState, MissingColumn
from party_node.insight.grouping import chosen_people
from party_node.job_kinds import JOINT
from party_node.people_sets import are_among
from party_node.scoring.scored import TTL_MS
from party_node.services import Services
from party_node.tracking import words
from party_node.tracking.outcomes_file import Outcomes
from protocols.dp.queries.rates import Z95
from protocols.job import SCORING, JobDescription
from protocols.joint.drift import Area, at_training, by_outcomes, drift, fifths

_PLACES = 4


def track(parts: Services, job: str, outcomes: Outcomes, requester: str) -> dict[str, Any]:
    """Return how well a joint job's scores tell who has the outcome, beside what they did at first.

    Raises: NotFound if the job brought no scores here; ExpiredCollaboration; ConsentError;
    MissingColumn, DatasetChanged; IllegalState for another kind of job or another dataset.
    """
    made = parts.jobs.description(job)
    if made.kind != JOINT:
        raise IllegalState("the outcomes of a lookalike are asked for by a job: its scores are "
                           "the partner's")  # fmt: skip
    parts.jobs.agreement(made)  # scores do not outlive their collaboration
    dataset = made.dataset_of(parts.home.keys.party)
    if outcomes.dataset not in ("", dataset):
        raise IllegalState(f"the scores are of people of the dataset {dataset}")
    people, scores = parts.scores.load(job).read()
    _require_columns(parts, dataset, outcomes)
    number = f"{job}-track-{parts.rng(8).hex()}"
    again = uses.Later(number, SCORING, requester, BitMap(people.astype(np.uint32)))
    permitted = uses.permit(parts.gate, made, parts.home.keys.party, TTL_MS, later=again)
    may = are_among(people, permitted.allowed)
    people, told = people[may], scores[may].astype(np.float64)
    has = chosen_people(parts, permitted.reading, outcomes.chosen, people)
    uses.complete(parts.gate, permitted)
    before, now = _at_training(parts, made), by_outcomes(told, has)
    said = drift(before, now)
    return {
        "job": job,
        "kind": made.kind,
        "dataset": dataset,
        "people": len(people),
        "withheld": int((~may).sum()),
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
            for one in fifths(told, has)
        ],
        "verdict": said.value,
        "text": words.OF_SCORES[said],
        "command": words.train_anew(made) if said in words.ASK_ANEW else None,
    }


def _require_columns(parts: Services, dataset: str, outcomes: Outcomes) -> None:
    there = set(parts.datasets.info(dataset).report.columns)
    for column in outcomes.chosen.schema.columns:
        if column.source not in there:
            raise MissingColumn(f"the dataset {dataset} has no column {column.source!r}")


def _at_training(parts: Services, made: JobDescription) -> Area | None:
    """Return the area of the people who were held out, of whom no more is kept than how many they
    are: the label is taken to be as frequent among them as among all. None if it is not known.

    Of scores by an earlier model it is that of the job that made the model.
    """
    told = results.load(parts.db, made.job)["joint"]
    if (by := told.get("by_job")) is not None:
        told = results.load(parts.db, by)["joint"]
    if told.get("auc") is None:
        return None
    whole = told["trained_on"] + told["judged_on"]
    wanted = round(told["judged_on"] * told["with_label"] / whole)
    return at_training(told["auc"], wanted, told["judged_on"] - wanted)


def _area(area: Area | None) -> dict[str, float] | None:
    if area is None:
        return None
    found = area.interval(Z95)
    return {
        "auc": round(found.value, _PLACES),
        "low": round(found.low, _PLACES),
        "high": round(found.high, _PLACES),
    }
