"""Evidence bundles of two nodes that ran real jobs, and what one needs to cheat with them."""

import functools
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consent.audit import Check, Outcome
from consent.bundle_files import POLICY, readme
from consent.bundle_files import README as LEDGER_README
from consent.policy import Policy, parse_policy
from party_node.evidence import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import LEDGER, MANIFEST, RUNS, manifest
from protocols.keys import PartyKeys
from tests.support.two_nodes import BRAND, MOST_TURNS, PARTIES, TwoNodes, two_nodes

TITLE = "Evidence from a consent ledger"


@dataclass(frozen=True)
class Evidence:
    """What two nodes exported after an overlap, an audience, and a run that broke off."""

    overlap: str
    audience: str
    broken: str
    """At the brand signed by the brand alone."""
    zips: Mapping[str, bytes]
    keys: Mapping[str, PartyKeys]

    def files(self, party: str = BRAND) -> dict[str, bytes]:
        return unpacked(self.zips[party])

    def policy(self, party: str = BRAND) -> Policy:
        """What an auditor brings: the right ledger and the right witness."""
        return parse_policy(self.files(party)[LEDGER + POLICY])

    def fingerprints(self) -> dict[str, str]:
        return {party: keys.public().fingerprint() for party, keys in self.keys.items()}

    def check(self, files: Mapping[str, bytes], party: str = BRAND) -> list[Check]:
        """Audit as somebody who knows policy and fingerprints."""
        return audit_bundle(files, self.policy(party), self.fingerprints())


@functools.cache
def exported() -> Evidence:
    """Run the jobs and export, once."""
    with two_nodes() as world:
        overlap, audience = world.brand.ask("overlap"), world.brand.ask("audience")
        world.settle(overlap, audience)
        broken = world.brand.ask("overlap")
        break_off_after_the_brand_signed(world, broken)
        return Evidence(
            overlap,
            audience,
            broken,
            {p: evidence.bundle(world.nodes[p].services) for p in PARTIES},
            {p: world.nodes[p].services.home.keys for p in PARTIES},
        )


def break_off_after_the_brand_signed(world: TwoNodes, job: str) -> None:
    """Leave a run where the brand has signed the receipt and the publisher has not seen that."""
    for _ in range(MOST_TURNS):
        world.brand.turn()
        if world.brand.receipt(job) is not None:
            return
        world.publisher.turn()
    raise AssertionError("the brand never signs")


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def relisted(files: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Return files under a README and a manifest that list them as they are: what a cheat does."""
    kept = {n: d for n, d in files.items() if d is not None and n != MANIFEST}
    inside = {
        n.removeprefix(LEDGER): d
        for n, d in kept.items()
        if n.startswith(LEDGER) and n != LEDGER + LEDGER_README
    }
    kept[LEDGER + LEDGER_README] = readme(TITLE, inside).encode()
    return kept | {MANIFEST: manifest(kept)}


def run(job: str, file: str) -> str:
    return f"{RUNS}{job}/{file}"


def failed(checks: list[Check]) -> set[str]:
    """Return what failed, without the job's number."""
    return {c.what.split(": ")[-1] for c in checks if c.outcome is Outcome.FAILED}
