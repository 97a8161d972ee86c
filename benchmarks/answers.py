"""Decisions over HTTP from a node that runs as its own process. One JSON object.

    python -m benchmarks.answers [--people 1000000] [--seconds 30]

Contact decisions come at 200 a second and not when the one before is answered; each is timed from
the moment when it was due, so that a stall shows in every request that it held up. Bulk decisions
are about all people by their row keys in a file; the time covers the request, the use record under
its checkpoint, and the file of permitted keys.
"""

import argparse
import http.client
import itertools
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import in_ms
from party_node.demo.network import Party, set_up

A_SECOND = 200
CALLERS = 16
WARM_UP_SECONDS = 5
BULKS = 5
PURPOSE = "joint-audience"
_STEP = 7919


def measure(people: int, seconds: int) -> dict[str, Any]:
    """Return how long answers take from a node that knows so many people."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        network = set_up(Path(folder))
        try:
            brand = network.brand
            found = {"people": people, "prepared": _prepare(brand, Path(folder), people)}
            for name, reserve in (("contact", 0), ("contact_reserving", 900)):
                Caller(brand, people, reserve).run(WARM_UP_SECONDS)
                cpu = brand.service.usage()["cpu_seconds"]
                answered = in_ms(Caller(brand, people, reserve).run(seconds))
                cpu = brand.service.usage()["cpu_seconds"] - cpu
                share = {"node_cpu_ms_each": round(cpu * 1e3 / (seconds * A_SECOND), 2)}
                found[name] = {"requests_a_second": A_SECOND} | answered | share
            found["bulk"] = _bulk(brand, Path(folder), people)
            found["peak_mib"] = brand.service.usage()["peak_mib"]
        finally:
            network.stop()
    return found


def _prepare(brand: Party, folder: Path, people: int) -> dict[str, float]:
    """Register a dataset of `people` rows; let all of them say yes and every tenth no again."""
    rows, consents = folder / "customers.csv", folder / "consents.csv"
    with rows.open("w", encoding="ascii") as out:
        out.write("key,email\n")
        out.writelines(f"k{n},person{n}@example.com\n" for n in range(people))
    with consents.open("w", encoding="ascii") as out:
        out.write("source_event_id,email,purpose,recipient,state,event_time,method,jurisdiction\n")
        for n in range(people):
            said = "withdrawn" if n % 10 == 0 else "given"
            out.write(
                f"e{n},person{n}@example.com,{PURPOSE},self,{said},"
                "2026-01-01T00:00:00.000Z,web-form,GB\n"
            )
    began = time.perf_counter()
    described = {"dataset": "customers", "path": str(rows)}
    brand.post("/v1/datasets", described | {"key_column": "key", "email_column": "email"})
    registered = time.perf_counter()
    imported = brand.post("/v1/consent/imports", {"path": str(consents), "source": "bench"})
    if imported["accepted"] != people:
        raise RuntimeError("the node did not accept every consent")
    done = time.perf_counter()
    return {"register_s": round(registered - began, 1), "import_s": round(done - registered, 1)}


class Caller:
    """Asks for contact decisions at a steady rate."""

    def __init__(self, brand: Party, people: int, reserve: int) -> None:
        self._url = urlsplit(brand.service.url)
        self._headers = {
            "Authorization": str(brand.http.headers["Authorization"]),
            "Content-Type": "application/json",
        }
        self._people, self._reserve = people, reserve
        self._due = itertools.count()
        self._waited: list[float] = []
        self._wrong: list[str] = []

    def run(self, seconds: int) -> list[float]:
        """Return how long each answer took, in seconds, from when its question was due."""
        self._end = seconds * A_SECOND
        self._start = time.perf_counter() + 0.05
        threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._wrong or len(self._waited) != self._end:
            raise RuntimeError(f"{len(self._wrong)} answers were wrong: {self._wrong[:1]}")
        return self._waited

    def _call(self) -> None:
        assert self._url.hostname is not None
        connection = http.client.HTTPConnection(self._url.hostname, self._url.port)
        while (number := next(self._due)) < self._end:
            due, person = self._start + number / A_SECOND, number * _STEP % self._people
            body = {
                "email": f"person{person}@example.com", "purpose": PURPOSE, "channel": "email",
                "reserve_seconds": self._reserve,
            }  # fmt: skip
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            connection.request(
                "POST", "/v1/decisions/contact", json.dumps(body), headers=self._headers
            )
            response = connection.getresponse()
            text = response.read()
            self._waited.append(time.perf_counter() - due)
            expected = "deny" if person % 10 == 0 else "allow"
            if response.status != 200 or json.loads(text)["decision"] != expected:
                self._wrong.append(f"{response.status} {text[:200]!r}")
        connection.close()


def _bulk(brand: Party, folder: Path, people: int) -> dict[str, Any]:
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"k{n}\n" for n in range(people)), encoding="ascii")
    body = {"dataset": "customers", "purpose": PURPOSE, "operation": "activate"}
    seconds = []
    cpu = brand.service.usage()["cpu_seconds"]
    for number in range(BULKS):
        out = f"permitted-{number}.txt"
        began = time.perf_counter()
        found = brand.post("/v1/decisions/bulk", body | {"keys_path": str(wanted), "out_file": out})
        seconds.append(time.perf_counter() - began)
        if (found["asked"], found["permitted_keys"]) != (
            people,
            people - len(range(0, people, 10)),
        ):
            raise RuntimeError("the node decided otherwise than people said")
    cpu = brand.service.usage()["cpu_seconds"] - cpu
    return {"keys": people} | in_ms(seconds) | {"node_cpu_s_each": round(cpu / BULKS, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure decisions over HTTP")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    print(json.dumps(measure(options.people, options.seconds), indent=2))


if __name__ == "__main__":
    main()
