"""Encodings of what the partner keeps: how a population is described, and the model.

Both hold people of the population as landmarks, so they stay at the partner, sealed. Arrays are
bytes, little-endian, in the order of their last axis first, with shape and type beside them.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record, decode, encode
from protocols.errors import LocalError
from protocols.lookalike.encoding import Bins
from protocols.lookalike.features import Feature
from protocols.lookalike.kernel import Embedding
from protocols.lookalike.model import Model
from protocols.lookalike.representation import Representation

_TYPES = ("<f4", "<f8", "<i4")


@dataclass(frozen=True, slots=True)
class Array(Record):
    """An array of numbers. Raises: LocalError if its bytes do not fill its shape."""

    KIND: ClassVar[str] = "array/1"
    type: str
    shape: tuple[int, ...]
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        size = np.dtype(self.type).itemsize if self.type in _TYPES else 0
        if not size or any(n < 0 for n in self.shape):
            raise LocalError("this is no array of numbers")
        if len(self.data) != size * int(np.prod(self.shape, dtype=np.int64)):
            raise LocalError("the bytes of an array do not fill its shape")

    @classmethod
    def of(cls, values: NDArray[Any]) -> "Array":
        """Return an array of 32-bit or 64-bit floats, or 32-bit integers, as a record."""
        laid = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        return cls(f"<{laid.dtype.kind}{laid.dtype.itemsize}", laid.shape, laid.tobytes())

    def read(self) -> NDArray[Any]:
        """Return the numbers; they cannot be written to."""
        return np.frombuffer(self.data, self.type).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class KeptBins(Record):
    """`Bins`."""

    KIND: ClassVar[str] = "lookalike-bins/1"
    feature: Feature
    edges: Array | None
    categories: tuple[str, ...]

    @classmethod
    def of(cls, bins: Bins) -> "KeptBins":
        """Return bins as a record."""
        edges = None if bins.edges is None else Array.of(bins.edges)
        return cls(bins.feature, edges, bins.categories)

    def read(self) -> Bins:
        """Return the bins."""
        edges = None if self.edges is None else self.edges.read()
        return Bins(self.feature, edges, self.categories)


@dataclass(frozen=True, slots=True)
class KeptRepresentation(Record):
    """`Representation`, field by field, and how many columns the sum has that it makes the rows of.

    `length` is an array of one number.
    """

    KIND: ClassVar[str] = "lookalike-representation/2"
    bins: tuple[KeptBins, ...]
    embedding: tuple[Array, ...]
    arrays: tuple[Array, ...]
    rho_nano: int
    seeds_step: int
    rest_nano: int
    columns: int
    """With the counting one, and those of zeros that the population does not need."""


@dataclass(frozen=True, slots=True)
class KeptModel(Record):
    """`Model`, field by field; `bias` is an array of one number."""

    KIND: ClassVar[str] = "lookalike-model/1"
    bins: tuple[KeptBins, ...]
    embedding: tuple[Array, ...]
    arrays: tuple[Array, ...]


def write_representation(made: Representation, columns: int) -> bytes:
    """Return the encoding of a representation for a sum of so many columns."""
    arrays: tuple[NDArray[Any], ...] = (
        made.landmarks, made.from_embedding, made.from_landmarks, made.mean,
        np.array(made.length, np.float64), made.spectrum,
    )  # fmt: skip
    return encode(
        KeptRepresentation(
            _bins(made.bins), _embedding(made.embedding), tuple(map(Array.of, arrays)),
            made.rho_nano, made.seeds_step, made.rest_nano, columns,
        )
    )  # fmt: skip


def read_representation(data: bytes) -> tuple[Representation, int]:
    """Return the representation, and how many columns the sum has. Raises: MalformedMessage."""
    kept = decode(KeptRepresentation, data)
    landmarks, embedded, landed, mean, length, spectrum = (a.read() for a in kept.arrays)
    made = Representation(
        tuple(b.read() for b in kept.bins), Embedding(*(a.read() for a in kept.embedding)),
        landmarks, embedded, landed, mean, length.item(), spectrum,
        kept.rho_nano, kept.seeds_step, kept.rest_nano,
    )  # fmt: skip
    return made, kept.columns


def write_model(model: Model) -> bytes:
    """Return the encoding of a model."""
    arrays: tuple[NDArray[Any], ...] = (
        model.landmarks, model.embedding_weights, model.landmark_weights,
        np.array(model.bias, np.float64),
    )  # fmt: skip
    return encode(
        KeptModel(_bins(model.bins), _embedding(model.embedding), tuple(map(Array.of, arrays)))
    )


def read_model(data: bytes) -> Model:
    """Return the model. Raises: MalformedMessage."""
    kept = decode(KeptModel, data)
    landmarks, embedded, landed, bias = (a.read() for a in kept.arrays)
    return Model(
        tuple(b.read() for b in kept.bins), Embedding(*(a.read() for a in kept.embedding)),
        landmarks, embedded, landed, bias.item(),
    )  # fmt: skip


def _bins(bins: tuple[Bins, ...]) -> tuple[KeptBins, ...]:
    return tuple(map(KeptBins.of, bins))


def _embedding(found: Embedding) -> tuple[Array, ...]:
    return tuple(map(Array.of, (found.offsets, found.table, found.mean)))
