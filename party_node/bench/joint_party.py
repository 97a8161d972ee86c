"""The process of one side of a measured joint score: `python -m party_node.bench.joint_party`.

As `sums_party.py`: it lays its people in an order of its own, says `ready` and its port, waits for
`go`, carries the run (`direct_run.py`) and prints what it cost. The brand's compares the model with
a fit of the pooled columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from party_node.bench.direct_run import DirectRun
from party_node.bench.joint_people import CHUNK, JointAsked, encoded, named, params_for, partner
from party_node.bench.side_process import be_side
from protocols.codec import decode
from protocols.joint.between import TRAINS
from protocols.joint.cell_chunks import cells_chunk, write_cells
from protocols.joint.kept import KeptJointModel
from protocols.joint.scored import MODEL
from protocols.joint.scoring import base_chunk, pads_chunk, write_theirs
from protocols.joint.widths import UNIT
from protocols.psi import chunks
from protocols.psi.chunks import MATCHED
from protocols.registry import find
from protocols.session import Items, Role
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector


class JointSide:
    """One side of one run."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.asked, self._run = JointAsked(**said["asked"]), DirectRun(said)
        self._tables = [named(table) for table in self.asked.tables()]
        self._own, self._theirs = encoded(self._tables[0]), partner(self._tables[1])
        self._labels = self.asked.labels().astype(np.uint8)
        self._brand = self._run.role is Role.INITIATOR
        self._order = np.random.default_rng([3, self._brand]).permutation(self.asked.people)
        self._lay()
        self.port = self._run.port

    def run(self, port: int) -> dict[str, Any]:
        """Carry the run to its end; `port` is the other side's."""
        params = params_for(*self._tables)
        items = Items(self.asked.people, CHUNK)
        found, _ = self._run.carry(find(self.asked.route), port, params, items)
        if self._brand:
            found["exact"] = self._is_that_of_pooled_columns()
        self._run.chunks.erase()
        return found

    def _lay(self) -> None:
        """Write this side's people, in its order, and what lies beside them."""
        digests = self.asked.digests()
        draws = np.random.default_rng()
        for i, at in enumerate(range(0, self.asked.people, CHUNK)):
            who = self._order[at : at + CHUNK]
            laid = {chunks.own(i): b"".join(digests[n] for n in who)}
            if self._brand:
                values = np.concatenate([self._labels[who, None], self._own[who]], axis=1)
                laid[own_values(i)] = write_vector(values.astype(np.int32))
            else:
                pads = draws.integers(0, 2**32, len(who), np.uint32).astype("<u4")
                numbers = np.arange(at, at + len(who), dtype="<u4")
                laid[base_chunk(i)] = write_theirs(self._theirs.base[who])
                laid[cells_chunk(i)] = write_cells(self._theirs.look, self._theirs.bins[who])
                laid[chunks.own_labels(i)] = np.stack([numbers, pads], axis=1).tobytes()
                laid[pads_chunk(i)] = pads.tobytes()
            self._run.chunks.keep(laid)

    def _is_that_of_pooled_columns(self) -> bool:
        fetch = self._run.chunks.fetch
        trains = np.frombuffer(fetch(TRAINS), np.uint8).astype(bool)
        who: NDArray[np.int64] = self._order[np.frombuffer(fetch(MATCHED), "<u4")[trains]]
        wanted, _ = self._theirs.model(self._own, self._labels, who)
        model = decode(KeptJointModel, fetch(MODEL))
        told, due = (
            np.array([*one.own, *one.weights]) * UNIT / one.per_one for one in (model, wanted)
        )
        return len(trains) == self.asked.people and bool(np.allclose(told, due, atol=1e-5))


if __name__ == "__main__":
    be_side(JointSide)
