"""What comes of a `joint` run: scores and a model for the receiver, the weights for the sender; or,
by an earlier model, scores alone.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from party_node import receipts
from party_node.execution import Execution
from party_node.job_kinds import JOINT
from party_node.joint import refined
from party_node.joint.laying import CELLS
from party_node.joint.refined import ABOUT, BASIS, Scores
from party_node.joint.scores import JointScores
from party_node.joint.sides import TabledSide
from party_node.matching_input import ORDER
from party_node.people_sets import are_among
from party_node.phase_compute import recheck
from party_node.receipt_parts import facts_with, part_of
from party_node.results import NOTHING, Brought
from party_node.runs import Run
from protocols.auc import auc
from protocols.codec import decode, encode
from protocols.job_params import params_of
from protocols.joint.again import KNOWN
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.joint.basis import Basis, Columns
from protocols.joint.between import TRAINS
from protocols.joint.card import LIMITS, About, shares, spans
from protocols.joint.cells import Cells
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import JointAgainParams, JointParams
from protocols.joint.scored import MODEL, own_values_of, partner_sums, scores
from protocols.joint.scoring import ScoredBy, SumsHidden, Weights
from protocols.joint.tables import Tables
from protocols.joint.telling import TABLES
from protocols.psi.chunks import MATCHED
from protocols.question import read
from protocols.release import draw, made_out, outcome
from protocols.session import Items

_SCORES = "joint-scores"
"""Chunk with the scores to be kept, until all parties have signed."""


def give_size(execution: Execution, run: Run) -> Run:
    """Keep a score for each person of both, and tell the sender how many they are, with noise.

    Where the noisy size is below the minimum nothing is kept. People who withdrew since have none.
    """
    allowed = recheck(execution, run).allowed
    job, parts, asked = execution.job, execution.services, _asked(execution)
    fetch, params = execution.chunks.fetch, params_of(job)
    assert isinstance(params, JointParams | JointAgainParams)
    items = Items(int(run.facts["items"]), params.chunk_items)
    matched = np.frombuffer(fetch(MATCHED), "<u4")
    whose = np.frombuffer(fetch(ORDER), "<u4")[matched]
    values = own_values_of(fetch, items)[matched]
    trained = isinstance(asked, Joint)
    entries = values[:, int(trained) :].astype(np.uint8)
    rows = decode(SumsHidden, run.output).rows
    straight = scores(params.second, rows, fetch, entries)
    theirs = partner_sums(params.second, rows, fetch)
    may = are_among(whose, allowed)
    labels = values[:, 0].astype(bool)
    if trained:
        left, learn = labels - straight, _trains(execution) & may
        more = refined.learnt(execution.chunks, entries, theirs, left, learn, parts.rng)
    else:
        more = refined.added(execution.chunks, entries, theirs)
    found = straight + more
    noisy = draw(int(may.sum()), job, 0)
    told = outcome(noisy, job, job.sender, parts.rng(32))
    ours, brought = None, NOTHING
    if noisy is not None:
        order = np.argsort(whose[may], kind="stable")
        kept = encode(
            JointScores(
                job.job, parts.rng(32), whose[may][order].astype("<u4").tobytes(),
                found[may][order].astype("<f4").tobytes(),
            )
        )  # fmt: skip
        execution.chunks.keep({_SCORES: kept})
        ours = hashlib.sha256(kept).digest()
        said = _of_model(execution, asked, entries, may)
        if trained:
            said |= _of_training(execution, labels, found, straight)
        brought = Brought(joint=said)
    part = part_of(execution, run, receipts.released(job, told, job.receiver, ours))
    letters = [(execution.peer, made_out(told, execution.peer.party))]
    facts = facts_with(execution, run, part, told, brought)
    return execution.go(run, [*letters, part], phase="receipt", **facts)


def heard(execution: Execution, run: Run) -> Brought:
    """Return what the sender has seen, and keep it: by which weights it has scored."""
    by, asked = decode(ScoredBy, run.output), _asked(execution)
    execution.chunks.keep({KNOWN: encode(Weights(by.weights))})
    parts = spans(_about(execution, asked), asked.theirs, by.weights)
    return Brought(
        joint={"by_job": _by(asked), "weights": {"theirs": None, "own": _in_parts(parts)}}
    )


def keep(execution: Execution, *, told: bool) -> None:
    """Keep the scores once all have signed, and what it takes to score again by the same model;
    again after a crash is fine.

    Raises: DiskFull.
    """
    if execution.job.kind != JOINT or not told:
        return
    parts, fetch = execution.services, execution.chunks.fetch
    if execution.is_receiver:
        kept = decode(JointScores, fetch(_SCORES))
        parts.scores.keep(kept.job, kept)
    if isinstance(_asked(execution), JointAgain):
        return  # the model stays that of the earlier job
    job = execution.job.job
    if execution.is_receiver:
        parts.sides.keep(job, refined.side(execution.chunks, job))
    else:
        weights, basis = decode(Weights, fetch(KNOWN)).values, decode(Basis, fetch(BASIS))
        cells, tables = decode(Cells, fetch(CELLS)), decode(Tables, fetch(TABLES))
        about = decode(About, fetch(ABOUT))
        parts.sides.keep(job, TabledSide(job, basis, weights, cells, tables, about))


def _of_model(
    execution: Execution, asked: Joint | JointAgain, entries: Columns, may: NDArray[np.bool_]
) -> dict[str, Any]:
    model = decode(KeptJointModel, execution.chunks.fetch(MODEL))
    own = shares(asked.ours, model.own, entries)
    theirs = spans(_about(execution, asked), asked.theirs, model.weights)
    return {
        "by_job": _by(asked),
        "people": int(may.sum()),
        "weights": {"own": _in_parts(own), "theirs": _in_parts(theirs)},
        "limits": list(LIMITS),
    }


def _of_training(
    execution: Execution, labels: NDArray[np.bool_], found: Scores, straight: Scores
) -> dict[str, Any]:
    asked = _asked(execution)
    assert isinstance(asked, Joint)
    trains = _trains(execution)
    return {
        "trained_on": int(trains.sum()),
        "judged_on": int((~trains).sum()),
        "with_label": int(labels.sum()),
        "auc": _rounded(auc(found[~trains], labels[~trains])),
        "auc_of_training": _rounded(auc(found[trains], labels[trains])),
        "auc_of_straight_line": _rounded(auc(straight[~trains], labels[~trains])),
        "noise": asked.noise,
    }


def _about(execution: Execution, asked: Joint | JointAgain) -> About:
    """Return what the sender's columns are about; of a job that trains, lay it down."""
    if isinstance(asked, Joint):
        tables = decode(Tables, execution.chunks.fetch(TABLES)).about(asked.look)
        found = About.of(asked.theirs, asked.base_room, tables)
        execution.chunks.keep({ABOUT: encode(found)})
        return found
    return refined.about(execution.chunks, asked.theirs)


def _trains(execution: Execution) -> NDArray[np.bool_]:
    return np.frombuffer(execution.chunks.fetch(TRAINS), np.uint8).astype(bool)


def _by(asked: Joint | JointAgain) -> str | None:
    return asked.by if isinstance(asked, JointAgain) else None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _in_parts(found: dict[str, float]) -> dict[str, float]:
    """Return parts of the whole, the largest first."""
    whole = sum(found.values()) or 1.0
    ordered = sorted(found.items(), key=lambda pair: -pair[1])
    return {column: round(value / whole, 4) for column, value in ordered}


def _asked(execution: Execution) -> Joint | JointAgain:
    asked = read(execution.job.question)
    assert isinstance(asked, Joint | JointAgain)
    return asked
