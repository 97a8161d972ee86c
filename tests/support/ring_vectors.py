"""Computes the pinned runs of `tests/vectors/psi-ring-*.json`.

`python -m tests.support.ring_vectors` writes them again. Do that only with a new wire version.
"""

import json
from pathlib import Path
from typing import Any

from protocols.groups import Backend
from protocols.psi import ring
from protocols.psi.params import PsiParams
from tests.support.circle import run_circle
from tests.support.drawing import drawing
from tests.support.pair import CTX
from tests.support.seeded import digests

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = {
    "psi-ring-members/1": FOLDER / "psi-ring-members.json",
    "psi-ring-cardinality/2": FOLDER / "psi-ring-cardinality.json",
}
MAKERS = {"psi-ring-members/1": ring.members, "psi-ring-cardinality/2": ring.cardinality}
# Chunks of 300 rows, so that a table has two; lists have one.
CASES = (
    (
        "three parties",
        PsiParams(20, 300, 12, strict=True),
        (range(6), range(2, 8), [0, 3, 4, 9]),
    ),
)


def computed(name: str, backend: Backend | None = None) -> dict[str, Any]:
    """Return what the file for the protocol of that name must hold."""
    runs = []
    for title, params, sets in CASES:
        draws: dict[int, list[str]] = {number: [] for number in range(len(sets))}
        protocol = drawing(MAKERS[name](backend), draws, lambda place: place.number)
        lists = [digests(list(own)) for own in sets]
        played = run_circle(protocol, params, CTX, lists, seed=title)
        runs.append(
            {
                "title": title,
                "max_items": params.max_items,
                "chunk_items": params.chunk_items,
                "tag_bytes": params.tag_bytes,
                "ctx": CTX.hex(),
                "items": [[d.hex() for d in own] for own in lists],
                # Of each party, in order: blind, key, ephemeral; what is longer than 64 bytes are
                # fillers of tables, which say nothing.
                "draws": [[d for d in draws[i] if len(d) <= 128] for i in draws],
                "messages": [[[to, m.hex()] for to, m in member.sent] for member in played],
                "count": played[0].output.count,  # type: ignore[union-attr]
                "matched": played[0].matched() if "members" in name else [],
            }
        )
    return {"protocol": name, "specification": "docs/spec/psi-ring.md", "runs": runs}


if __name__ == "__main__":
    for protocol_name, path in FILES.items():
        path.write_text(json.dumps(computed(protocol_name), indent=1) + "\n")
