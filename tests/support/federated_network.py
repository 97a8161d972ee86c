"""Real processes that train together: a coordinator with TLS and a SuperLink, and party nodes.

Set up with the commands that a person would use; each node can be killed and started again.
"""

import contextlib
import json
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from coordinator.clock import system_clock
from coordinator.federated import certificate
from coordinator.federated.certificate import Shared
from party_node.demo import processes
from party_node.demo.network import Party, start_node
from party_node.demo.processes import Service, usage_of
from tests.support.federated_nodes import DOCUMENT, age, renewed, tier
from tests.support.network import COORDINATOR, SETTINGS, connect, until

HELD = {"brand": range(1200), "publisher": range(1200, 3000), "shop": range(3000, 4200)}
SILENT = {5, 1205, 3005}
"""Who has not consented."""
READY_SECONDS = 90
JOB_SECONDS = 300


@dataclass(slots=True)
class Together:
    """The processes."""

    folder: Path
    port: int
    link_port: int
    authority: Path
    coordinator: Service
    parties: dict[str, Party] = field(default_factory=dict)

    def ask(self, question: str) -> str:
        """Let the brand ask for a training; return the job."""
        body = {"collaboration": "spring", "kind": "federated", "question": question}
        return str(self.parties["brand"].post("/v1/jobs", body)["job"])

    def view(self, party: str, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.parties[party].get(f"/v1/jobs/{job}")
        return found

    def kill(self, party: str) -> None:
        """`kill -9` of a node; its SuperNode ends with it."""
        service = self.parties[party].service
        service.process.kill()
        service.process.wait()
        self.parties[party].http.close()

    def restart(self, party: str) -> None:
        """Start a node again over its home."""
        node = self.parties[party]
        node.service = start_node(node.home, party, **SETTINGS)
        processes.await_ready(node.service)
        node.http = connect(node.service)

    def restart_coordinator(self) -> None:
        """`kill -9` of the coordinator, and a new process over the same home."""
        self.coordinator.process.kill()
        self.coordinator.process.wait()
        until(lambda: not _listens(self.link_port), "the SuperLink ends with the coordinator")
        self.coordinator = _serve(self.folder, self.port, self.authority)

    def cpu_seconds(self) -> float:
        """Return the CPU-seconds of all processes, those of Flower included."""
        services = [self.coordinator, *(p.service for p in self.parties.values())]
        pids = [pid for s in services for pid in (s.process.pid, *_children(s.process.pid))]
        return sum(usage_of(pid)["cpu_seconds"] for pid in pids)

    def stop(self) -> None:
        for party in self.parties.values():
            party.http.close()
            party.service.stop()
        self.coordinator.stop()


@contextlib.contextmanager
def together(folder: Path, names: tuple[str, ...]) -> Iterator[Together]:
    """Start everything: enrolled, agreed, with people, consents and standing rules."""
    home, port, link = folder / COORDINATOR, processes.free_port(), processes.free_port()
    outside = folder / "outside"
    outside.mkdir()
    shared = certificate.make(outside, secrets.token_bytes, system_clock())
    url = ("--url", f"https://127.0.0.1:{port}", "--name", "hub")
    processes.command("coordinator", "init", "--home", str(home), *url)
    with contextlib.ExitStack() as stack:
        _set(home, link, shared)
        coordinator = _serve(folder, port, shared.certificate_file)
        made = Together(folder, port, link, shared.certificate_file, coordinator)
        stack.callback(made.stop)
        with ThreadPoolExecutor(2) as pool:
            prints = dict(zip(names, pool.map(lambda n: _create(made, n), names), strict=True))
            services = list(pool.map(lambda n: start_node(folder / n, n, **SETTINGS), names))
            list(pool.map(processes.await_ready, services))
        for name, service in zip(names, services, strict=True):
            made.parties[name] = Party(name, service, connect(service), prints[name])
            _fill(made, name, names)
        _agree(made, names)
        yield made


def _serve(folder: Path, port: int, authority: Path) -> Service:
    home = folder / COORDINATOR
    where = ("--home", str(home), "--port", str(port))
    service = processes.start(COORDINATOR, "coordinator", home, "serve", *where)
    trust = ssl.create_default_context(cafile=authority)
    url = f"https://127.0.0.1:{port}"

    def answers() -> bool:
        assert service.process.poll() is None, (folder / f"{COORDINATOR}.log").read_text()[-1500:]
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{url}/readyz", verify=trust, trust_env=False).is_success
        return False

    until(answers, "the coordinator answers", READY_SECONDS)
    service.url = url
    return service


def _set(home: Path, link: int, shared: Shared) -> None:
    """Put the settings of TLS and Flower into the coordinator's file, as an operator would."""
    file = home / "coordinator.json"
    more = {
        "superlink_port": link,
        "tls_certificate": str(shared.certificate_file),
        "tls_key": str(shared.key_file),
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def _create(made: Together, name: str) -> str:
    home = ("--home", str(made.folder / name))
    invited = processes.command(
        "coordinator", "invite", "--home", str(made.folder / COORDINATOR), "--party", name
    )["text"]
    named = ("--party", name, "--name", name.title(), "--port", "0")
    processes.command("party_node", "node", "create", *home, *named, "--json")
    trust = ("--authority", str(made.authority))
    enrolled = processes.command("party_node", "node", "enrol", invited, *trust, *home, "--json")
    return str(enrolled["fingerprint"])


def _fill(made: Together, name: str, names: tuple[str, ...]) -> None:
    path = made.folder / f"{name}.csv"
    rows = [
        f"row-{n},p{n}@example.com,{age(n)},{tier(n)},{'yes' if renewed(n) else 'no'}\n"
        for n in HELD[name]
    ]
    path.write_text("key,email,age,tier,renewed\n" + "".join(rows))
    party = made.parties[name]
    body = {"dataset": "people", "path": str(path), "key_column": "key", "email_column": "email"}
    party.post("/v1/datasets", body)
    events = [
        {
            "key": f"{purpose}-{peer}-{n}", "email": f"p{n}@example.com", "state": "given",
            "purpose": purpose, "recipient": peer, "separate": True,
        }
        for purpose in ("joint-model", "joint-model-audience")
        for n in HELD[name]
        if n not in SILENT
        for peer in names
        if peer != name
    ]  # fmt: skip
    for at in range(0, len(events), 1000):
        party.post("/v1/consent/events/batch", {"events": events[at : at + 1000]})


def _agree(made: Together, names: tuple[str, ...]) -> None:
    offers = "\n".join(
        f"  - {{party: {p}, dataset: people, identifiers: [email], columns: [age, tier, renewed]}}"
        for p in names
    )
    text = DOCUMENT.format(parties=", ".join(f"{n}: {{}}" for n in names), datasets=offers)
    text += "  - {kind: federated, purpose: joint-model-audience, receiver: brand}\n"
    made.parties["brand"].post("/v1/collaborations", {"text": text})
    for name in names[1:]:
        party = made.parties[name]
        party.post("/v1/collaborations/spring/versions/1/countersignatures")
        rule = {"kind": "federated", "purpose": "joint-model", "collaboration": "spring"}
        party.put("/v1/rules/all", rule | {"max_rho": "10"})


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ended(party: Party, job: str) -> dict[str, Any]:
    """Return a job at one party once it has ended there."""
    limit = time.monotonic() + JOB_SECONDS
    found: dict[str, Any] = {}
    while time.monotonic() < limit:
        answer = party.http.get(f"/v1/jobs/{job}?wait=5&until=ended")
        found = answer.json() if answer.is_success else {}
        if found.get("ended"):
            return found
    raise AssertionError(f"the job does not end: {found.get('stage')}")
