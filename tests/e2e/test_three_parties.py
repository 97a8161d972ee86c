"""Three party nodes and a coordinator as real processes: one job of each kind, one of them killed.

In one process, with everything that can go wrong: `tests/simulation/test_three_parties.py`.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from party_node.demo import processes
from party_node.demo.network import Party, start_node
from tests.support.network import (
    COORDINATOR,
    SETTINGS,
    connect,
    create_node,
    load,
    start_coordinator,
    typed,
    until,
)

THREE = ("brand", "publisher", "shop")
HELD = {"brand": range(120), "publisher": range(20, 140), "shop": range(0, 200, 2)}
REFUSES = {("brand", 30, "shop"), ("shop", 40, "publisher"), ("publisher", 50, "brand")}
"""Who has not consented at which party towards which other one."""
ALL_HAVE = set.intersection(*(set(held) for held in HELD.values())) - {30, 40, 50}
RHO = "0.9"
COLLABORATION = "three"
PURPOSES = ("audience-measurement", "joint-audience")
DOCUMENT = """\
collaboration: three
version: 1
title: Three of us
expires: 2099-12-31
minimum_size: 5
budget: {rho: "5", delta_exponent: 8}
parties: {brand: {}, publisher: {}, shop: {}}
datasets:
  - {party: brand, dataset: people, identifiers: [email]}
  - {party: publisher, dataset: people, identifiers: [email]}
  - {party: shop, dataset: people, identifiers: [email]}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: brand}
  - {kind: audience, purpose: joint-audience, receiver: shop, reveal: true}
"""

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Party]]:
    folder = tmp_path_factory.mktemp("three")
    port, home = processes.free_port(), folder / COORDINATOR
    url = ("--url", f"http://127.0.0.1:{port}", "--name", "hub")
    processes.command("coordinator", "init", "--home", str(home), *url)
    with contextlib.ExitStack() as stack:
        stack.callback(start_coordinator(home, port).stop)
        with ThreadPoolExecutor(2) as pool:
            prints = list(pool.map(lambda p: create_node(folder, p), THREE))
            services = list(pool.map(lambda p: start_node(folder / p, p, **SETTINGS), THREE))
            for service in services:
                stack.callback(service.stop)
            list(pool.map(processes.await_ready, services))
        found = {
            name: Party(name, service, connect(service), fingerprint)
            for name, service, fingerprint in zip(THREE, services, prints, strict=True)
        }
        for party in found.values():
            stack.callback(lambda party=party: party.http.close())
            _fill(folder, party)
        _agree(found)
        yield found


def _fill(folder: Path, party: Party) -> None:
    path = folder / f"{party.party}.csv"
    rows = [f"row-{n},p{n}@example.com\n" for n in HELD[party.party]]
    path.write_text("key,email\n" + "".join(rows))
    body = {"dataset": "people", "path": str(path), "key_column": "key", "email_column": "email"}
    party.post("/v1/datasets", body)
    events = [
        {
            "key": f"{purpose}-{peer}-{n}", "email": f"p{n}@example.com", "state": "given",
            "purpose": purpose, "recipient": peer, "separate": True,
        }
        for n in HELD[party.party]
        for peer in THREE
        if peer != party.party and (party.party, n, peer) not in REFUSES
        for purpose in PURPOSES
    ]  # fmt: skip
    party.post("/v1/consent/events/batch", {"events": events})


def _agree(parties: dict[str, Party]) -> None:
    parties["brand"].post("/v1/collaborations", {"text": DOCUMENT})
    path = f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures"
    answers = [parties[name].post(path)["in_force"] for name in ("publisher", "shop")]
    assert answers == [False, True]
    for name in ("publisher", "shop"):
        for kind, purpose in zip(("overlap", "audience"), PURPOSES, strict=True):
            rule: dict[str, Any] = {"kind": kind, "purpose": purpose, "allow_reveal": True}
            body = rule | {"collaboration": COLLABORATION, "max_rho": "1"}
            parties[name].put(f"/v1/rules/{kind}", body)


def ask(parties: dict[str, Party], kind: str) -> str:
    body = {"collaboration": COLLABORATION, "kind": kind, "rho": RHO}
    return str(parties["brand"].post("/v1/jobs", body)["job"])


def proved(parties: dict[str, Party], folder: Path, job: str) -> None:
    """Each party's evidence verifies by itself, with the fingerprints of all three."""
    told = [f"--party={p.party}={p.fingerprint}" for p in parties.values()]
    for name, party in parties.items():
        path = folder / f"{name}-{job}.zip"
        path.write_bytes(party.download(f"/v1/ledger/export?job={job}"))
        said = typed("party_node.evidence.verifier", str(path), *told, "--json")
        assert said.code == 0, said.out
        assert load(said)["passed"]


def test_three_processes_count_and_build_an_audience(
    parties: dict[str, Party], tmp_path: Path
) -> None:
    job = ask(parties, "overlap")
    for party in parties.values():
        party.wait_for(job)
        size = party.get(f"/v1/jobs/{job}/result")["size"]
        half = size["high"] - size["value"]
        assert abs(size["value"] - len(ALL_HAVE)) <= 4 * half
    receipt = parties["shop"].get(f"/v1/jobs/{job}/receipt")
    assert receipt["complete"]
    assert [part["party"] for part in receipt["parts"]] == list(THREE)
    proved(parties, tmp_path, job)
    job = ask(parties, "audience")
    for party in parties.values():
        party.wait_for(job)
    keys = parties["shop"].post(f"/v1/audiences/{job}/activations")["keys"]
    assert set(keys) == {f"row-{n}" for n in ALL_HAVE}
    proved(parties, tmp_path, job)


def test_a_sender_that_is_killed_goes_on_where_it_was(parties: dict[str, Party]) -> None:
    job, sender = ask(parties, "overlap"), parties["publisher"]
    until(lambda: sender.http.get(f"/v1/jobs/{job}").is_success, "the publisher has seen the job")
    sender.service.process.kill()
    sender.service.process.wait()
    sender.http.close()
    sender.service = start_node(sender.home, sender.party, **SETTINGS)
    processes.await_ready(sender.service)
    sender.http = connect(sender.service)
    try:
        for party in parties.values():
            assert party.wait_for(job)["state"] == "completed"
    finally:
        sender.service.stop()
