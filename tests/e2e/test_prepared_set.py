"""Two nodes and a prepared set, as real processes: the second job costs what changed.

In the fast run the two sides are processes in `test_bench_psi.py`, and nodes in one process in
`tests/simulation/test_prepared_sets.py`.
"""

import pytest

from tests.support.network import BRAND, PARTIES, PUBLISHER, RHO, SmallNetwork, load, typed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COLLABORATION = "standing-audience"
DOCUMENT = f"""\
collaboration: {COLLABORATION}
version: 1
title: A standing audience
expires: 2099-12-31
minimum_size: 50
budget: {{rho: "2", delta_exponent: 8}}
parties: {{brand: {{}}, publisher: {{}}}}
datasets:
  - {{party: brand, dataset: customers, identifiers: [email]}}
  - {{party: publisher, dataset: audience, identifiers: [email]}}
jobs:
  - kind: audience
    purpose: joint-audience
    receiver: publisher
    reveal: true
    protocol: psi-dh-prepared/1
"""


def agree(network: SmallNetwork) -> None:
    network.brand.post("/v1/collaborations", {"text": DOCUMENT})
    path = f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures"
    assert network.publisher.post(path)["in_force"]
    rule = {"kind": "audience", "purpose": "joint-audience", "allow_reveal": True}
    body = rule | {"collaboration": COLLABORATION, "max_rho": "1"}
    network.publisher.put("/v1/rules/standing", body)


def run(network: SmallNetwork) -> tuple[list[str], int]:
    """Run a job to its end; return the audience's keys, and the bytes that the brand sent."""
    before = len(network.proxy.exchanges)
    body = {"collaboration": COLLABORATION, "kind": "audience", "rho": RHO}
    job = str(network.brand.post("/v1/jobs", body)["job"])
    views = network.wait(job)
    assert {name: (v["state"], v["cause"]) for name, v in views.items()} == dict.fromkeys(
        PARTIES, ("completed", "")
    )
    for name, party in network.parties.items():
        path = network.folder / f"{name}-{job}.zip"
        path.write_bytes(party.download(f"/v1/ledger/export?job={job}"))
        said = typed("party_node.evidence.verifier", str(path), "--json")
        assert said.code == 0, said.out
        assert load(said)
        assert not (network.home(name) / "runs" / job).exists()
    found = network.publisher.post(f"/v1/audiences/{job}/activations")
    sent = [e for e in network.proxy.exchanges[before:] if e.party == BRAND and e.method == "PUT"]
    return sorted(found["keys"]), sum(len(e.request) for e in sent)


def kept(network: SmallNetwork, name: str) -> dict[str, int]:
    """Return the files of kept sets with their lengths; a changed file has another name."""
    folder = network.home(name) / "prepared"
    return {p.name: p.stat().st_size for p in folder.rglob("*") if p.is_file()} | {"manifest": 0}


def test_a_second_job_evaluates_nothing_again_and_sends_only_questions(
    network: SmallNetwork,
) -> None:
    agree(network)
    keys, whole = run(network)
    assert keys == network.expected_keys()
    files = {name: kept(network, name) for name in PARTIES}
    assert all(len(found) > 1 for found in files.values())
    for name in (BRAND, PUBLISHER):
        network.kill(name)
        network.start(name)
    again, difference = run(network)
    assert again == keys
    assert {name: kept(network, name) for name in PARTIES} == files
    # The set has 12 bytes for each person, and did not cross again.
    assert difference < whole - 12 * len(keys)
