"""`make bench`: what is claimed about speed, measured on this machine beside what was aimed at.

    python -m benchmarks.run [SECTION …] [--people 100000] [--entries 20000000] [--json]

    overlap    a job between two nodes through the relay, with each back end for X25519
    gate       a decision over a whole dataset, use record and checkpoint included
    appends    group commit on SQLite and PostgreSQL, and how soon a withdrawal counts
    import     a file of a million consents
    answers    decisions over HTTP
    ledger     a ledger of twenty million entries: needs 14 GB on disk and 6 GB of memory
    tiles      the tree alone

Without sections, all of them: three quarters of an hour. Whoever measures speed should have the
machine for himself; wall time stands beside CPU seconds because that is rarely true.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import answers, consent_import, gate, large_ledger, tiles
from benchmarks.claims import CLAIMS, table
from benchmarks.figures import in_a_process
from party_node.demo import bench
from party_node.demo.telling import Teller
from protocols.groups import choose_backend

MILLION = 1_000_000


def _overlap(options: argparse.Namespace) -> dict[str, Any]:
    teller, runs = Teller(to_stderr=True), {}
    for backend in dict.fromkeys([choose_backend("auto").name, "pynacl"]):
        with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
            runs[backend] = bench.measure(Path(folder), options.people, backend, teller)
    return runs


def _appends(_options: argparse.Namespace) -> dict[str, Any]:
    return {
        database: in_a_process("benchmarks.appends", database)
        for database in ("sqlite", "postgresql")
    }


SECTIONS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "overlap": _overlap,
    "gate": lambda options: gate.measure(options.people),
    "appends": _appends,
    "import": lambda _: consent_import.measure(MILLION),
    "answers": lambda _: answers.measure(MILLION, 30),
    "ledger": lambda options: large_ledger.measure(options.entries, options.entries // 2),
    "tiles": lambda _: tiles.measure(MILLION),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure what is claimed about speed")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=20_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.sections) - SECTIONS.keys():
        parser.error(f"there is no section {min(unknown)}: choose of {', '.join(SECTIONS)}")
    found: dict[str, Any] = {}
    for section in options.sections or SECTIONS:
        print(f"measuring {section} …", file=sys.stderr, flush=True)
        found[section] = SECTIONS[section](options)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(json.dumps(found, indent=2), file=sys.stderr)
        print(table(found, CLAIMS))


if __name__ == "__main__":
    main()
