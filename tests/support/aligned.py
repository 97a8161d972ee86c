"""Inputs of aligned sums, drawn from a seed, and runs of either route on them."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.session import TwoParty
from protocols.sums.cot import SUMS
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
from tests.support.pair import CTX, Played, play


@dataclasses.dataclass(frozen=True)
class Given:
    """What both sides hold over the same rows."""

    layout: SumLayout
    vector: NDArray[np.int32]
    dense: NDArray[np.int32]
    codes: NDArray[np.uint16]

    @property
    def rows(self) -> AlignedRows:
        return AlignedRows(len(self.vector), self.layout.chunk_rows)

    def vectors(self) -> dict[str, bytes]:
        return {vector_chunk(i): write_vector(self.vector[part]) for i, part in self._parts()}

    def columns(self) -> dict[str, bytes]:
        return {
            columns_chunk(i): write_columns(self.dense[part], self.codes[part])
            for i, part in self._parts()
        }

    def sums(self) -> tuple[int, ...]:
        """Return the sums in the clear, vector by vector."""
        found = plain_sums(self.layout, self.vector, self.dense, self.codes)
        return tuple(found.reshape(-1).tolist())

    def _parts(self) -> list[tuple[int, slice]]:
        size = self.layout.chunk_rows
        starts = range(0, len(self.vector), size)
        return [(i, slice(at, at + size)) for i, at in enumerate(starts)]


def drawn(layout: SumLayout, rows: int, seed: int = 0) -> Given:
    """Return entries all over their bounds, with both ends of each among them."""
    rng = np.random.default_rng([seed, rows, layout.columns])
    vector = rng.integers(0, layout.vector_bound, (rows, layout.vectors), np.int32, endpoint=True)
    dense = np.zeros((rows, len(layout.dense)), np.int32)
    for column, bound in enumerate(layout.dense):
        dense[:, column] = rng.integers(-bound, bound, rows, np.int32, endpoint=True)
        dense[:1, column], dense[1:2, column] = bound, -bound
    vector[:2] = layout.vector_bound
    codes = np.zeros((rows, len(layout.one_hot)), np.uint16)
    for feature, size in enumerate(layout.one_hot):
        codes[:, feature] = rng.integers(0, size, rows, np.uint16)
        codes[rng.random(rows) < 0.1, feature] = NONE
    return Given(layout, vector, dense, codes)


def params_of(layout: SumLayout, *, to_holder: bool = True, sigma_milli: int = 0) -> SumParams:
    """Return parameters with one scale of noise for all columns."""
    return SumParams(layout, to_holder, (sigma_milli,) * layout.columns)


def run_sums(own: Given, params: SumParams, protocol: TwoParty = SUMS, **more: Any) -> Played:
    """Play a run: `receiver` is the side with the vectors, whoever learns the sums."""
    inputs = [(own.rows, own.vectors()), (own.rows, own.columns())]
    return play(protocol, params, CTX, inputs, **more)
