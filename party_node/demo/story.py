"""The main job, told and checked: consent, matching, a noisy overlap, a joint audience, a withdrawal, the proof.

Every step goes through the doors that people use: commands, and the nodes' own interfaces. What comes out is
compared with `truth`, which knows the people only from the generator and shares no code with the product.
"""

import json
import subprocess
import sys
import time
from typing import Any

from party_node.demo import truth as plain
from party_node.demo.checks import Check, Checks
from party_node.demo.network import Network, Party
from party_node.demo.people import DemoWorld
from party_node.demo.telling import Teller

COLLABORATION = "spring-campaign"
MEASUREMENT, JOINT_AUDIENCE = "audience-measurement", "joint-audience"
RHO = "0.005"
SIGMA = 10
SIGMAS_ALLOWED = 5
"""Noise beyond five standard deviations comes once in 1.7 million demos."""

DOCUMENT = """\
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
  - {party: publisher, dataset: audience, identifiers: [email, phone], columns: []}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: brand}
  - {kind: audience, purpose: joint-audience, receiver: publisher, reveal: true}
"""


class Story:
    """One telling of the demo over a running network."""

    def __init__(self, network: Network, world: DemoWorld, teller: Teller) -> None:
        self.network, self.world, self.teller = network, world, teller
        self.checks = Checks()
        self.report: dict[str, Any] = {}

    def tell(self) -> None:
        """Run every step. Raises: DemoFailed if one does not do what it should."""
        self._agree()
        self._register()
        self._import_consents()
        self._overlap()
        first = self._audience("audience")
        self._withdraw(first)
        self._audit()
        self._compare()

    # -- steps ------------------------------------------------------------------------------------

    def _agree(self) -> None:
        teller, brand, publisher = self.teller, self.network.brand, self.network.publisher
        teller.step("Enrolment and agreement")
        for service in self.network.services():
            teller.say(f"{service.name}: process {service.process.pid}, ready in {service.ready_seconds} s, {service.url}")
        for party in (brand, publisher):
            teller.say(f"{party.party} enrolled by invitation; fingerprint {party.fingerprint}")
        text = DOCUMENT % {p: party.fingerprint for p, party in self.network.parties.items()}
        brand.post("/v1/collaborations", {"text": text})
        publisher.post(f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures")
        for name, kind, purpose, reveal in (
            ("measure-freely", "overlap", MEASUREMENT, False),
            ("reveal-to-us", "audience", JOINT_AUDIENCE, True),
        ):
            rule = {"collaboration": COLLABORATION, "kind": kind, "purpose": purpose, "max_rho": "0.01", "allow_reveal": reveal}
            publisher.put(f"/v1/rules/{name}", rule)
        teller.say("collaboration spring-campaign countersigned by both; the publisher has two standing rules")
        self.report["enrolment"] = {p: party.fingerprint for p, party in self.network.parties.items()}

    def _register(self) -> None:
        self.teller.step("Two real datasets, messy identifiers")
        reports = {}
        for party, dataset, path, key in (
            (self.network.brand, "customers", self.world.customers, "customer_id"),
            (self.network.publisher, "audience", self.world.audience, "reader_id"),
        ):
            with self.teller.working(f"{party.party} indexes {path.name}"):
                found = party.post("/v1/datasets", {"dataset": dataset, "path": str(path), "key_column": key, "email_column": "email", "phone_column": "phone"})
            reports[party.party] = found
            self.teller.say(
                f"{party.party}: {found['rows']:,} rows are {found['people']:,} people"
                f" ({found['merged_duplicates']:,} duplicates merged, "
                f"{found['refused_emails'] + found['refused_phones']:,} unreadable identifiers)"
            )
        self.report["datasets"] = reports

    def _import_consents(self) -> None:
        self.teller.step("Consent ledgers, filled from consent files")
        reports = {}
        for party, path in (
            (self.network.brand, self.world.brand_consents),
            (self.network.publisher, self.world.publisher_consents),
        ):
            with self.teller.working(f"{party.party} imports {path.name}"):
                found = party.post("/v1/consent/imports", {"path": str(path), "source": f"{party.party}-crm"})
            reports[party.party] = found
            self.teller.say(f"{party.party}: {found['accepted']:,} events accepted, {found['refused']:,} refused with reasons")
        self.report["consents"] = reports

    def _overlap(self) -> None:
        self.teller.step("Job `overlap`: how many people do we have in common?")
        job, seconds = self._run("overlap")
        results = {p: party.get(f"/v1/jobs/{job}/result") for p, party in self.network.parties.items()}
        permitted = plain.overlap(self.world, MEASUREMENT)
        self._say_own(results)
        size = results["brand"]["size"]
        self.teller.say(f"both learn: {size['text']}, after {seconds:.1f} s; charged rho {RHO} at each side before")
        self._verdict(self.checks.within("overlap: noisy size against the plain count", size["value"], permitted, SIGMA * SIGMAS_ALLOWED))
        self._verdict(self.checks.equal("overlap: both sides hear the same size", results["publisher"]["size"], size))
        for party in self.network.parties:
            own = plain.permitted(self.world, party, MEASUREMENT)
            self._verdict(self.checks.equal(f"overlap: people the {party}'s gate permitted", results[party]["own"]["permitted"], own))
        self.report["overlap"] = {"job": job, "seconds": round(seconds, 2), "results": results, "plain": permitted}

    def _audience(self, name: str) -> list[str]:
        """Run the audience job, fetch the list at the publisher, compare; return the list."""
        again = name != "audience"
        self.teller.step("The same audience again" if again else "Job `audience`: a joint audience for the publisher to activate")
        job, seconds = self._run("audience")
        publisher = self.network.publisher
        keys = sorted(publisher.post(f"/v1/audiences/{job}/activations")["keys"])
        expected = sorted(plain.audience(self.world, JOINT_AUDIENCE))
        noisy = self.network.brand.get(f"/v1/jobs/{job}/result")["size"]
        self.teller.say(f"the publisher gets {len(keys):,} of its own readers; the brand learns only {noisy['text']}, after {seconds:.1f} s")
        self._verdict(self.checks.equal(f"{name}: exactly the plain intersection of permitted people", keys == expected, True))
        self._verdict(self.checks.within(f"{name}: noisy size at the brand", noisy["value"], len(expected), SIGMA * SIGMAS_ALLOWED))
        self.report[name] = {"job": job, "seconds": round(seconds, 2), "people": len(keys), "plain": len(expected), "brand_learns": noisy}
        return keys

    def _withdraw(self, first: list[str]) -> None:
        teller, publisher = self.teller, self.network.publisher
        teller.step("One matched person withdraws")
        person = self.world.withdrawing
        said = publisher.post(
            "/v1/consent/events",
            {"email": person.email, "state": "withdrawn", "purpose": JOINT_AUDIENCE, "recipient": "brand"},
            **{"Idempotency-Key": "demo-withdrawal-1"},
        )
        plain.withdraw(self.world)
        teller.say(f"reader {person.reader_id} withdraws; entry {said['index']} of the publisher's ledger")
        second = self._audience("audience_again")
        why = publisher.post(
            "/v1/consent/explanations",
            {"email": person.email, "purpose": JOINT_AUDIENCE, "recipient": "brand", "operation": "activate"},
        )
        teller.say(f"the ledger shows why: {why['decision']} ({why['reason']}), decided by entry {why['deciding_index']}")
        self._verdict(self.checks.equal("withdrawal: that person and nobody else is gone", sorted(set(first) - set(second)), [person.reader_id]))
        self._verdict(self.checks.equal("withdrawal: the entry that decides is the withdrawal", why["deciding_index"], said["index"]))
        self.report["withdrawal"] = {"entry": said["index"], "explanation": why}

    def _audit(self) -> None:
        self.teller.step("The audit: what was asked, permitted, withheld, paid; and the proof")
        self.report["audit"], self.report["evidence"] = {}, {}
        for name, party in self.network.parties.items():
            uses = party.get("/v1/audit")
            rows = [[u["job"][:8], u["purpose"], f"{u['asked']:,}", f"{u['allowed']:,}", ", ".join(f"{r} {n:,}" for r, n in u["denied"].items())] for u in uses]
            self.teller.say(f"the {name}'s ledger:")
            self.teller.table(["job", "purpose", "asked", "permitted", "withheld, by reason"], rows)
            self.report["audit"][name] = uses
            self.report["evidence"][name] = self._verify(party)
        jobs = [self.report[k]["job"] for k in ("overlap", "audience", "audience_again")]
        for job in jobs:
            both = [party.get(f"/v1/jobs/{job}/receipt") for party in self.network.parties.values()]
            self.checks.equal(f"receipt of job {job[:8]}: the same at both, signed by both", both[0], both[1])
            self.checks.equal(f"receipt of job {job[:8]}: signatures", sorted(both[0]["signatures"]), ["brand", "publisher"])
        self.report["receipts"] = {job: self.network.brand.get(f"/v1/jobs/{job}/receipt") for job in jobs}

    def _verify(self, party: Party) -> dict[str, Any]:
        """Export the evidence and let the offline verifier check it, in a process without network or database."""
        path = self.network.folder / f"{party.party}-evidence.zip"
        path.write_bytes(party.download("/v1/ledger/export"))
        words = [sys.executable, "-m", "party_node.verifier", str(path), "--json"]
        done = subprocess.run(words, capture_output=True, check=False)
        report: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"checks": []}
        right = sum(1 for c in report["checks"] if c["passed"])
        self.teller.say(f"accord-verify {path.name}: {right} of {len(report['checks'])} checks passed")
        self._verdict(self.checks.true(f"evidence of the {party.party} verifies offline", done.returncode == 0 and right > 0))
        return {"file": path.name, "checks": report["checks"]}

    def _compare(self) -> None:
        wrong = [c.name for c in self.checks.done if not c.right]
        self.teller.step("The answers next to the plain computation")
        self.teller.say(f"{len(self.checks.done) - len(wrong)} of {len(self.checks.done)} comparisons agree")
        for name in wrong:
            self.teller.say(f"differs: {name}")
        self.report["processes"] = {s.name: s.usage() | {"ready_seconds": s.ready_seconds} for s in self.network.services()}
        self.report["checks"] = self.checks.as_list()
        self.report["agrees"] = self.checks.all_right

    # -- parts ------------------------------------------------------------------------------------

    def _run(self, kind: str) -> tuple[str, float]:
        """Ask for a job at the brand; return it and its seconds once both sides have their result."""
        brand = self.network.brand
        ask = {"collaboration": COLLABORATION, "kind": kind, "rho": RHO}
        mine = brand.post("/v1/jobs", ask | {"dry_run": True})["preflight"]
        self.teller.say(
            f"pre-flight at the brand: {mine['permitted_step']:,}+ of {mine['asked_step']:,}+ people permitted,"
            f" about {mine['seconds']} s, budget {mine['rho_before']} → {mine['rho_after']}"
        )
        began = time.monotonic()
        job = str(brand.post("/v1/jobs", ask)["job"])
        with self.teller.working(f"job {job[:8]}: gate at both sides, protocol through the relay, receipt"):
            for party in self.network.parties.values():
                found = party.wait_for(job)
        self.teller.say(f"job {job[:8]} approved at the publisher by {found['decision'] or 'a standing rule'}")
        return job, time.monotonic() - began

    def _say_own(self, results: dict[str, Any]) -> None:
        for party, result in results.items():
            own = result["own"]
            held = ", ".join(f"{reason} {count:,}" for reason, count in own["withheld"].items())
            self.teller.say(f"{party}: {own['permitted']:,} of {own['asked']:,} people permitted; withheld: {held}")

    def _verdict(self, check: Check) -> None:
        self.teller.verdict(f"{check.name} ({check.found} against {check.expected}, {check.how})", right=check.right)
