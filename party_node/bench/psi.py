"""The measurement: for each way, both parties as processes, and what they cost together."""

import dataclasses
from pathlib import Path
from typing import Any

from party_node.bench.asking import Asked, Way
from party_node.bench.setting_up import RECEIVER, SENDER, Stage, set_up
from party_node.bench.side_process import run_both
from party_node.demo.processes import DemoFailed
from party_node.errors import CoordinatorUnreachable
from party_node.home import Home
from party_node.surface_errors import BenchFailed
from protocols.codec import encode
from protocols.psi.prepared import NAME as PREPARED
from protocols.session import Role

_ROLES = {SENDER: Role.RESPONDER, RECEIVER: Role.INITIATOR}


def measure(folder: Path, asked: Asked, backend: str = "auto") -> dict[str, Any]:
    """Measure under `folder` and return the figures.

    Where the sender's set is kept, a `first` run prepares it and sends it whole; the figures of the
    ways are those of the runs after it.
    Raises: BenchFailed.
    """
    try:
        stage = set_up(folder, asked)
    except (DemoFailed, CoordinatorUnreachable) as e:
        raise BenchFailed(str(e)) from e
    first = None
    try:
        if asked.protocol == PREPARED:
            first = _run(stage, asked.ways[0], backend)
        ways = {way.value: _run(stage, way, backend) for way in asked.ways}
    finally:
        stage.coordinator.stop()
    found = {
        "protocol": asked.protocol,
        "receiver_items": asked.receiver_items,
        "sender_items": asked.sender_items,
        "common": asked.common,
        "ways": ways,
        "exact": all(way["exact"] for way in ways.values()),
    }
    if first is not None:
        found["first"] = first
    if len(ways) == len(Way):
        relay, direct = (ways[way]["wall_seconds"] for way in (Way.RELAY, Way.DIRECT))
        found["relay_over_direct"] = round(relay / direct, 3)
    return found


def _run(stage: Stage, way: Way, backend: str) -> dict[str, Any]:
    before = stage.coordinator.usage()["cpu_seconds"]
    job = stage.job()
    publics = {p: Home.open(stage.folder / p, {}).keys.public() for p in _ROLES}
    said = {}
    for party, role in _ROLES.items():
        other = RECEIVER if party == SENDER else SENDER
        said[party] = {
            "asked": dataclasses.asdict(stage.asked),
            "role": role,
            "home": str(stage.folder / party),
            "way": way,
            "job": encode(job).hex(),
            "peer": encode(publics[other]).hex(),
            "backend": backend,
        }
    sides = run_both(stage.folder, "party_node.bench.party", said)
    coordinator = stage.coordinator.usage()
    return _added_up(way, sides, round(coordinator["cpu_seconds"] - before, 2))


def _added_up(way: Way, sides: dict[str, Any], coordinator: float) -> dict[str, Any]:
    receiver, sender = sides[RECEIVER], sides[SENDER]
    both = receiver["cpu_seconds"] + sender["cpu_seconds"]
    found = {
        "wall_seconds": round(max(s["wall_seconds"] for s in sides.values()), 2),
        "cpu_seconds_both_parties": round(both, 2),
        "cpu_seconds": {party: side["cpu_seconds"] for party, side in sides.items()},
        "peak_mib": {party: side["peak_mib"] for party, side in sides.items()},
        "bytes": {f"from_{party}": side["sent_bytes"] for party, side in sides.items()},
        "matched": receiver["matched"],
        "exact": receiver["exact"] and receiver["transcript"] == sender["transcript"],
        "input_cpu_seconds_both_parties": round(
            sum(side["input_cpu_seconds"] for side in sides.values()), 2
        ),
        "backend": receiver["backend"],
    }
    if way is Way.RELAY:
        found["cpu_seconds"]["coordinator"] = coordinator
    return found
