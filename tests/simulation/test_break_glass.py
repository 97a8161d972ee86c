"""Rule 20: a gate that cannot decide says no and tells; two roles may stand in for a quorum, and
for nothing else.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consent.audit import Outcome
from consent.checkpoint import open_checkpoint
from consent.milestones import BreakGlass
from consent.note import parse_vkey
from consent.policy import parse_policy
from consent.uses import UseRecord
from party_node.api.access import two_of
from party_node.emergencies import Approval
from party_node.errors import DiskFull, QuorumMissed
from party_node.evidence import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.ledger.asking import Said
from party_node.roles.callers import ADMINISTRATOR, Proven
from party_node.roles.errors import TwoRolesNeeded
from party_node.roles.tokens import StaffRole
from party_node.webhooks.tables import WebhookEventRow, WebhookRow
from tests.support.evidence import unpacked
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, Node, consenting
from tests.support.witnessed_brand import Witnessed, witnessed_brand

PLAIN = consenting(BRAND) & consenting(PUBLISHER)
HOUR_MS = 3_600_000


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Witnessed]:
    """A world in which two of the brand's three witnesses do not answer."""
    with witnessed_brand(tmp_path) as made:
        made.alive["a"] = made.alive["b"] = False
        yield made


def staff(node: Node) -> tuple[Proven, Proven]:
    roles = node.services.roles
    added = [
        roles.caller(roles.add(name, role, ADMINISTRATOR))
        for name, role in (("ops", StaffRole.OPERATOR), ("dpo", StaffRole.COMPLIANCE))
    ]
    operator, officer = added
    assert operator is not None
    assert officer is not None
    return operator, officer


def approve(node: Node, job: str, hours: int = 24) -> Approval:
    known = {r.name: r for r in node.services.roles.listed()}
    two = staff(node) if not known else node.staff  # type: ignore[attr-defined]
    node.staff = two  # type: ignore[attr-defined]
    return node.services.emergencies.approve(job, "the auditor is away", *two, hours)


def waiting(world: Witnessed, kind: str = "audience") -> str:
    """Ask for a job and run it until the brand waits for its witnesses."""
    job = world.brand.ask(kind)
    world.world.settle(job, quiet=True)
    assert world.brand.phase(job) == "permit"
    return job


def use_records(node: Node, job: str) -> list[UseRecord]:
    return [
        e.record
        for e in node.services.ledger.entries()
        if isinstance(e.record, UseRecord) and e.record.job == job
    ]
