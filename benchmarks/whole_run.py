"""Both sides of a matching protocol, played in this process: what its computation costs.

    python -m benchmarks.whole_run psi-dh-members/1 262144 [--workers processes] [--backend pynacl]

Two sets of so many items with half of them in common, hashed as large sets are. CPU-seconds of both
sides together, and bytes of all messages, for each item of one set; envelopes, storing and sending
are not in it, and neither is what worker processes use.
"""

import argparse
import hashlib
import time
from collections import deque
from secrets import token_bytes
from typing import Any

from party_node.workers.choosing import backend_of
from protocols.codec import Record, encode
from protocols.psi import chunks
from protocols.registry import find
from protocols.session import Continue, Finish, Items, Role, Transition, TwoParty
from protocols.shuffle import permutation


class Side:
    """One side, its chunks, and what is on its way to it."""

    def __init__(self, protocol: TwoParty, role: Role, params: Record, rows: list[bytes]) -> None:
        self.protocol, self.inbox = protocol, deque[bytes]()
        size: int = params.chunk_items  # type: ignore[attr-defined]
        rows = [rows[i] for i in permutation(token_bytes(32), len(rows))]
        cut = [b"".join(rows[i : i + size]) for i in range(0, len(rows), size)]
        self.chunks = {chunks.own(i): part for i, part in enumerate(cut)}
        self.done, self.speaks = False, False
        items = Items(len(rows), size)
        self.first = protocol.begin(role, params, bytes(32), items, token_bytes)

    def take(self, transition: Transition) -> list[bytes]:
        """Keep what a step returned; return the message that it sends, if any."""
        self.chunks.update(transition.keep)
        self.done = isinstance(transition, Finish)
        self.speaks = isinstance(transition, Continue)
        if isinstance(transition, Finish):
            message = transition.message
        else:
            self.state = encode(transition.state)
            message = transition.message if isinstance(transition, Continue) else None
        return [] if message is None else [encode(message)]

    def step(self) -> list[bytes]:
        """Take one step, if there is one to take."""
        if self.done or not (self.speaks or self.inbox):
            return []
        message = None if self.speaks else self.inbox.popleft()
        return self.take(
            self.protocol.resume(self.state, message, self.chunks.__getitem__, token_bytes)
        )


def measure(name: str, count: int, backend: str, workers: str) -> dict[str, Any]:
    """Play a run; return what it cost."""
    protocol = find(name, backend_of(backend, workers, "local" if workers == "ray" else ""))
    kind: Any = protocol.params
    params = kind.for_job() if hasattr(kind, "for_job") else kind(2**24, 2**15, strict=False)
    rows = [hashlib.sha256(b"%d" % i).digest() for i in range(count + count // 2)]
    cpu, wall, sent = time.process_time(), time.perf_counter(), 0
    sets = (rows[:count], rows[count // 2 :])
    sides = [Side(protocol, r, params, own) for r, own in zip(Role, sets, strict=True)]
    for i, side in enumerate(sides):
        sides[1 - i].inbox.extend(side.take(side.first))
    while not all(side.done for side in sides):
        for i, side in enumerate(sides):
            said = side.step()
            sent += sum(map(len, said))
            sides[1 - i].inbox.extend(said)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    matched = len(sides[0].chunks[chunks.MATCHED]) // 4 if chunks.MATCHED in sides[0].chunks else -1
    assert matched in (-1, count - count // 2)
    return {
        "cpu microseconds an item, both sides": round(cpu / count * 1e6, 2),
        "wall microseconds an item": round(wall / count * 1e6, 2),
        "bytes an item": round(sent / count, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what a matching protocol computes")
    parser.add_argument("protocol")
    parser.add_argument("items", type=int)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--workers", default="threads")
    options = parser.parse_args()
    found = measure(options.protocol, options.items, options.backend, options.workers)
    for what, value in found.items():
        print(f"{what:40} {value}")


if __name__ == "__main__":
    main()
