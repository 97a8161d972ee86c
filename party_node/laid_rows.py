"""Permitted people laid down as rows in a secret order, filled up with rows of nobody."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from party_node.execution import Execution
from party_node.job_checks import check_items
from protocols.psi import chunks, padding
from protocols.psi.params import MatchingParams
from protocols.shuffle import SEED_BYTES, permutation

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Rows:
    """Which row is whose, known to this side alone."""

    order: NDArray[np.uint32]
    """Row n is that of the person at this place; of nobody from `people` on."""
    people: int

    def __len__(self) -> int:
        return len(self.order)

    def somebody(self, rows: slice = slice(None)) -> NDArray[np.bool_]:
        """Return which rows are a person's."""
        return self.order[rows] < self.people

    def spread(self, of: NDArray[S], nobody: int, rows: slice = slice(None)) -> NDArray[S]:
        """Return what each row says, of `of` by person: shape (rows, …); `nobody` in the others."""
        somebody = self.somebody(rows)
        found = np.full((len(somebody), *of.shape[1:]), nobody, of.dtype)
        found[somebody] = of[self.order[rows][somebody]]
        return found


def lay_rows(
    execution: Execution, digests: NDArray[np.uint8], tossed: range, params: MatchingParams
) -> Rows:
    """Lay down people by their digests, filled up, in a secret order.

    Raises: JobRefused if they are more than the job allows; DiskFull.
    """
    rng = execution.services.rng
    added = padding.added(len(digests), tossed, params, execution.ctx, rng)
    rows = Rows(permutation(rng(SEED_BYTES), len(digests) + len(added)), len(digests))
    check_items(execution.job, len(rows))
    keep_digests(execution, np.concatenate([digests, added])[rows.order], params.chunk_items)
    return rows


def keep_digests(execution: Execution, digests: NDArray[np.uint8], size: int) -> None:
    """Write the digests durably, in chunks of so many; again under the same names.

    Raises: DiskFull.
    """
    for i, at in enumerate(range(0, len(digests), size)):
        part = np.ascontiguousarray(digests[at : at + size]).tobytes()
        execution.chunks.keep({chunks.own(i): part})
