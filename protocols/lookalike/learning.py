"""What the partner does between the two sums: train, score its population, cut it into buckets.

It finds what it laid down before the run: `representation`, and beside its input `codes/…` (uint16,
rows by features) and `people/…` (uint32, whose row it is, or `NOBODY`), in the order of the run. It
keeps `model`, `weights` (what each feature does) and `scores` (float32, a number for each row that
is somebody's, in that order).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.apart import named
from protocols.codec import encode
from protocols.lookalike import evaluation
from protocols.lookalike.card import FeatureWeights
from protocols.lookalike.encoding import Codes
from protocols.lookalike.kept import read_representation, write_model
from protocols.lookalike.model import weights
from protocols.lookalike.representation import Representation
from protocols.lookalike.run import HELD_OUT
from protocols.lookalike.training import train
from protocols.psi import chunks
from protocols.psi.padding import NOBODY
from protocols.session import Fetch, Rng
from protocols.sums.layout import NONE, columns_chunk, write_columns
from protocols.sums.records import AlignedRows, Sums

REPRESENTATION, MODEL, SCORES, WEIGHTS = "representation", "model", "scores", "weights"
"""Names of chunks."""


def codes_chunk(index: int) -> str:
    """Return the name of a chunk of codes."""
    return chunks.kept("codes", index)


def people_chunk(index: int) -> str:
    """Return the name of a chunk that says whose rows they are."""
    return chunks.kept("people", index)


def training_columns(
    made: Representation, codes: Codes, somebody: NDArray[np.bool_], columns: int
) -> bytes:
    """Return a chunk of the matrix of the training sum, which has so many columns in all.

    Rows of nobody are zeros, and so are columns that the representation does not need.
    """
    rows = np.zeros((len(codes), columns), np.int32)
    found = made.rows(codes[somebody])
    rows[somebody, : made.columns - 1] = found[:, :-1]
    rows[somebody, -1] = found[:, -1]
    return write_columns(rows, np.zeros((len(codes), 0), np.uint16))


def learn(rows: AlignedRows, output: Sums, fetch: Fetch, rng: Rng) -> dict[str, bytes]:
    """Return the chunks to keep: model, scores, and the matrix of the second sum.

    Raises: SeedsNotFound, NothingToLearn, by what the noised sum says.
    """
    made = read_representation(fetch(REPRESENTATION))
    population, somebody = _population(made, rows, fetch)
    values = np.array(output.values, np.int64)
    sums = np.append(values[: made.columns - 1], values[-1])
    model = train(made, population, sums, rng)
    scores = model.score(population)
    told = np.full(rows.count, NONE, np.uint16)
    told[somebody] = evaluation.buckets(scores)
    size = rows.chunk_rows
    laid = {}
    for i in range(chunks.chunk_count(rows.count, size)):
        part = told[i * size : (i + 1) * size, None]
        laid[columns_chunk(i)] = write_columns(np.zeros((len(part), 0), np.int32), part)
    told_apart = FeatureWeights(weights(model, population, rng))
    kept = {
        MODEL: write_model(model),
        SCORES: scores.astype("<f4").tobytes(),
        WEIGHTS: encode(told_apart),
    }
    return named(laid, HELD_OUT) | kept


def _population(
    made: Representation, rows: AlignedRows, fetch: Fetch
) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the codes of everybody, and which rows are somebody's."""
    parts, somebody = [], []
    for i in range(chunks.chunk_count(rows.count, rows.chunk_rows)):
        people = np.frombuffer(fetch(people_chunk(i)), "<u4")
        here = people != NOBODY
        codes = np.frombuffer(fetch(codes_chunk(i)), "<u2").reshape(len(people), len(made.bins))
        parts.append(codes[here])
        somebody.append(here)
    return np.concatenate(parts), np.concatenate(somebody)
