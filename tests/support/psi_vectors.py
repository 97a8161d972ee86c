"""Computes the pinned runs of `tests/vectors/psi-dh-*.json`.

`python -m tests.support.psi_vectors` writes them again. Do that only with a new wire version: a
transcript that changes under the same name breaks every run between old and new nodes.
"""

import json
from pathlib import Path
from typing import Any

from protocols.groups import Backend
from protocols.psi.dh import CARDINALITY, PsiParams, RowParams
from protocols.registry import find
from protocols.session import Role
from tests.support.drawing import drawing
from tests.support.pair import CTX, params_for, run_pair
from tests.support.seeded import digests

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = {
    "psi-dh-members/1": FOLDER / "psi-dh-members.json",
    "psi-dh-cardinality/2": FOLDER / "psi-dh-cardinality.json",
}
CASES = (
    ("three chunks against two", PsiParams(20, 4, 12, strict=False), range(10), range(6, 14)),
    ("strict, shorter tags", PsiParams(20, 8, 10, strict=True), range(5), range(2, 6)),
    ("empty sender", PsiParams(20, 8, 12, strict=True), range(2), range(0)),
)
ROWS = (
    *((title, params_for(CARDINALITY, params), *sets) for title, params, *sets in CASES),
    # Rows 0 to 2 match with three items, row 3 with one, and rows cross the chunks.
    ("rows of three", RowParams(20, 4, 12, strict=False, per_person=3), range(15), range(10)),
)


def computed(name: str, backend: Backend | None = None) -> dict[str, Any]:
    """Return what the file for the protocol of that name must hold."""
    runs = []
    for title, params, mine, theirs in ROWS if "cardinality" in name else CASES:
        draws: dict[Role, list[str]] = {role: [] for role in Role}
        protocol = drawing(find(name, backend), draws)
        played = run_pair(protocol, params, CTX, digests(mine), digests(theirs), seed=title)
        runs.append(
            {
                "title": title,
                "max_items": params.max_items,
                "chunk_items": params.chunk_items,
                "tag_bytes": params.tag_bytes,
                "strict": params.strict,
                **({"per_person": params.per_person} if isinstance(params, RowParams) else {}),
                "ctx": CTX.hex(),
                "receiver_items": [d.hex() for d in digests(mine)],
                "sender_items": [d.hex() for d in digests(theirs)],
                "receiver_scalar": draws[Role.INITIATOR][0],
                "sender_scalar": draws[Role.RESPONDER][0],
                # The draws between choose what is computed a second time.
                "sender_shuffle_seed": draws[Role.RESPONDER][-1] if "cardinality" in name else "",
                "receiver_messages": [m.hex() for m in played.receiver.sent],
                "sender_messages": [m.hex() for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "count": played.receiver.output.count,  # type: ignore[union-attr]
                "matched": played.matched() if "members" in name else [],
            }
        )
    return {"protocol": name, "specification": "docs/spec/psi-dh.md", "runs": runs}


if __name__ == "__main__":
    for protocol_name, path in FILES.items():
        path.write_text(json.dumps(computed(protocol_name), indent=1) + "\n")
