"""Computes the pinned runs of `tests/vectors/psi-dh-prepared.json`: one epoch, three runs.

`python -m tests.support.prepared_vectors` writes them again. Do that only with a new wire version.
"""

import json
from pathlib import Path
from typing import Any

from protocols.codec import decode
from protocols.groups import Backend
from protocols.psi.params import PreparedParams
from protocols.psi.prepared import NAME, prepared
from protocols.psi.prepared_records import STATES, ReceiverCollecting
from tests.support.pair import CTX, Played, run_pair
from tests.support.prepared_sets import Receiver, Sender
from tests.support.seeded import digests

FILE = Path(__file__).parents[1] / "vectors" / "psi-dh-prepared.json"
PARAMS = PreparedParams(40, 4, 12)
RUNS = (
    ("the whole set", range(6), range(4, 14)),
    ("a difference", range(3, 9), range(6, 17)),
    ("nothing new, and nobody asked about", range(0), range(6, 17)),
)


def computed(backend: Backend | None = None) -> dict[str, Any]:
    """Return what the file must hold."""
    sender, receiver = Sender(PARAMS, backend=backend), Receiver(PARAMS)
    runs = []
    for title, mine, theirs in RUNS:
        sender.take(digests(theirs))
        played = run_pair(
            prepared(backend),
            PARAMS,
            CTX,
            digests(mine),
            digests(theirs),
            seed=title,
            laid=(receiver.chunks(), sender.chunks()),
        )
        receiver.adopt(played.receiver.chunks)
        curve, twist = _scalars(played)
        runs.append(
            {
                "title": title,
                "receiver_items": [d.hex() for d in digests(mine)],
                "sender_items": [d.hex() for d in digests(theirs)],
                "receiver_curve_scalar": curve,
                "receiver_twist_scalar": twist,
                "receiver_messages": [m.hex() for m in played.receiver.sent],
                "sender_messages": [m.hex() for m in played.sender.sent],
                "transcript": played.receiver.transcript.digest().hex(),
                "matched": played.matched(),
            }
        )
    return {
        "protocol": NAME,
        "specification": "docs/spec/psi-dh-prepared.md",
        "max_items": PARAMS.max_items,
        "chunk_items": PARAMS.chunk_items,
        "tag_bytes": PARAMS.tag_bytes,
        "ctx": CTX.hex(),
        "scope": sender.scope.hex(),
        "epoch": sender.epoch.hex(),
        "key": sender.key.hex(),
        "runs": runs,
    }


def _scalars(played: Played) -> tuple[str, str]:
    """Return the receiver's scalars: they are in its last state, if it asked about anybody."""
    state = decode(STATES, played.receiver.state)
    if not isinstance(state, ReceiverCollecting):
        return "", ""
    return state.questions.curve.put.hex(), state.questions.twist.put.hex()


if __name__ == "__main__":
    FILE.write_text(json.dumps(computed(), indent=1) + "\n")
