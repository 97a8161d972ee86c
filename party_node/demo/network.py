"""The demo's network: a coordinator and two party nodes, set up with the commands that a person
would use.
"""

import concurrent.futures
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from party_node.demo import processes
from party_node.demo.processes import DemoFailed, Service
from party_node.plain_http import trusting_nobody

JOB_SECONDS = 600
_NAMES = {"brand": "Brand", "publisher": "Publisher"}


@dataclass(slots=True)
class Party:
    """A running party node, spoken to through its own interface."""

    party: str
    service: Service
    http: httpx2.Client
    fingerprint: str = ""

    @property
    def home(self) -> Path:
        """Its folder."""
        return self.service.home

    def get(self, path: str) -> Any:
        """GET from the node's own interface. Raises: DemoFailed with the problem's text."""
        return self._answer(self.http.get(path))

    def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """POST to the node's own interface. Raises: DemoFailed with the problem's text."""
        return self._answer(self.http.post(path, json=body or {}, headers=headers))

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """PUT to the node's own interface. Raises: DemoFailed with the problem's text."""
        return self._answer(self.http.put(path, json=body))

    def download(self, path: str) -> bytes:
        """GET a file. Raises: DemoFailed."""
        response = self.http.get(path)
        self._check(response)
        return response.content

    def _answer(self, response: httpx2.Response) -> Any:
        self._check(response)
        return response.json() if response.content else None

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        try:
            problem = response.json()
            text = f"{problem.get('title', '')}: {problem.get('detail', '')}"
        except ValueError:
            text = f"answer {response.status_code}"
        raise DemoFailed(f"the {self.party}'s node: {text}")

    def wait_for(self, job: str) -> dict[str, Any]:
        """Return the job once it has ended. Raises: DemoFailed if it did not complete."""
        limit = time.monotonic() + JOB_SECONDS
        while time.monotonic() < limit:
            found: dict[str, Any] = self.get(f"/v1/jobs/{job}?wait=10&until=ended")
            if found["state"] == "completed" and found.get("phase") in ("done", None):
                return found
            if found["state"] in ("failed", "declined", "expired", "cancelled"):
                raise DemoFailed(f"job {job} ended as {found['state']}: {found['cause']}")
        raise DemoFailed(f"job {job} did not end within {JOB_SECONDS} seconds")


@dataclass(slots=True)
class Network:
    """Three processes and how to speak to them."""

    folder: Path
    coordinator: Service
    parties: dict[str, Party]

    @property
    def brand(self) -> Party:
        """The brand's node."""
        return self.parties["brand"]

    @property
    def publisher(self) -> Party:
        """The publisher's node."""
        return self.parties["publisher"]

    def services(self) -> list[Service]:
        """All three processes."""
        return [self.coordinator, *(p.service for p in self.parties.values())]

    def stop(self) -> None:
        """End all three processes."""
        for party in self.parties.values():
            party.http.close()
        for service in reversed(self.services()):
            service.stop()


def set_up(folder: Path, **node_environment: str) -> Network:
    """Start a coordinator and two enrolled nodes under `folder`. Raises: DemoFailed."""
    coordinator = start_coordinator(folder)
    started: list[Service] = [coordinator]
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(_create, folder, party) for party in _NAMES]
            prints = {party: job.result() for party, job in zip(_NAMES, jobs, strict=True)}
        parties = {}
        for party in _NAMES:
            service = start_node(folder / party, party, **node_environment)
            started.append(service)
            parties[party] = service
        return Network(
            folder,
            coordinator,
            {party: _connect(party, service, prints[party]) for party, service in parties.items()},
        )
    except BaseException:
        for service in started:
            service.stop()
        raise


def start_coordinator(folder: Path) -> Service:
    """Initialise and start a coordinator; returns when it is ready."""
    home, port = folder / "coordinator", processes.free_port()
    where, url = ("--home", str(home)), f"http://127.0.0.1:{port}"
    processes.command("coordinator", "init", *where, "--url", url, "--name", "demo-hub")
    service = processes.start(
        "coordinator", "coordinator", home, "serve", *where, "--port", str(port)
    )
    service.url = url
    processes.await_ready(service)
    return service


def _create(folder: Path, party: str) -> str:
    """Create and enrol one node by invitation; returns its fingerprint."""
    home = ("--home", str(folder / party))
    invited = processes.command(
        "coordinator", "invite", "--home", str(folder / "coordinator"), "--party", party
    )["text"]
    processes.command(
        "party_node", "node", "create", *home, "--party", party, "--name", _NAMES[party],
        "--port", "0", "--json",
    )  # fmt: skip
    enrolled = processes.command("party_node", "node", "enrol", invited, *home, "--json")
    return str(enrolled["fingerprint"])


def start_node(home: Path, party: str, **environment: str) -> Service:
    """Start the node of an existing home folder; returns at once."""
    (home / "url").unlink(missing_ok=True)
    return processes.start(
        party, "party_node", home, "node", "serve", "--home", str(home), **environment
    )


def restart_nodes(network: Network, **environment: str) -> None:
    """Stop both nodes and start them again over the same homes; the coordinator stays."""
    for party in network.parties.values():
        party.http.close()
        party.service.stop()
    started = {n: start_node(p.home, n, **environment) for n, p in network.parties.items()}
    for name, service in started.items():
        network.parties[name] = _connect(name, service, network.parties[name].fingerprint)


def _connect(party: str, service: Service, fingerprint: str) -> Party:
    processes.await_ready(service)
    token = (service.home / "token").read_text().strip()
    http = httpx2.Client(
        base_url=service.url,
        verify=trusting_nobody(),
        headers={"Authorization": f"Bearer {token}"},
        timeout=300,
        trust_env=False,
    )
    return Party(party, service, http, fingerprint)
