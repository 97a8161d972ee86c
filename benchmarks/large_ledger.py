"""A ledger of millions of entries: starting with it, deciding by it, verifying it. One JSON object.

    python -m benchmarks.large_ledger [--entries 20000000] [--subjects 10000000]

The entries are written straight into a new database: leaves as long as those of consent events with
random commitments, the tiles of their tree, and facts about consents as appends would store them.
Appending them one by one is measured elsewhere (`benchmarks/appends.py`) and would take half an
hour. What is timed is the product's own: opening the ledger (tree, facts, sets), deciding, and
verifying every leaf, tile and checkpoint. Opening and verifying each have a process of their own.
"""

import argparse
import json
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from benchmarks.figures import cpu_seconds, forget_peak, in_a_process, in_ms, peak_mib
from benchmarks.made_up import MadeUp
from consent.projection import commit_set
from consent.reasons import Query
from consent.words import Operation
from party_node.ledger.consent_ledger import ConsentLedger
from tests.support.node import ORIGIN, NodeStorage, open_storage, reopen_storage

_MODULE = "benchmarks.large_ledger"
PURPOSE, RECIPIENT, PARTY = "joint-audience", "publisher", "brand"
BULKS, SINGLES = 7, 20_000


def measure(entries: int, subjects: int) -> dict[str, Any]:
    """Return what a ledger with so many entries about so many people takes."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        made = in_a_process(_MODULE, "make", folder, entries, subjects)
        opened = in_a_process(_MODULE, "open", folder, entries, subjects)
        verified = in_a_process(_MODULE, "verify", folder, entries, subjects)
    return {"entries": entries, "subjects": subjects, "made": made} | opened | verified


def _make(folder: Path, entries: int, subjects: int) -> dict[str, Any]:
    began = time.perf_counter()
    node = open_storage(folder, PARTY)
    ledger = _ledger(node)
    ledger.open()
    MadeUp(ledger, entries, subjects).write()
    ledger.checkpoint()
    node.db.close()
    size = sum(f.stat().st_size for f in node.home.path.rglob("*") if f.is_file())
    return {"seconds": round(time.perf_counter() - began), "database_mib": size >> 20}


def _open(folder: Path, subjects: int) -> dict[str, Any]:
    node = reopen_storage(folder / PARTY)
    before = peak_mib()
    began, cpu = time.perf_counter(), cpu_seconds()
    ledger = _ledger(node)
    ledger.open()
    opened = {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(cpu_seconds() - cpu, 1),
        "peak_mib": peak_mib(),
        "peak_mib_before": before,
    }
    with ledger.hold() as head:
        forget_peak()
        opened["mib_once_open"] = peak_mib()
        bulk, found = _decide_all(head.projection, head.newest_ms + 1)
        singles = _decide_each(head.projection, head.newest_ms + 1, subjects)
    node.db.close()
    return {"opening": opened, "everybody": bulk | found, "one_person": singles}


def _decide_all(projection: Any, at_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decide about everybody; commit to who was asked and who is permitted, as the gate does."""
    seconds = []
    for number in range(BULKS):
        query = _query(at_ms + number)
        began = time.perf_counter()
        decision = projection.bulk(query)
        commit_set(projection.subjects, secrets.token_bytes(32))
        commit_set(decision.allowed, secrets.token_bytes(32))
        seconds.append(time.perf_counter() - began)
    counts = {reason.value: len(who) for reason, who in decision.denied.items()}
    found = {"asked": len(projection.subjects), "permitted": len(decision.allowed)}
    return in_ms(seconds), found | {"not_permitted": counts}


def _decide_each(projection: Any, at_ms: int, subjects: int) -> dict[str, float]:
    seconds = []
    for number in range(SINGLES):
        one = BitMap([1 + number * 7919 % subjects])
        began = time.perf_counter()
        projection.bulk(_query(at_ms), one)
        seconds.append(time.perf_counter() - began)
    return in_ms(seconds)


def _query(at_ms: int) -> Query:
    return Query(purpose=PURPOSE, operation=Operation.PSI, at_ms=at_ms, recipient=RECIPIENT)


def _verify(folder: Path) -> dict[str, Any]:
    node = reopen_storage(folder / PARTY)
    ledger = _ledger(node)
    ledger.open()  # in memory while it is verified, as in a node that runs
    forget_peak()
    held, began, cpu = peak_mib(), time.perf_counter(), cpu_seconds()
    report = ledger.verify()
    found = {
        "leaves": report.size,
        "checkpoints": report.checkpoints,
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(cpu_seconds() - cpu, 1),
        "mib_above_the_open_ledger": peak_mib() - held,
    }
    node.db.close()
    return {"verifying": found}


def _ledger(node: NodeStorage) -> ConsentLedger:
    clock = lambda: int(time.time() * 1000)  # noqa: E731
    return ConsentLedger(
        node.db, node.vault, ORIGIN, node.home.ledger_seed, clock, secrets.token_bytes
    )


def main() -> None:
    """Measure and print; with more words, one part in this process."""
    parser = argparse.ArgumentParser(description="measure a ledger of millions of entries")
    parser.add_argument("--entries", type=int, default=20_000_000)
    parser.add_argument("--subjects", type=int, default=10_000_000)
    parser.add_argument("part", nargs="*")
    options = parser.parse_args()
    if not options.part:
        print(json.dumps(measure(options.entries, options.subjects), indent=2))
        return
    part, folder, entries, subjects = options.part
    match part:
        case "make":
            found = _make(Path(folder), int(entries), int(subjects))
        case "open":
            found = _open(Path(folder), int(subjects))
        case _:
            found = _verify(Path(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
