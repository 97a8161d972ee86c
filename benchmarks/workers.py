"""What matching costs for each item, and what it costs to have it computed elsewhere.

    python -m benchmarks.workers [--items 65536] [--ways threads processes ray] [--json]

CPU-seconds of this process and of all that it started, in microseconds for each item, beside wall
time: on a machine that others use too, only the first says something. The best of three. `ray` is a
Ray of its own on this machine.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from party_node.workers import choosing
from protocols import groups, multibuffer
from protocols.envelope import Header, open_envelope, seal
from protocols.keys import PartyKeys
from protocols.psi.join import join, tags_from_bytes

TURNS = 3
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(items: int, ways: list[str]) -> dict[str, Any]:
    """Return microseconds for each item, by back end, way and stage."""
    backends = ["pynacl"] if multibuffer.load() is None else ["multibuffer", "pynacl"]
    found: dict[str, Any] = {"items": items, "cores": len(os.sched_getaffinity(0))}
    for name in backends:
        count = items if name == "multibuffer" else items // 4
        for way in ways:
            found[f"{name} by {way}"] = _stages(name, way, count)
    choosing.close()
    found["the rest"] = _rest(items)
    return found


def _stages(name: str, way: str, count: int) -> dict[str, Any]:
    backend = choosing.backend_of(name, way, "local" if way == "ray" else "")
    digests, scalar, ctx = _rows(count), os.urandom(32), bytes(32)
    points = groups.hash_to_group(ctx, digests, backend=backend)
    few = digests[: count // 4]
    return {
        "multiply": _each(lambda: groups.evaluate(scalar, points, backend=backend), count),
        "hash": _each(lambda: groups.hash_to_group(ctx, digests, backend=backend), count),
        "hash strictly": _each(
            lambda: groups.hash_to_group(ctx, few, True, backend=backend), len(few)
        ),
    }


def _rest(items: int) -> dict[str, Any]:
    points = groups.hash_to_group(bytes(32), _rows(items))
    me, peer = (PartyKeys.generate(name, os.urandom) for name in ("brand", "publisher"))
    header, bulk = Header("0" * 32, "brand", "publisher", 0), points.tobytes()
    sealed = seal(me, peer.public(), header, bulk)
    mine, theirs = (tags_from_bytes(_rows(items)[:, :12].tobytes(), 12) for _ in range(2))
    return {
        "check points": _each(lambda: groups.check_points(points), items),
        "seal": _each(lambda: seal(me, peer.public(), header, bulk), items),
        "open": _each(lambda: open_envelope(peer, me.public(), header, sealed), items),
        "join": _each(lambda: join(mine, theirs), 2 * items),
    }


def _rows(count: int) -> groups.Points:
    return np.frombuffer(os.urandom(32 * count), dtype=np.uint8).reshape(-1, 32)


def _each(work: Callable[[], object], count: int) -> dict[str, float]:
    """Return microseconds for each item: of CPU, and of wall time."""
    work()
    best = (float("inf"), float("inf"))
    for _ in range(TURNS):
        cpu, wall = _cpu_seconds(), time.perf_counter()
        work()
        best = min(best, (_cpu_seconds() - cpu, time.perf_counter() - wall))
    return {"cpu": round(best[0] / count * 1e6, 2), "wall": round(best[1] / count * 1e6, 2)}


def _cpu_seconds() -> float:
    """Return what this process and all that descend from it have used so far."""
    parents, ticks = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    ours, front = set[int](), {os.getpid()}
    while front:
        ours |= front
        front = {pid for pid, above in parents.items() if above in front} - ours
    others = sum(ticks[pid] for pid in ours - {os.getpid()})
    return time.process_time() + others / _TICKS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what matching costs for each item")
    parser.add_argument("--items", type=int, default=65_536)
    parser.add_argument("--ways", nargs="+", default=["threads", "processes"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.items, options.ways)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found.pop('items')} items on {found.pop('cores')} cores, microseconds for each")
    for name, stages in found.items():
        for stage, cost in stages.items():
            print(f"{name:28} {stage:14} cpu {cost['cpu']:8.2f}  wall {cost['wall']:8.2f}")


if __name__ == "__main__":
    main()
