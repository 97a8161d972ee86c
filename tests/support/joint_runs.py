"""Runs of a whole joint score between two sides in memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.codec import encode
from protocols.joint import looks, moments
from protocols.joint.again import KNOWN, joint_again
from protocols.joint.cell_chunks import cells_chunk, write_cells
from protocols.joint.kept import KeptJointModel
from protocols.joint.looks import NOTHING, Look
from protocols.joint.records import (
    AcrossParams,
    JointAgainParams,
    JointParams,
    LookParams,
    PairParams,
    ScoreParams,
    TableParams,
    ToldParams,
    WithinParams,
)
from protocols.joint.run import over
from protocols.joint.scored import MODEL
from protocols.joint.scoring import Weights, base_chunk, pads_chunk, theirs_chunk, write_theirs
from protocols.psi import chunks
from protocols.psi.params import OtParams
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector
from tests.support.clear_sums import CLEAR
from tests.support.pair import CTX, Played, run_pair
from tests.support.seeded import digests, seeded

CHUNK = moments.CHUNK_ROWS
RUN = over(CLEAR, "joint-clear/1")
AGAIN = joint_again()


def params_of(
    most: int, own: int, theirs: int, rho_nano: int = 0, look: Look = NOTHING, tables: int = 0
) -> JointParams:
    """Return parameters of a run; `theirs` are the partner's columns without tables."""
    first = OtParams(most, CHUNK, 12, 4096, 2**20, label_bytes=8)
    one, two = looks.params_of(look, most)
    told = ToldParams(PairParams(LookParams(first, one, 20), two), TableParams(look, tables))
    theirs += tables
    within = WithinParams(told, moments.within_params(theirs, most, rho_nano))
    across = AcrossParams(within, moments.across_params(theirs, own, most, rho_nano))
    return JointParams(across, ScoreParams(theirs, CHUNK))


def play_joint(
    mine: list[int], theirs: list[int], own: NDArray[Any], labels: NDArray[Any],
    columns: NDArray[Any], protocol: Any = RUN, params: Any = None,
    bins: NDArray[Any] | None = None, lies: Mapping[str, bytes] | None = None, **more: Any,
) -> Played:  # fmt: skip
    """Play a run: people are numbers, `own` and `labels` are of `mine`, `columns` of `theirs`, and
    `bins`, where something is looked at. `lies` are chunks that a changed partner lays instead.
    """
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    made = params or params_of(max(len(mine), len(theirs)) + 5, own.shape[1], columns.shape[1])
    laid = lay(len(mine), len(theirs), values, columns)
    _, partner = laid
    for i, at in enumerate(range(0, len(theirs), CHUNK)):
        here = slice(at, at + CHUNK)
        none = np.zeros((len(columns[here]), 0), np.uint16)
        partner[base_chunk(i)] = partner.pop(theirs_chunk(i))
        partner[cells_chunk(i)] = write_cells(
            made.tables.look, none if bins is None else bins[here]
        )
    partner.update(lies or {})
    return run_pair(protocol, made, CTX, digests(mine), digests(theirs), laid=laid, **more)


def again_params(most: int, theirs: int, chunk: int = CHUNK) -> JointAgainParams:
    first = OtParams(most, chunk, 12, 4096, 2**20, label_bytes=8)
    return JointAgainParams(first, ScoreParams(theirs, chunk))


def play_again(
    mine: list[int], theirs: list[int], own: NDArray[Any], columns: NDArray[Any],
    model: KeptJointModel, known: tuple[int, ...], protocol: Any = AGAIN, chunk: int = CHUNK,
    **more: Any,
) -> Played:  # fmt: skip
    """Play a run by a model that is there; `known` are the weights that the partner was shown."""
    brand, partner = lay(len(mine), len(theirs), own.astype(np.int32), columns, chunk)
    brand[MODEL], partner[KNOWN] = encode(model), encode(Weights(known))
    made = again_params(max(len(mine), len(theirs)) + 5, columns.shape[1], chunk)
    return run_pair(
        protocol, made, CTX, digests(mine), digests(theirs), laid=(brand, partner), **more
    )


def lay(
    mine: int, theirs: int, values: NDArray[Any], columns: NDArray[Any], chunk: int = CHUNK
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return what each side finds beside its people: values of the brand's, the partner's columns,
    with labels and pads.
    """
    pads = np.frombuffer(seeded("pads")(4 * theirs), "<u4")
    said = np.stack([np.arange(theirs, dtype="<u4"), pads], axis=1).astype("<u4")
    brand, partner = {}, {}
    for i, at in enumerate(range(0, mine, chunk)):
        brand[own_values(i)] = write_vector(values[at : at + chunk])
    for i, at in enumerate(range(0, theirs, chunk)):
        here = slice(at, at + chunk)
        partner[theirs_chunk(i)] = write_theirs(columns[here])
        partner[chunks.own_labels(i)] = said[here].tobytes()
        partner[pads_chunk(i)] = pads[here].astype("<u4").tobytes()
    return brand, partner
