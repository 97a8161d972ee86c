"""Aligned rows for tests: layouts, entries of both sides, chunks of them, and a run over them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.session import TwoParty
from protocols.sums.layout import (
    NONE,
    SumLayout,
    columns_chunk,
    plain_sums,
    vector_chunk,
    write_columns,
    write_vector,
)
from protocols.sums.records import AlignedRows, SumParams
from tests.support.pair import CTX, Deliver, Played, play


@dataclass(frozen=True)
class Entries:
    """What both sides hold."""

    vector: NDArray[np.int32]
    dense: NDArray[np.int32]
    codes: NDArray[np.uint16]

    def sums(self, layout: SumLayout) -> tuple[int, ...]:
        """Return the plain sums in the order of `Sums.values`."""
        found = plain_sums(layout, self.vector, self.dense, self.codes)
        return tuple(int(value) for value in found.reshape(-1))


def drawn(layout: SumLayout, rows: int, seed: int = 1) -> Entries:
    """Return entries anywhere within the bounds, the bounds themselves among them."""
    rng = np.random.default_rng(seed)
    vector = rng.integers(0, layout.vector_bound + 1, (rows, layout.vectors))
    bounds = np.array(layout.dense, np.int64)
    dense = rng.integers(-bounds, bounds + 1, (rows, len(layout.dense)))
    codes = np.empty((rows, len(layout.one_hot)), np.uint16)
    for feature, size in enumerate(layout.one_hot):
        column = rng.integers(0, size + 1, rows)
        codes[:, feature] = np.where(column == size, NONE, column)
    return Entries(vector.astype(np.int32), dense.astype(np.int32), codes)


def chunks_of(layout: SumLayout, entries: Entries) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the input chunks of the two sides."""
    size, vectors, columns = layout.chunk_rows, {}, {}
    for i, at in enumerate(range(0, len(entries.vector), size)):
        part = slice(at, at + size)
        vectors[vector_chunk(i)] = write_vector(entries.vector[part])
        columns[columns_chunk(i)] = write_columns(entries.dense[part], entries.codes[part])
    return vectors, columns


def run_sums(
    protocol: TwoParty,
    params: SumParams,
    entries: Entries,
    *,
    seed: str = "run",
    deliver: Deliver = lambda message: [message],
) -> Played:
    """Play a run to its end and check that both sides saw the same."""
    rows = AlignedRows(len(entries.vector), params.layout.chunk_rows)
    inputs = [(rows, chunks) for chunks in chunks_of(params.layout, entries)]
    return play(protocol, params, CTX, inputs, seed=seed, deliver=deliver)
