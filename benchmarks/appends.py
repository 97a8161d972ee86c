"""Durable appends with group commit, and how soon a withdrawal counts. One JSON object.

    python -m benchmarks.appends sqlite|postgresql [--events 32000] [--threads 64]

Every event comes by itself, from one of many threads, and is answered once it is on disk. The gate
that must see a withdrawal has a ledger of its own over the same database, as another process has.
"""

import argparse
import contextlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from benchmarks.figures import cpu_seconds, in_ms
from consent.events import ConsentEvent
from consent.reasons import Query
from consent.statements import Method
from consent.words import EventState, Operation
from party_node.ledger.consent_ledger import ConsentLedger
from tests.support.node import ORIGIN, NodeStorage, open_storage
from tests.support.postgres import fresh_database, temporary_cluster

PURPOSE, RECIPIENT = "joint-audience", "shop"
ROUNDS = 200


def measure(database: str, events: int, threads: int) -> dict[str, Any]:
    """Return events a second, how long each waited, and how soon a withdrawal counted."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder, _url(database) as url:
        node = open_storage(Path(folder), url=url)
        node.rng = secrets.token_bytes  # type: ignore[assignment]
        ledger = _open(node)
        people = [f"p{n}@x.example" for n in range(events)]
        dense = node.identity.resolve(people, [None] * events).dense.tolist()
        subjects = node.identity.subject_ids(dense)
        found = _append(ledger, [subjects[d] for d in dense], threads)
        found |= {"withdrawal_to_gate": _withdraw(node, ledger, dense, subjects)}
        node.db.close()
    return {"database": database, "events": events, "threads": threads} | found


@contextlib.contextmanager
def _url(database: str) -> Iterator[str | None]:
    if database == "sqlite":
        yield None
        return
    with temporary_cluster(durable=True) as cluster, fresh_database(cluster, "bench") as url:
        yield url


def _open(node: NodeStorage) -> ConsentLedger:
    clock = lambda: int(time.time() * 1000)  # noqa: E731
    ledger = ConsentLedger(
        node.db, node.vault, ORIGIN, node.home.ledger_seed, clock, secrets.token_bytes
    )
    ledger.open()
    return ledger


def _event(subject: str, name: str, state: EventState) -> ConsentEvent:
    return ConsentEvent(
        subject_id=subject,
        state=state,
        purpose=PURPOSE,
        recipient=RECIPIENT,
        event_time_ms=int(time.time() * 1000),
        source_id="bench",
        source_event_id=name,
        jurisdiction="GB",
        method=Method.WEB_FORM,
    )


def _append(ledger: ConsentLedger, subjects: list[str], threads: int) -> dict[str, Any]:
    waits: list[list[float]] = [[] for _ in range(threads)]

    def send(number: int) -> None:
        for subject in subjects[number::threads]:
            event = _event(subject, f"yes/{subject}", EventState.GIVEN)
            began = time.perf_counter()
            ledger.submit([event])
            waits[number].append(time.perf_counter() - began)

    workers = [threading.Thread(target=send, args=(n,)) for n in range(threads)]
    began, cpu = time.perf_counter(), cpu_seconds()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    if ledger.head()[0] != len(subjects) + 1:
        raise RuntimeError("an acknowledged event is missing")
    return {
        "events_a_second": round(len(subjects) / seconds),
        "cpu_us_an_event": round(cpu / len(subjects) * 1e6, 1),
        "acknowledged": in_ms([w for of_thread in waits for w in of_thread]),
    }


def _withdraw(
    node: NodeStorage, ledger: ConsentLedger, dense: list[int], subjects: dict[int, str]
) -> dict[str, float]:
    """Return how long after the acknowledgement of a withdrawal another ledger's gate says no."""
    other = _open(node)
    delays = []
    for person in dense[:ROUNDS]:
        name = f"no/{person}"
        ledger.submit([_event(subjects[person], name, EventState.WITHDRAWN)])
        began = time.perf_counter()
        with other.hold() as head:
            query = Query(
                purpose=PURPOSE, operation=Operation.PSI, at_ms=int(time.time() * 1000),
                recipient=RECIPIENT,
            )  # fmt: skip
            allowed = head.projection.bulk(query, BitMap([person])).allowed
        delays.append(time.perf_counter() - began)
        if allowed:
            raise RuntimeError("a withdrawal that was acknowledged did not count")
    return in_ms(delays)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure durable appends")
    parser.add_argument("database", choices=["sqlite", "postgresql"])
    parser.add_argument("--events", type=int, default=32_000)
    parser.add_argument("--threads", type=int, default=64)
    options = parser.parse_args()
    print(json.dumps(measure(options.database, options.events, options.threads), indent=2))


if __name__ == "__main__":
    main()
