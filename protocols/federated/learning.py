"""People as codes and labels, and what a model says of them: logistic regression on codes.

The log-odds of a yes are a constant plus the weights of the codes that a person has, one of each
feature at most. What is learnt from people is in `updates.py`, how weights follow from it in
`estimate.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.federated.fixed_point import Weights
from protocols.federated.terms import FederatedTerms

NONE = 0xFFFF
"""Code of a person who has no value of this feature."""

Codes = NDArray[np.uint16]
Columns = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class People:
    """A partner's people: codes of shape (people, features), and for each a label, 0 or 1.

    One row for each person: what is said of noise is said of rows. Raises: LocalError.
    """

    codes: Codes
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.labels.shape != (len(self.codes),):
            raise LocalError("there is one label for each row of codes")
        if self.labels.size and self.labels.max() > 1:
            raise LocalError("a label is 0 or 1")


def columns_of(terms: FederatedTerms, codes: Codes) -> Columns:
    """Return the columns that are 1 for each person, shape (people, 1 + features).

    The column behind the last stands for no value. Raises: LocalError for an unknown code.
    """
    sizes = np.array(terms.one_hot, np.int64)
    if codes.shape[1] != len(sizes):
        raise LocalError("there is not one code for each feature")
    none = codes == NONE
    if ((codes >= sizes) & ~none).any():
        raise LocalError("a code is not one of its feature's")
    starts = 1 + np.concatenate(([0], np.cumsum(sizes[:-1])))
    found = np.zeros((len(codes), 1 + len(sizes)), np.int64)
    found[:, 1:] = np.where(none, terms.columns, codes.astype(np.int64) + starts)
    return found


def score(terms: FederatedTerms, weights: Weights, codes: Codes) -> Weights:
    """Return the logit of each person."""
    wide = np.append(weights, 0.0)
    found: Weights = wide[columns_of(terms, codes)].sum(axis=1)
    return found
