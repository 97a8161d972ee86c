"""Computes the pinned runs of `tests/vectors/psi-union-index.json`.

`python -m tests.support.union_vectors` writes them again. Do that only with a new wire version.
"""

import json
from pathlib import Path
from typing import Any

from protocols.groups import Backend
from protocols.psi.union import UnionParams, union_index
from protocols.session import Role
from tests.support.drawing import drawing
from tests.support.pair import CTX, Side, run_pair
from tests.support.seeded import digests

FILE = Path(__file__).parents[1] / "vectors" / "psi-union-index.json"
CASES = (
    ("three chunks against two, three dummies", UnionParams(20, 4, 12, 3), range(8), range(5, 10)),
    ("shorter tags", UnionParams(20, 8, 10, 2), range(5), range(2, 6)),
    ("empty responder", UnionParams(20, 8, 12, 4), range(2), range(0)),
)


def computed(backend: Backend | None = None) -> dict[str, Any]:
    """Return what the file must hold."""
    runs = []
    for title, params, mine, theirs in CASES:
        draws: dict[Role, list[str]] = {role: [] for role in Role}
        protocol = drawing(union_index(backend), draws)
        played = run_pair(protocol, params, CTX, digests(mine), digests(theirs), seed=title)
        runs.append(
            {
                "title": title,
                "max_items": params.max_items,
                "chunk_items": params.chunk_items,
                "tag_bytes": params.tag_bytes,
                "dummies": params.dummies,
                "ctx": CTX.hex(),
                "initiator_items": [d.hex() for d in digests(mine)],
                "responder_items": [d.hex() for d in digests(theirs)],
                # Each side's draws, in order: two scalars, the responder's coins and strangers,
                # the order of the others; then samples, orders and blanks.
                "initiator_draws": draws[Role.INITIATOR],
                "responder_draws": draws[Role.RESPONDER],
                "initiator_messages": [m.hex() for m in played.receiver.sent],
                "responder_messages": [m.hex() for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "initiator_index": numbers(played.receiver),
                "responder_index": numbers(played.sender),
            }
        )
    return {
        "protocol": "psi-union-index/1",
        "specification": "docs/spec/psi-union.md",
        "runs": runs,
    }


def numbers(side: Side) -> list[int]:
    """Return the row of each of a side's items."""
    data = side.chunks["index"]
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


if __name__ == "__main__":
    FILE.write_text(json.dumps(computed(), indent=1) + "\n")
