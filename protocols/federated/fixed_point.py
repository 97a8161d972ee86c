"""Weights as whole numbers: how they are sent, added up and averaged.

On the wire a vector is int64, little endian. What is masked and added is the same vector modulo
2^64, as uint64.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError, MalformedMessage
from protocols.federated.terms import FederatedTerms

Whole = NDArray[np.int64]
Modular = NDArray[np.uint64]
Weights = NDArray[np.float64]


def start(terms: FederatedTerms) -> bytes:
    """Return the weights that the first round starts from: all 0."""
    return bytes(8 * terms.columns)


def read(terms: FederatedTerms, data: bytes) -> Whole:
    """Read a vector from the wire. Raises: MalformedMessage unless it has every column."""
    if len(data) != 8 * terms.columns:
        raise MalformedMessage(f"a vector has {terms.columns} entries of 8 bytes")
    return np.frombuffer(data, "<i8").astype(np.int64)


def read_weights(terms: FederatedTerms, data: bytes) -> Weights:
    """Read weights from the wire. Raises: MalformedMessage, also for one beyond the bound."""
    whole = read(terms, data)
    limit = terms.bound << terms.fraction_bits
    if ((whole > limit) | (whole < -limit)).any():
        raise MalformedMessage("a weight is beyond the agreed bound")
    return whole / 2.0**terms.fraction_bits


def update_of(terms: FederatedTerms, number: int, weights: Weights) -> Whole:
    """Return what partner `number` adds: its clipped weights, times its size, as whole numbers.

    Raises: LocalError for a weight that is no number.
    """
    if weights.shape != (terms.columns,) or not np.isfinite(weights).all():
        raise LocalError("the weights are not one number for each column")
    clipped = np.clip(weights, -terms.bound, terms.bound)
    return np.rint(clipped * (terms.sizes[number] * 2.0**terms.fraction_bits)).astype(np.int64)


def average(terms: FederatedTerms, total: Whole, size: int) -> bytes:
    """Return the weights that a sum of updates means, clipped, as they are sent."""
    limit = terms.bound << terms.fraction_bits
    # Half of the size is added, so that the division, which rounds down, rounds to the nearest.
    rounded = (total + size // 2) // size
    return np.clip(rounded, -limit, limit).astype("<i8").tobytes()


def to_modular(vector: Whole) -> Modular:
    """Return a vector modulo 2^64."""
    return vector.astype(np.int64).view(np.uint64)


def from_modular(vector: Modular) -> Whole:
    """Return the vector between -2^63 and 2^63 that is this one modulo 2^64."""
    return vector.view(np.int64)
