"""The demo's last part: the audit, the receipts, the evidence checked offline, the comparison."""

import json
import subprocess
import sys
from typing import Any

from party_node.demo.network import Party
from party_node.demo.scene import Scene

JOBS = ("overlap", "insight", "audience", "audience_again")


def audit(scene: Scene) -> None:
    """Show who asked what, what was permitted and withheld, and let the verifier check it."""
    scene.teller.step("The audit: what was asked, permitted, withheld and paid; and the proof")
    scene.report["audit"], scene.report["evidence"] = {}, {}
    for name, party in scene.network.parties.items():
        uses = party.get("/v1/audit")
        scene.teller.say(f"the {name}'s ledger:")
        scene.teller.table(
            ["job", "operation", "asked", "permitted", "withheld, by reason"],
            [_row(use) for use in uses],
        )
        scene.report["audit"][name] = uses
        scene.report["evidence"][name] = _verify(scene, party)
    scene.report["receipts"] = {}
    for job in (scene.report[name]["job"] for name in JOBS):
        both = [p.get(f"/v1/jobs/{job}/receipt") for p in scene.network.parties.values()]
        signers = sorted(both[0]["signatures"])
        scene.checks.equal(f"receipt of {job[:8]}: the same at both", both[0] == both[1], True)
        scene.checks.equal(f"receipt of {job[:8]}: signed by", signers, ["brand", "publisher"])
        scene.report["receipts"][job] = both[0]


def _row(use: dict[str, Any]) -> list[str]:
    withheld = ", ".join(f"{reason} {count:,}" for reason, count in use["denied"].items())
    return [use["job"][:8], use["operation"], f"{use['asked']:,}", f"{use['allowed']:,}", withheld]


def _verify(scene: Scene, party: Party) -> dict[str, Any]:
    """Export the evidence and check it in a process that has neither network nor database."""
    path = scene.network.folder / f"{party.party}-evidence.zip"
    path.write_bytes(party.download("/v1/ledger/export"))
    words = [sys.executable, "-m", "party_node.evidence.verifier", str(path), "--json"]
    done = subprocess.run(words, capture_output=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"checks": []}
    right = sum(1 for c in found["checks"] if c["passed"])
    scene.teller.say(f"accord-verify {path.name}: {right} of {len(found['checks'])} checks held")
    held = done.returncode == 0 and right > 0
    scene.judge(scene.checks.true(f"evidence of the {party.party} verifies offline", held))
    return {"file": path.name, "checks": found["checks"]}


def compare(scene: Scene) -> None:
    """Count the comparisons and what the processes used."""
    wrong = [c.name for c in scene.checks.done if not c.right]
    total = len(scene.checks.done)
    scene.teller.step("The answers next to the plain computation")
    scene.teller.say(f"{total - len(wrong)} of {total} comparisons agree")
    for name in wrong:
        scene.teller.say(f"differs: {name}")
    scene.report["processes"] = {
        s.name: s.usage() | {"ready_seconds": s.ready_seconds} for s in scene.network.services()
    }
    scene.report["checks"] = scene.checks.as_list()
    scene.report["agrees"] = scene.checks.all_right
