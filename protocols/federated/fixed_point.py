"""Weights and sums as whole numbers: how they are sent and added up.

On the wire a vector is int64, little endian. What is masked and added is the same vector modulo
2^64, as uint64.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import MalformedMessage
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


def read_whole(terms: FederatedTerms, data: bytes) -> Whole:
    """Read weights times 2^fraction_bits. Raises: MalformedMessage, also for one out of bounds."""
    whole = read(terms, data)
    limit = terms.bound << terms.fraction_bits
    if ((whole > limit) | (whole < -limit)).any():
        raise MalformedMessage("a weight is beyond the agreed bound")
    return whole


def read_weights(terms: FederatedTerms, data: bytes) -> Weights:
    """Read weights from the wire. Raises: MalformedMessage, also for one beyond the bound."""
    return read_whole(terms, data) / 2.0**terms.fraction_bits


def sent(terms: FederatedTerms, weights: Weights) -> bytes:
    """Return weights as they are sent: clipped to the bound, as whole numbers."""
    clipped = np.clip(np.nan_to_num(weights), -terms.bound, terms.bound)
    return np.rint(clipped * 2.0**terms.fraction_bits).astype("<i8").tobytes()


def to_modular(vector: Whole) -> Modular:
    """Return a vector modulo 2^64."""
    return vector.astype(np.int64).view(np.uint64)


def from_modular(vector: Modular) -> Whole:
    """Return the vector between -2^63 and 2^63 that is this one modulo 2^64."""
    return vector.view(np.int64)
