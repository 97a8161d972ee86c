"""`accord bench`: the overlap job at a stated size, both parties as processes, through the relay.

CPU seconds and peak memory are what the kernel counts for each process between the request and the
moment when both sides have their signed result: gate, protocol, relay, release and receipt,
nothing left out. The nodes are started again between import and measurement, so that the figures
are those of the job; peak memory in the process that also imported is reported beside them.
Everybody consents, so the size is what was asked for; 40 % of the people are in both sets.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from party_node.demo.network import Network, Party, restart_nodes, set_up
from party_node.demo.opening import agree
from party_node.demo.processes import DemoFailed, Service
from party_node.demo.scene import COLLABORATION, MEASUREMENT, NOISE_BOUND, RHO, Scene
from party_node.demo.telling import Teller

DEFAULT_PEOPLE = 100_000
COMMON_PERCENT = 40
_COLUMNS = "source_event_id,email,purpose,recipient,state,event_time,method,jurisdiction\n"


def run(*, json_output: bool, people: int = DEFAULT_PEOPLE, backend: str = "auto") -> int:
    """Measure one overlap of `people` × `people`; print it; return 0 if the count was right."""
    teller = Teller(to_stderr=json_output)
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        try:
            found = measure(Path(folder), people, backend, teller)
        except DemoFailed as e:
            sys.stderr.write(f"accord: error: {e}\n")
            return 1
    if json_output:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        teller.table(["figure", "value"], [[k, str(v)] for k, v in found.items()])
    return 0 if found["exact_within_noise"] else 1


def measure(folder: Path, people: int, backend: str, teller: Teller) -> dict[str, Any]:
    """Set a network up under `folder` and return the figures. Raises: DemoFailed."""
    # The same question twice is counted twice here: that is what is measured.
    settings = {"ACCORD_NODE_X25519_BACKEND": backend, "ACCORD_NODE_LEAST_CHANGE": "0"}
    network = set_up(folder, **settings)
    try:
        agree(Scene(network, None, teller))  # type: ignore[arg-type]
        found = _prepare(network, people)
        same_process = _overlap(network, people, backend)
        found["peak_mib_in_the_process_that_imported"] = same_process["peak_mib"]
        restart_nodes(network, **settings)
        return found | _overlap(network, people, backend)
    finally:
        network.stop()


def _prepare(network: Network, people: int) -> dict[str, Any]:
    """Give both nodes `people` consenting people each."""
    common = people * COMMON_PERCENT // 100
    sets = {"brand": range(people), "publisher": range(people - common, 2 * people - common)}
    figures: dict[str, Any] = {"common": common}
    for (name, who), dataset in zip(sets.items(), ("customers", "audience"), strict=True):
        party = network.parties[name]
        other = "publisher" if name == "brand" else "brand"
        rows, consents = write(network.folder, name, other, who)
        began = time.monotonic()
        party.post(
            "/v1/datasets",
            {"dataset": dataset, "path": str(rows), "key_column": "key", "email_column": "email"},
        )
        figures[f"{name}_register_seconds"] = round(time.monotonic() - began, 2)
        began = time.monotonic()
        body = {"path": str(consents), "source": "bench"}
        if party.post("/v1/consent/imports", body)["accepted"] != people:
            raise DemoFailed(f"the {name}'s node did not accept every consent")
        figures[f"{name}_import_seconds"] = round(time.monotonic() - began, 2)
    return figures


def write(folder: Path, name: str, other: str, who: range) -> tuple[Path, Path]:
    """Write a dataset and a consent file in which each of `who` consents; return both paths."""
    rows, consents = folder / f"{name}.csv", folder / f"{name}-consents.csv"
    with rows.open("w", encoding="ascii") as out:
        out.write("key,email\n")
        out.writelines(f"k{n},Person.{n}@Example.com\n" for n in who)
    rest = f"{MEASUREMENT},{other},given,2026-01-01T00:00:00.000Z,web-form,GB\n"
    with consents.open("w", encoding="ascii") as out:
        out.write(_COLUMNS)
        out.writelines(f"e{n},person.{n}@example.com,{rest}" for n in who)
    return rows, consents


def _overlap(network: Network, people: int, backend: str) -> dict[str, Any]:
    services = {s.name: s for s in network.services()}
    for service in services.values():
        _forget_peak(service)
    before = {name: s.usage() for name, s in services.items()}
    began = time.monotonic()
    ask = {"collaboration": COLLABORATION, "kind": "overlap", "rho": RHO}
    job = str(network.brand.post("/v1/jobs", ask)["job"])
    for party in network.parties.values():
        party.wait_for(job)
    wall = time.monotonic() - began
    after = {name: s.usage() for name, s in services.items()}
    cpu = {n: round(after[n]["cpu_seconds"] - before[n]["cpu_seconds"], 2) for n in services}
    value = _size(network.brand, job)
    common = people * COMMON_PERCENT // 100
    return {
        "people_each": people,
        "backend": backend,
        "wall_seconds": round(wall, 2),
        "cpu_seconds_both_parties": round(cpu["brand"] + cpu["publisher"], 2),
        "cpu_seconds": cpu,
        "peak_mib": {name: after[name]["peak_mib"] for name in services},
        "ready_seconds": {name: s.ready_seconds for name, s in services.items()},
        "noisy_size": value,
        "exact_within_noise": abs(value - common) <= NOISE_BOUND,
    }


def _size(party: Party, job: str) -> int:
    return int(party.get(f"/v1/jobs/{job}/result")["size"]["value"])


def _forget_peak(service: Service) -> None:
    """Ask the kernel to count peak memory from now on."""
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")
