"""Computes the pinned runs of `tests/vectors/sums-cot*.json`.

`python -m tests.support.sums_cot_vectors` writes them again. Do that only with a new wire version:
a transcript that changes under the same name breaks every run between old and new nodes.

Draw number k of a side (from 0) is SHAKE-256 of the run's title, a slash, the role, a zero byte and
k in eight bytes, big-endian (`seeded`). Messages above 1,000 bytes are pinned by their SHA-256.
There is no noise: it cannot be drawn from a seed.
"""

import json
from pathlib import Path
from typing import Any

from protocols.sums.cot import NARROW, SUMS
from protocols.sums.layout import SumLayout
from protocols.sums.records import Sums
from tests.support.aligned import drawn, params_of, run_sums
from tests.support.pair import CTX
from tests.support.psi_ot_vectors import pinned

FOLDER = Path(__file__).parents[1] / "vectors"
PROTOCOLS = {p.name: p for p in (SUMS, NARROW)}
FILES = {name: FOLDER / f"{name.partition('/')[0]}.json" for name in PROTOCOLS}
CASES = (
    ("one vector, three chunks", SumLayout(1, 1, (5, 3), (4,), 12, 5), 12, True),
    (
        "integers, for the matrix",
        SumLayout(2, 6, (200, 70_000, 2**31 - 1), (2, 3), 9, 16),
        9,
        False,
    ),
    ("several pieces", SumLayout(1, 1, (1,), (17,), 600, 1024), 520, True),
    ("two digits in pieces", SumLayout(2, 2, (90,), (1,), 2**20, 1024), 515, False),
    ("no rows", SumLayout(1, 1, (), (2,), 5, 5), 0, True),
)


def computed(name: str) -> dict[str, Any]:
    """Return what the file for the protocol of that name must hold."""
    runs = []
    for title, layout, rows, to_holder in CASES:
        own = drawn(layout, rows, seed=7)
        params = params_of(layout, to_holder=to_holder)
        played = run_sums(own, params, PROTOCOLS[name], seed=title)
        output = (played.receiver if to_holder else played.sender).output
        assert isinstance(output, Sums)
        runs.append(
            {
                "title": title,
                "vectors": layout.vectors,
                "vector_bound": layout.vector_bound,
                "dense": list(layout.dense),
                "one_hot": list(layout.one_hot),
                "max_rows": layout.max_rows,
                "chunk_rows": layout.chunk_rows,
                "to_holder": to_holder,
                "ctx": CTX.hex(),
                "vector_rows": own.vector.tolist(),
                "dense_rows": own.dense.tolist(),
                "code_rows": own.codes.tolist(),
                "initiator_messages": [pinned(m) for m in played.receiver.sent],
                "responder_messages": [pinned(m) for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "sums": list(output.values),
            }
        )
    return {"protocol": name, "specification": "docs/spec/sums-cot.md", "runs": runs}


if __name__ == "__main__":
    for name, file in FILES.items():
        file.write_text(json.dumps(computed(name), separators=(",", ":")) + "\n")
