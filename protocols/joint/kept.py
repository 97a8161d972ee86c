"""A joint model as it is kept and used: whole numbers, so that both sides add up the same."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.joint.fitting import JointModel
from protocols.joint.scoring import LARGEST_SUM
from protocols.joint.widths import UNIT

_NANO = 10**9


@dataclass(frozen=True, slots=True)
class KeptJointModel(Record):
    """Weights in parts of `per_unit`. Raises: InvalidParameter if the scale is not above 0."""

    KIND: ClassVar[str] = "joint-model/1"
    constant_nano: int
    """The score of nobody in particular, in billionths."""
    own: tuple[int, ...]
    weights: tuple[int, ...]
    """Of the partner's columns."""
    per_one: int
    """Weights times entries of columns, divided by this, are scores."""

    def __post_init__(self) -> None:
        if self.per_one < 1:
            raise InvalidParameter("a scale is above 0")

    def own_weights(self) -> NDArray[np.int64]:
        """Return the weights of the brand's columns."""
        return np.array(self.own, np.int64)

    def score(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return scores from weighted sums over all columns."""
        return np.asarray(self.constant_nano / _NANO + sums / self.per_one)


def rounded(model: JointModel) -> KeptJointModel:
    """Return a model whose weights are as fine as 32-bit sums allow."""
    total = float(np.abs(model.theirs).sum() + np.abs(model.own).sum())
    per_one = max(1, int(LARGEST_SUM / 2 / max(total, 1e-9)))
    per_one = min(per_one, 2**40)
    own, theirs = (np.rint(w * per_one / UNIT).astype(np.int64) for w in (model.own, model.theirs))
    return KeptJointModel(
        round(model.constant * _NANO), tuple(own.tolist()), tuple(theirs.tolist()), per_one
    )
