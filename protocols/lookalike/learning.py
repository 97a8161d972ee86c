"""What the partner does between the sums: choose columns, train, score, cut scores into buckets.

It finds what it laid down before the run: `look`, which makes the columns of the first sum, and
beside its input `codes/…` (uint16, rows by features) and `people/…` (uint32, whose row it is, or
`NOBODY`), in the order of the run. The matrix of a sum is made of them chunk by chunk. It keeps
`looked` (the first sum), `training` (makes the columns of the second), `model`, `weights` (what
each feature does) and `scores` (float32, a number for each row that is somebody's, in that order).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.apart import named
from protocols.codec import decode, encode
from protocols.lookalike import evaluation
from protocols.lookalike.card import FeatureWeights
from protocols.lookalike.encoding import Codes
from protocols.lookalike.kept import read_representation, write_model, write_representation
from protocols.lookalike.looking import second_look
from protocols.lookalike.measured import Look
from protocols.lookalike.model import weights
from protocols.lookalike.run import HELD_OUT, LOOK, TRAINING, codes_chunk, people_chunk
from protocols.lookalike.training import train
from protocols.psi import chunks
from protocols.psi.padding import NOBODY
from protocols.session import Fetch, Rng
from protocols.sums.layout import NONE, columns_chunk, write_columns
from protocols.sums.records import AlignedRows, Sums

LOOKED = "looked"
MODEL, SCORES, WEIGHTS = "model", "scores", "weights"
"""Names of chunks."""


def look(rows: AlignedRows, output: Sums, columns: int, fetch: Fetch, rng: Rng) -> dict[str, bytes]:
    """Return the chunks to keep: what the first sum is, and what makes the `columns` of the second.

    Raises: SeedsNotFound, NothingToLearn, by what the noised sum says.
    """
    first = _looked(output, fetch)
    population, _ = _population(len(first.made.bins), rows, fetch)
    made = second_look(first, population, rng)
    return {LOOKED: encode(output), TRAINING: write_representation(made, columns)}


def learn(rows: AlignedRows, output: Sums, fetch: Fetch, rng: Rng) -> dict[str, bytes]:
    """Return the chunks to keep: model, scores, and the matrix of the sum that evaluates.

    Raises: SeedsNotFound, NothingToLearn, by what the noised sums say.
    """
    before = _looked(decode(Sums, fetch(LOOKED)), fetch)
    made, _ = read_representation(fetch(TRAINING))
    population, somebody = _population(len(made.bins), rows, fetch)
    model = train(made, population, _sums(made.columns, output), rng, before)
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


def _looked(output: Sums, fetch: Fetch) -> Look:
    made, _ = read_representation(fetch(LOOK))
    return Look(made, _sums(made.columns, output))


def _sums(columns: int, output: Sums) -> NDArray[np.int64]:
    """Return the sum's values without those of columns that are zeros; the last is the count."""
    values = np.array(output.values, np.int64)
    return np.append(values[: columns - 1], values[-1])


def matrix_chunk(made_by: bytes, people: bytes, coded: bytes) -> bytes:
    """Return a chunk of a matrix, from what makes it and the rows' people and codes: zeros in rows
    of nobody, and in columns that are not needed.
    """
    made, width = read_representation(made_by)
    codes, somebody = _read(len(made.bins), people, coded)
    rows = np.zeros((len(codes), width), np.int32)
    found = made.rows(codes[somebody])
    rows[somebody, : made.columns - 1] = found[:, :-1]
    rows[somebody, -1] = found[:, -1]
    return write_columns(rows, np.zeros((len(codes), 0), np.uint16))


def _chunk(features: int, fetch: Fetch, index: int) -> tuple[Codes, NDArray[np.bool_]]:
    return _read(features, fetch(people_chunk(index)), fetch(codes_chunk(index)))


def _read(features: int, people: bytes, coded: bytes) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the codes of a chunk's rows, and which of them are somebody's."""
    whose = np.frombuffer(people, "<u4")
    return np.frombuffer(coded, "<u2").reshape(len(whose), features), whose != NOBODY


def _population(features: int, rows: AlignedRows, fetch: Fetch) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the codes of everybody, and which rows are somebody's."""
    count = chunks.chunk_count(rows.count, rows.chunk_rows)
    codes, somebody = zip(*(_chunk(features, fetch, i) for i in range(count)), strict=True)
    everybody = [part[here] for part, here in zip(codes, somebody, strict=True)]
    return np.concatenate(everybody), np.concatenate(somebody)
