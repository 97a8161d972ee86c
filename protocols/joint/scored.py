"""What the brand reads off a run: what it has laid down of its people, and in the end their
scores.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.codec import decode
from protocols.errors import LocalError
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import ScoreParams
from protocols.joint.scoring import SUMS, opened
from protocols.psi import chunks
from protocols.psi.params import Labelled
from protocols.session import Fetch, Items
from protocols.sums.alignment import own_values

AT, PADS, MODEL = "at", "match-pads", "joint-model"
"""Chunks of the brand: of each of its people who match its row and its pad (four bytes); the model.
"""


def rows_and_pads(output: Labelled, fetch: Fetch) -> tuple[NDArray[np.uint32], dict[str, bytes]]:
    """Return which of the partner's rows each match is, and the chunks that `scores` needs."""
    labels = np.frombuffer(fetch(chunks.LABELS), "<u4").reshape(output.count, 2)
    at, pads = (labels[:, n].astype("<u4") for n in (0, 1))
    return at, {AT: at.tobytes(), PADS: pads.tobytes()}


def own_values_of(fetch: Fetch, items: Items) -> NDArray[np.int32]:
    """Return of each of the brand's items the label, 0 or 1, where one is laid, and its columns.

    Raises: LocalError if a chunk does not fit.
    """
    data = b"".join(fetch(own_values(i)) for i in range(items.chunk_count()))
    width = len(data) // (4 * items.count) if items.count else 1
    if len(data) != 4 * width * items.count:
        raise LocalError("the input has not a value for each item and column")
    return np.frombuffer(data, "<i4").reshape(items.count, width)


def scores(
    params: ScoreParams, rows: int, fetch: Fetch, mine: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the score of each of the brand's items that match, in the order of `matched`.

    `mine` has the brand's columns of each of them. Raises: LocalError if a kept chunk does not fit.
    """
    model = decode(KeptJointModel, fetch(MODEL))
    theirs = partner_sums(params, rows, fetch)
    return model.score(mine.astype(np.int64) @ model.own_weights() + theirs)


def partner_sums(params: ScoreParams, rows: int, fetch: Fetch) -> NDArray[np.int64]:
    """Return the weighted sum of the partner's columns of each of the brand's items that match, in
    the order of `matched`. Raises: LocalError if a kept chunk does not fit.
    """
    size = params.chunk_rows
    data = b"".join(fetch(chunks.kept(SUMS, i)) for i in range(chunks.chunk_count(rows, size)))
    hidden = np.frombuffer(data, "<u4")
    at, pads = np.frombuffer(fetch(AT), "<u4"), np.frombuffer(fetch(PADS), "<u4")
    there = at < rows
    theirs = np.zeros(len(at), np.int64)
    theirs[there] = opened(hidden[at[there]], pads[there])
    return theirs
