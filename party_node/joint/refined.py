"""What trees add to the straight scores of a `joint` run: at the receiver, when the run is over.

What comes of it is laid down as a chunk, so that it is kept when all have signed; a job that scores
by an earlier model finds it there. What it is: `protocols/joint/refining.py`.
"""

import numpy as np
from numpy.typing import NDArray

from party_node.chunks import ChunkStore
from party_node.errors import NotFound
from party_node.joint.sides import ModelSide, ReceiverSide, RefinedSide
from protocols.codec import decode, encode
from protocols.joint.basis import Basis, Columns
from protocols.joint.card import About
from protocols.joint.kept import KeptJointModel
from protocols.joint.refining import Labels, Refinement, refine
from protocols.joint.scored import MODEL
from protocols.joint.widths import MOST_COLUMNS
from protocols.lookalike.features import FeatureSpecification
from protocols.session import Rng

BASIS = "joint-basis"
"""Chunk with what this side's columns stand for, until all parties have signed."""
ABOUT = "joint-about"
"""Chunk with what the sender's columns are about."""
REFINED = "joint-refined"
"""Chunk with what is added to scores, where anything is."""

Scores = NDArray[np.float64]
Sums = NDArray[np.int64]


def learnt(
    chunks: ChunkStore, own: Columns, theirs: Sums, left: Scores, trains: Labels, rng: Rng
) -> Scores:
    """Return what is added to the scores of those whom a model was trained on and judged by, and
    lay down how it came about. `left` is as `refine` takes it. Raises: DiskFull.
    """
    chunks.drop(REFINED)  # of a step that a crash has interrupted
    draws = np.random.Generator(np.random.PCG64(int.from_bytes(rng(32), "little")))
    found = refine(decode(Basis, chunks.fetch(BASIS)), own, theirs, left, trains, draws)
    if found is None:
        return np.zeros(len(own))
    made, more = found
    chunks.keep({REFINED: encode(made)})
    return more


def added(chunks: ChunkStore, own: Columns, theirs: Sums) -> Scores:
    """Return what is added to scores by an earlier model, as `lay` has laid it."""
    made = _laid(chunks)
    if made is None:
        return np.zeros(len(own))
    return made.add(decode(Basis, chunks.fetch(BASIS)), own, theirs)


def lay(chunks: ChunkStore, mine: ReceiverSide) -> None:
    """Lay down the model of an earlier job. Raises: DiskFull."""
    laid = {MODEL: encode(mine.model), BASIS: encode(mine.basis)}
    if isinstance(mine, RefinedSide | ModelSide) and mine.refinement is not None:
        laid[REFINED] = encode(mine.refinement)
    if isinstance(mine, ModelSide):
        laid[ABOUT] = encode(mine.about)
    chunks.keep(laid)


def side(chunks: ChunkStore, job: str) -> ModelSide:
    """Return what the receiver keeps of a job that has trained."""
    basis, about = decode(Basis, chunks.fetch(BASIS)), decode(About, chunks.fetch(ABOUT))
    return ModelSide(job, basis, decode(KeptJointModel, chunks.fetch(MODEL)), _laid(chunks), about)


def about(chunks: ChunkStore, theirs: FeatureSpecification) -> About:
    """Return what the sender's columns are about, by a job of either kind."""
    try:
        return decode(About, chunks.fetch(ABOUT))
    except NotFound:  # of a model without tables, from an earlier protocol
        return About.of(theirs, MOST_COLUMNS, [])


def _laid(chunks: ChunkStore) -> Refinement | None:
    try:
        return decode(Refinement, chunks.fetch(REFINED))
    except NotFound:
        return None
