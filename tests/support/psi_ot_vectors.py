"""Computes the pinned runs of `tests/vectors/psi-ot-*.json`.

`python -m tests.support.psi_ot_vectors` writes them again. Do that only with a new wire version: a
transcript that changes under the same name breaks every run between old and new nodes.

Draw number k of a side (from 0) is SHAKE-256 of the run's title, a slash, the role, a zero byte and
k in eight bytes, big-endian (`seeded`). Messages above 1,000 bytes are pinned by their SHA-256. The
placing of the receiver's items is the receiver's choice, and so is in the file.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from protocols.psi import ot
from protocols.psi.ot_receiver import read_bins
from protocols.psi.params import OtParams
from protocols.registry import find
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = {p.name: FOLDER / f"{p.name.partition('/')[0]}.json" for p in (ot.MEMBERS, ot.LABELLED)}
CASES = (
    ("three chunks of values", OtParams(50, 16, 12, 4096), range(30), range(22, 62)),
    ("two buckets, shorter values", OtParams(50, 16, 10, 4096, 16), range(10), range(7, 37)),
    ("two buckets with labels", OtParams(50, 16, 12, 4096, 16, 5), range(10), range(7, 27)),
    ("empty sender", OtParams(50, 16, 12, 4096), range(2), range(0)),
)


def computed(name: str) -> dict[str, Any]:
    """Return what the file for the protocol of that name must hold."""
    runs = []
    for title, params, mine, theirs in CASES:
        if not params.are_of(name):
            continue
        labels = [d[: params.label_bytes] for d in digests(range(1000, 1000 + len(theirs)))]
        played = run_pair(
            find(name),
            params,
            CTX,
            digests(mine),
            digests(theirs),
            seed=title,
            sender_chunks=label_chunks(labels, params.chunk_items),
        )
        chunks = played.receiver.chunks
        placed = [
            {
                str(bin_): int(p)
                for bin_, p in enumerate(read_bins(chunks[name])[1])
                if p < 2**32 - 1
            }
            for name in ("bins-even/00000", "bins-odd/00000")
            if name in chunks
        ]
        runs.append(
            {
                "title": title,
                "max_items": params.max_items,
                "chunk_items": params.chunk_items,
                "tag_bytes": params.tag_bytes,
                "chunk_rows": params.chunk_rows,
                "bucket_items": params.bucket_items,
                "label_bytes": params.label_bytes,
                "ctx": CTX.hex(),
                "receiver_items": [d.hex() for d in digests(mine)],
                "sender_items": [d.hex() for d in digests(theirs)],
                "sender_labels": [label.hex() for label in labels],
                "placed": placed,
                "receiver_messages": [pinned(m) for m in played.receiver.sent],
                "sender_messages": [pinned(m) for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "matched": played.matched(),
                "labels": chunks.get("labels", b"").hex(),
            }
        )
    return {"protocol": name, "specification": "docs/spec/psi-ot.md", "runs": runs}


def label_chunks(labels: list[bytes], chunk_items: int) -> dict[str, bytes]:
    """Return the sender's labels as chunks of its input."""
    return {
        f"own-labels/{i // chunk_items:05}": b"".join(labels[i : i + chunk_items])
        for i in range(0, len(labels), chunk_items)
    }


def pinned(message: bytes) -> str:
    """Return a short message in hexadecimal digits, of a long one its hash."""
    if len(message) <= 1000:
        return message.hex()
    return f"sha256 {hashlib.sha256(message).hexdigest()}"


if __name__ == "__main__":
    for protocol_name, path in FILES.items():
        path.write_text(json.dumps(computed(protocol_name), indent=1) + "\n")
