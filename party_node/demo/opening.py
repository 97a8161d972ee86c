"""The demo's first part: enrolment, agreement, datasets, consents."""

from collections.abc import Mapping

from party_node.demo.network import Party
from party_node.demo.scene import (
    COLLABORATION,
    FEATURES,
    JOINT_AUDIENCE,
    LOOKALIKE,
    MEASUREMENT,
    Scene,
)

_DOCUMENT = """\
collaboration: spring-campaign
version: 1
title: Brand and publisher, spring campaign
expires: 2099-12-31
minimum_size: 50
budget: {rho: "0.2", delta_exponent: 8}
parties:
  brand: {fingerprint: "%(brand)s"}
  publisher: {fingerprint: "%(publisher)s"}
datasets:
  - {party: brand, dataset: customers, identifiers: [email, phone], columns: []}
  - {party: publisher, dataset: audience, identifiers: [email, phone], columns: [%(columns)s]}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: brand}
  - {kind: insight, purpose: audience-measurement, receiver: brand}
  - {kind: audience, purpose: joint-audience, receiver: publisher, reveal: true}
  - {kind: lookalike, purpose: lookalike-audience, receiver: publisher}
"""

RULES = {
    "measure-freely": {"kind": "overlap", "purpose": MEASUREMENT, "allow_reveal": False},
    "answer-freely": {"kind": "insight", "purpose": MEASUREMENT, "allow_reveal": False},
    "reveal-to-us": {"kind": "audience", "purpose": JOINT_AUDIENCE, "allow_reveal": True},
    "look-for-them": {"kind": "lookalike", "purpose": LOOKALIKE, "allow_reveal": False},
}
"""What the publisher approves without being asked each time."""


def document(prints: Mapping[str, str]) -> str:
    """Return the demo's collaboration file between the parties with these fingerprints."""
    return _DOCUMENT % {**prints, "columns": ", ".join(FEATURES)}


def agree(scene: Scene) -> None:
    """Show the three processes; both parties sign one collaboration."""
    network, teller = scene.network, scene.teller
    teller.step("Enrolment and agreement")
    for service in network.services():
        ready = f"ready in {service.ready_seconds} s"
        teller.say(f"{service.name}: process {service.process.pid}, {ready}, {service.url}")
    prints = {name: party.fingerprint for name, party in network.parties.items()}
    for name, fingerprint in prints.items():
        teller.say(f"{name} enrolled by invitation; fingerprint {fingerprint}")
    network.brand.post("/v1/collaborations", {"text": document(prints)})
    path = f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures"
    network.publisher.post(path)
    for name, rule in RULES.items():
        body = rule | {"collaboration": COLLABORATION, "max_rho": "0.02"}
        network.publisher.put(f"/v1/rules/{name}", body)
    teller.say(
        f"{COLLABORATION} countersigned by both; the publisher has {len(RULES)} standing rules"
    )
    scene.report["enrolment"] = prints


def register(scene: Scene) -> None:
    """Each party indexes its own file."""
    scene.teller.step("Two real datasets, messy identifiers")
    scene.report["datasets"] = {}
    world, network = scene.world, scene.network
    for party, dataset, path, key in (
        (network.brand, "customers", world.customers, "customer_id"),
        (network.publisher, "audience", world.audience, "reader_id"),
    ):
        body = {
            "dataset": dataset,
            "path": str(path),
            "key_column": key,
            "email_column": "email",
            "phone_column": "phone",
        }
        with scene.teller.working(f"{party.party} indexes {path.name}"):
            found = party.post("/v1/datasets", body)
        unreadable = found["refused_emails"] + found["refused_phones"]
        scene.teller.say(
            f"{party.party}: {found['rows']:,} rows are {found['people']:,} people"
            f" ({found['merged_duplicates']:,} duplicates merged,"
            f" {unreadable:,} unreadable identifiers)"
        )
        scene.report["datasets"][party.party] = found


def import_consents(scene: Scene) -> None:
    """Each party fills its consent ledger from a file."""
    scene.teller.step("Consent ledgers, filled from consent files")
    scene.report["consents"] = {}
    network, world = scene.network, scene.world
    for party, path in (
        (network.brand, world.brand_consents),
        (network.publisher, world.publisher_consents),
    ):
        with scene.teller.working(f"{party.party} imports {path.name}"):
            found = _import(party, str(path))
        scene.teller.say(
            f"{party.party}: {found['accepted']:,} events accepted,"
            f" {found['refused']:,} refused with reasons"
        )
        scene.report["consents"][party.party] = found


def _import(party: Party, path: str) -> dict[str, int]:
    source = f"{party.party}-crm"
    found: dict[str, int] = party.post("/v1/consent/imports", {"path": path, "source": source})
    return found
