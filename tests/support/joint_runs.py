"""Runs of a whole joint score between two sides in memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.joint import moments
from protocols.joint.records import AcrossParams, JointParams, ScoreParams, WithinParams
from protocols.joint.run import over
from protocols.joint.scoring import pads_chunk, theirs_chunk, write_theirs
from protocols.psi import chunks
from protocols.psi.params import OtParams
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector
from tests.support.clear_sums import CLEAR
from tests.support.pair import CTX, Played, run_pair
from tests.support.seeded import digests, seeded

CHUNK = moments.CHUNK_ROWS
RUN = over(CLEAR, "joint-clear/1")


def params_of(most: int, own: int, theirs: int, rho_nano: int = 0) -> JointParams:
    first = OtParams(most, CHUNK, 12, 4096, 2**20, label_bytes=8)
    within = WithinParams(first, moments.within_params(theirs, most, rho_nano), 20)
    across = AcrossParams(within, moments.across_params(theirs, own, most, rho_nano))
    return JointParams(across, ScoreParams(theirs, CHUNK))


def play_joint(
    mine: list[int], theirs: list[int], own: NDArray[Any], labels: NDArray[Any],
    columns: NDArray[Any], protocol: Any = RUN, params: Any = None, **more: Any,
) -> Played:  # fmt: skip
    """Play a run: people are numbers, `own` and `labels` are of `mine`, `columns` of `theirs`."""
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    pads = np.frombuffer(seeded("pads")(4 * len(theirs)), "<u4")
    said = np.stack([np.arange(len(theirs), dtype="<u4"), pads], axis=1).astype("<u4")
    brand, partner = {}, {}
    for i, at in enumerate(range(0, len(mine), CHUNK)):
        brand[own_values(i)] = write_vector(values[at : at + CHUNK])
    for i, at in enumerate(range(0, len(theirs), CHUNK)):
        here = slice(at, at + CHUNK)
        partner[theirs_chunk(i)] = write_theirs(columns[here])
        partner[chunks.own_labels(i)] = said[here].tobytes()
        partner[pads_chunk(i)] = pads[here].astype("<u4").tobytes()
    made = params or params_of(max(len(mine), len(theirs)) + 5, own.shape[1], columns.shape[1])
    return run_pair(
        protocol, made, CTX, digests(mine), digests(theirs), laid=(brand, partner), **more
    )
