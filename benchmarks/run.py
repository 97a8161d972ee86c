"""`make bench`: what is claimed about speed, measured on this machine. One JSON object, or a table.

    python -m benchmarks.run [--people 100000] [--json]

The overlap runs with the fastest back end and again with PyNaCl; both parties are processes, and
everything passes through the real relay.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import gate
from party_node.demo import bench
from party_node.demo.telling import Teller
from protocols.groups import choose_backend

TARGETS = {
    "psi-dh multibuffer, CPU-s of both": 6.0,
    "psi-dh pynacl, CPU-s of both": 30.0,
    "peak memory of a node, MiB": 300.0,
    "gate over 100,000 subjects, s": 0.5,
    "start-up of a node to ready, s": 3.0,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure what is claimed about speed")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    teller = Teller(to_stderr=True)
    runs: dict[str, Any] = {}
    for backend in dict.fromkeys([choose_backend("auto").name, "pynacl"]):
        with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
            runs[backend] = bench.measure(Path(folder), options.people, backend, teller)
    found = {"overlap": runs, "gate": gate.measure(options.people), "targets": TARGETS}
    print(json.dumps(found, indent=2) if options.json else _table(found))


def _table(found: dict[str, Any]) -> str:
    lines = []
    for backend, run in found["overlap"].items():
        target = TARGETS[f"psi-dh {backend}, CPU-s of both"]
        cpu, wall = run["cpu_seconds_both_parties"], run["wall_seconds"]
        lines.append(f"overlap {run['people_each']:,} x {run['people_each']:,}, {backend}:")
        lines.append(f"  {cpu} CPU-s of both parties (target {target}), {wall} s wall")
        lines.append(f"  peak MiB {run['peak_mib']}, ready after {run['ready_seconds']} s")
        imported = run["peak_mib_in_the_process_that_imported"]
        lines.append(f"  peak MiB in the processes that also imported the consents: {imported}")
        lines.append(f"  within the stated noise: {run['exact_within_noise']}")
    lines.append(f"gate over {found['gate']['subjects']:,} subjects: {found['gate']['seconds']} s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
