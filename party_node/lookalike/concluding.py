"""What the receiver makes of a `lookalike` run's end: curve, card, audience, and the model to keep.

All of it follows from sums that were paid for, and from its own population: it costs nothing more.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

from party_node import receipts
from party_node.audience_members import AUDIENCE, SALT_BYTES
from party_node.execution import Execution
from party_node.job_kinds import LOOKALIKE
from party_node.lookalike import card_words
from party_node.lookalike.models import MadeModel
from party_node.people_sets import are_among
from party_node.phase_compute import recheck
from party_node.receipt_parts import facts_with, part_of
from party_node.results import Brought
from party_node.runs import Run
from protocols.codec import decode, encode
from protocols.job import LedgerHead
from protocols.lookalike import evaluation
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.card import FeatureWeights, ModelCard, card
from protocols.lookalike.learning import MODEL, SCORES, WEIGHTS
from protocols.lookalike.model import audience
from protocols.lookalike.records import LookalikeParams
from protocols.lookalike.run import people_chunk
from protocols.psi import chunks
from protocols.psi.padding import NOBODY
from protocols.question import read
from protocols.release import ModelRelease
from protocols.sums.records import Sums

_MADE = "made-model"
"""Chunk with the model to be kept, until all parties have signed."""


def give_model(execution: Execution, run: Run) -> Run:
    """Say how good the model is, to both; keep an audience of the people who score best.

    Asked again: who withdrew since is in no audience, and the narrowed use record says so. Where
    fewer than the agreed minimum are left there is none; the model stays.
    """
    allowed = recheck(execution, run).allowed
    job, parts = execution.job, execution.services
    asked = read(job.question)
    assert isinstance(asked, Lookalike)
    sums = decode(Sums, run.output)
    scores = np.frombuffer(execution.chunks.fetch(SCORES), "<f4")
    made = MadeModel(job.job, parts.rng(SALT_BYTES), execution.chunks.fetch(MODEL))
    told = ModelRelease(
        job.sender, job.rho_nano, _card(execution, run, asked, scores, sums),
        hashlib.sha256(made.salt + made.model).digest(), parts.rng(SALT_BYTES),
    )  # fmt: skip
    kept = {_MADE: encode(made)}
    size = None
    if asked.audience:
        members = _best(scores, _whose(execution, sums.rows), asked.audience, allowed)
        size = len(members) if len(members) >= job.minimum_size else 0
        if size:
            kept[AUDIENCE] = parts.rng(SALT_BYTES) + members.serialize()
    execution.chunks.keep(kept)
    part = part_of(execution, run, receipts.released(job, told, execution.me, None))
    brought = Brought(audience=size, model=card_words.document(told.card))
    facts = facts_with(execution, run, part, told, brought)
    return execution.go(run, [told, part], phase="receipt", **facts)


def keep_model(execution: Execution) -> None:
    """Keep the model once all have signed; again after a crash is fine. Raises: DiskFull."""
    if execution.job.kind == LOOKALIKE and execution.is_receiver:
        made = decode(MadeModel, execution.chunks.fetch(_MADE))
        execution.services.models.keep(made.job, made)


def _card(
    execution: Execution, run: Run, asked: Lookalike, scores: NDArray[np.float32], sums: Sums
) -> ModelCard:
    job = execution.job
    head = decode(LedgerHead, bytes.fromhex(run.facts["head"]))
    return card(
        purpose=job.purpose,
        brand=job.sender,
        partner=job.receiver,
        features=asked.features,
        seeds_step=asked.step,
        columns=_columns(execution),
        rho_nano=job.rho_nano,
        delta_exponent=execution.agreed.delta_exponent,
        checkpoints=(head.root,),
        weights=decode(FeatureWeights, execution.chunks.fetch(WEIGHTS)).weights,
        curve=evaluation.curve(scores, np.array(sums.values, np.int64), job.rho_nano),
    )


def _columns(execution: Execution) -> int:
    """Return how many columns the sums that train have, both together."""
    look, training, _ = _params(execution).sums
    return look.layout.columns + training.layout.columns


def _params(execution: Execution) -> LookalikeParams:
    return decode(LookalikeParams, execution.job.params)


def _whose(execution: Execution, rows: int) -> NDArray[np.uint32]:
    """Return whose score each one is."""
    size = _params(execution).chunk_items
    parts = [
        np.frombuffer(execution.chunks.fetch(people_chunk(i)), "<u4")
        for i in range(chunks.chunk_count(rows, size))
    ]
    people = np.concatenate(parts)
    found: NDArray[np.uint32] = people[people != NOBODY]
    return found


def _best(
    scores: NDArray[np.float32], whose: NDArray[np.uint32], size: int, allowed: FrozenBitMap
) -> BitMap:
    """Return the people who score best, of those who may still be used."""
    permitted = are_among(whose, allowed)
    most = min(size, int(permitted.sum()))
    return BitMap(whose[audience(scores, most, ~permitted)]) if most else BitMap()
