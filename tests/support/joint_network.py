"""An agreement on joint scores over the small network's processes: labels at the brand, features at
both, of people whom no other test's files have.
"""

from pathlib import Path
from typing import Any

from party_node.home import Home
from party_node.joint.sides import Side, sides_in
from party_node.vault import Vault
from tests.support.joint_nodes import DOCUMENT, PEOPLE, PURPOSE, QUESTION, SILENT, written
from tests.support.network import BRAND, PARTIES, PUBLISHER, SmallNetwork, load
from tests.support.two_nodes import email, other

COLLABORATION = "scores"
DATASET = {BRAND: "members", PUBLISHER: "readers"}
"""Not the demo's, which other tests of the session go on with."""


def _here(text: str) -> str:
    return text.replace("customers", DATASET[BRAND]).replace("audience", DATASET[PUBLISHER])


ASKED = _here(QUESTION)


def agree_on_scores(network: SmallNetwork, folder: Path) -> None:
    """Put files, consents, the agreement and the publisher's rule in place, once."""
    for party in PARTIES:
        rows_are(network, folder, party)
        events = [
            {
                "key": f"joint-{n}", "email": email(n), "state": "given", "purpose": PURPOSE,
                "recipient": other(party), "separate": True,
            }
            for n in PEOPLE[party]
            if n not in SILENT[party]
        ]  # fmt: skip
        network.parties[party].post("/v1/consent/events/batch", {"events": events})
    text = _here(DOCUMENT).replace("collaboration: spring", f"collaboration: {COLLABORATION}")
    network.brand.post("/v1/collaborations", {"text": text.replace("2027-06-30", "2099-12-31")})
    path = f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures"
    assert network.publisher.post(path)["in_force"]
    rule = {"kind": "joint", "purpose": PURPOSE, "allow_reveal": True, "max_rho": "10"}
    network.publisher.put("/v1/rules/scores", rule | {"collaboration": COLLABORATION})


def rows_are(network: SmallNetwork, folder: Path, party: str, later: int = 0) -> None:
    """Register a party's file as it is after some time."""
    file = written(folder / f"{party}.csv", party, later)
    body = {"dataset": DATASET[party], "path": str(file), "key_column": "id"}
    network.parties[party].post("/v1/datasets", body | {"email_column": "email"})


def kept_of(network: SmallNetwork, party: str, job: str) -> Side | None:
    """Return what a party keeps of a joint job, read beside its process."""
    home = Home.open(network.home(party), environ={})
    return sides_in(home.models, Vault(home.kek)).find(job)


def scores_of(network: SmallNetwork, job: str) -> dict[str, float]:
    """Type what hands the scores of a job out; return them by row key."""
    said = network.accord(BRAND, "model", "scores", job[:12], "--json")
    assert said.code == 0, said.err
    rows: list[dict[str, Any]] = load(said)
    return {row["id"]: float(row["score"]) for row in rows}
