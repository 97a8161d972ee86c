"""Computes the pinned runs of `tests/vectors/join-blinded.json` and `sums-aligned.json`.

`python -m tests.support.alignment_vectors` writes them again. Do that only with a new wire version.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from protocols.codec import encode
from protocols.groups import Backend
from protocols.in_a_row import part_context
from protocols.psi.blinded_join import blinded_join
from protocols.psi.params import OtParams
from protocols.psi.union import UnionParams
from protocols.session import Role
from protocols.sums.alignment_params import JoinSumParams, LabelledSumParams, UnionSumParams
from protocols.sums.layout import write_vector
from protocols.sums.spreading import vectors_of
from tests.support.aligned_runs import (
    MOST,
    grouped,
    groups_of,
    join_params,
    play_join,
    play_sums_by_labels,
    play_sums_by_union,
    sum_params,
)
from tests.support.drawing import drawing
from tests.support.pair import CTX, Played
from tests.support.seeded import digests

FOLDER = Path(__file__).parents[1] / "vectors"
JOINS = FOLDER / "join-blinded.json"
SUMS = FOLDER / "sums-aligned.json"
CASES = (
    ("two groups, three chunks against two", (range(7), range(7, 10)), range(4, 12), 1, 4, 12),
    ("shorter tags, an empty group", (range(3), range(0), range(3, 6)), range(2, 9), 1, 8, 10),
    ("no rows", (range(2),), range(0), 1, 8, 12),
    ("rows of two", (range(6), range(6, 10)), (1, 50, 51, 4, 6, 52, 53, 54), 2, 4, 12),
)
COINS = b"".join(n.to_bytes(4, "little") for n in (0, 2**31, 1288490187, 1288490188, 5, 2**32 - 1))


def joins(backend: Backend | None = None) -> dict[str, Any]:
    """Return what the file of the blinded join must hold."""
    runs = []
    for title, groups, rows, width, chunk_items, tag_bytes in CASES:
        sizes = [len(group) // width for group in groups]
        params = join_params(
            len(groups), max_items=20, chunk_items=chunk_items, tag_bytes=tag_bytes,
            per_person=width,
        )  # fmt: skip
        draws: dict[Role, list[str]] = {role: [] for role in Role}
        protocol = drawing(grouped(blinded_join(backend), sizes), draws)
        played = play_join(groups, rows, params, protocol, seed=title)
        output = played.receiver.output
        runs.append(
            {
                "title": title,
                "max_items": 20,
                "chunk_items": chunk_items,
                "tag_bytes": tag_bytes,
                "per_person": width,
                "ctx": CTX.hex(),
                "sizes": sizes,
                "brand_items": [d.hex() for g in groups for d in digests(g)],
                "partner_items": [d.hex() for d in digests(list(rows))],
                "brand_scalar": draws[Role.INITIATOR][0],
                "partner_scalar": draws[Role.RESPONDER][0],
                # What is drawn between chooses what is computed a second time.
                "shuffle_seeds": draws[Role.RESPONDER][-len(sizes) :],
                "brand_messages": [m.hex() for m in played.receiver.sent],
                "partner_messages": [m.hex() for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "groups": groups_of(played.receiver),
                "matched": list(output.matched),  # type: ignore[union-attr]
            }
        )
    return {"protocol": "join-blinded/1", "specification": "docs/spec/alignment.md", "runs": runs}


def sums() -> dict[str, Any]:
    """Return what the file of the compositions must hold."""
    join = JoinSumParams(join_params(2), sum_params(4, 1), 30)
    labelled = LabelledSumParams(OtParams(MOST, 16, label_bytes=4), sum_params(2, 6))
    union = UnionSumParams(UnionParams(MOST, 16, dummies=5), sum_params(2, 6, rows=1010))
    groups = np.array([1, 2, 1, 1, 0, 2], np.uint16)
    vectors = vectors_of(groups, 2, 30, lambda size: COINS[:size])
    return {
        "specification": "docs/spec/alignment.md",
        "contexts": [
            {
                "params": encode(params).hex(),
                "ctx": CTX.hex(),
                "parts": [part_context(CTX, encode(params), part).hex() for part in (1, 2)],
            }
            for params in (join, labelled, union)
        ],
        "hold_out": {
            "groups": groups.tolist(),
            "hold_out_percent": 30,
            "coins": COINS.hex(),
            "vector": write_vector(vectors).hex(),
        },
        "labelled": _laid(play_sums_by_labels(range(6), range(3, 21)), ("matched", "labels")),
        "union": _laid(play_sums_by_union(range(6), range(3, 12)), ("index",)),
    }


def _laid(played: Played, found: tuple[str, ...]) -> dict[str, Any]:
    """Return what the alignment found, what lay beside the input, and what was laid out."""
    return {
        f"{side}_{name.replace('/', '_')}": data.hex()
        for side, of in (("brand", played.receiver), ("partner", played.sender))
        for name, data in sorted(of.chunks.items())
        if name in found or name.startswith(("own-values", "own-columns", "vector/", "columns/"))
    }


if __name__ == "__main__":
    JOINS.write_text(json.dumps(joins(), indent=1) + "\n")
    SUMS.write_text(json.dumps(sums(), indent=1) + "\n")
