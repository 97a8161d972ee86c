"""Rule 20: a gate that cannot decide says no and tells; two roles may stand in for a quorum, and
for nothing else.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from consent.audit import Outcome
from consent.checkpoint import open_checkpoint
from consent.errors import BadSignature
from consent.milestones import BreakGlass
from consent.note import parse_vkey
from consent.policy import parse_policy
from consent.uses import UseRecord
from party_node.emergencies import Approval
from party_node.errors import DiskFull, IllegalState
from party_node.evidence.bundle import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.ledger.asking import Answer, Said
from party_node.roles.callers import ADMINISTRATOR, Proven
from party_node.roles.errors import TwoRolesNeeded
from party_node.roles.tokens import StaffRole
from party_node.webhooks.tables import WebhookEventRow, WebhookRow
from tests.support.evidence import unpacked
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, consenting
from tests.support.witnessed_brand import Witnessed, witnessed_brand

PLAIN = consenting(BRAND) & consenting(PUBLISHER)
HOUR_MS = 3_600_000


class Silent:
    """A world in which two of the brand's three witnesses do not answer, and its staff."""

    def __init__(self, witnessed: Witnessed) -> None:
        self.witnessed, self.world, self.brand = witnessed, witnessed.world, witnessed.brand
        self.silence()
        roles = self.brand.services.roles
        self.tokens = [
            roles.add(name, role, ADMINISTRATOR)
            for name, role in (("ops", StaffRole.OPERATOR), ("dpo", StaffRole.COMPLIANCE))
        ]

    def silence(self) -> None:
        self.witnessed.alive["a"] = self.witnessed.alive["b"] = False

    def speak(self) -> None:
        self.witnessed.alive["a"] = True

    @property
    def two(self) -> tuple[Proven, Proven]:
        return self.brand.services.roles.two(*self.tokens)

    def approve(self, job: str, hours: int = 24) -> Approval:
        return self.brand.services.emergencies.approve(job, "the auditor is away", *self.two, hours)

    def waiting(self, kind: str = "audience") -> str:
        """Ask for a job and run it until the brand waits for its witnesses."""
        job = self.brand.ask(kind)
        self.world.settle(job, until=lambda: self.brand.use(job) is not None)
        assert (self.brand.phase(job), self.brand.driver.trouble) == ("permit", "quorum-missed")
        return job

    def still_waits(self, job: str) -> None:
        for _ in range(3):
            self.brand.turn()
        assert (self.brand.phase(job), self.brand.driver.trouble) == ("permit", "quorum-missed")
        folder = self.brand.chunk_folder(job)
        assert not folder.exists() or not list(folder.iterdir()), "no row is read"

    def uses(self, job: str) -> list[UseRecord]:
        return [
            e.record
            for e in self.brand.services.ledger.entries()
            if isinstance(e.record, UseRecord) and e.record.job == job
        ]

    def broken(self) -> list[BreakGlass]:
        entries = self.brand.services.ledger.entries()
        return [e.record for e in entries if isinstance(e.record, BreakGlass)]


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    with witnessed_brand(tmp_path) as made:
        yield Silent(made)


def completed(silent: Silent, job: str) -> None:
    world = silent.world
    assert world.job(job) == ("completed", "")
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert set(world.brand.receipt(job)[1]) == set(PARTIES)


def test_rule_20_a_gate_that_cannot_decide_says_no_and_tells(
    silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent.speak()
    parts = silent.brand.services
    with parts.db.writing() as session:
        session.add(
            WebhookRow(
                webhook="alarms", url="https://alarm.example/h", events="gate.failed",
                loopback=False, state="active", secret=b"", created_ms=1,
            )
        )  # fmt: skip
    job = silent.brand.ask("audience")
    silent.world.settle(job, until=lambda: silent.brand.phase(job) == "permit")

    def full(*_records: object, **_how: object) -> None:
        raise DiskFull

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(parts.ledger, "append", full)
        silent.brand.turn()
    assert silent.brand.use(job) is None, "nothing is permitted"
    assert (silent.brand.phase(job), silent.brand.driver.trouble) == ("permit", "disk-full")
    told = [line for line in logs if line["event"] == "gate-failed"]
    assert [(line["job"], line["cause"], line["log_level"]) for line in told] == [
        (job, "disk-full", "error")
    ]
    with parts.db.reading() as session:
        (event,) = session.exec(select(WebhookEventRow)).all()
    data = json.loads(parts.webhooks.outbox.open_body(event))["data"]
    assert data == {"job": job, "reason": "disk-full"}
    silent.world.settle(job)
    completed(silent, job)


def test_rule_20_break_glass_with_one_role_is_refused(silent: Silent) -> None:
    job, roles = silent.waiting(), silent.brand.services.roles
    operator, officer = silent.tokens
    for first, second in ((operator, operator), (officer, officer), (officer, operator)):
        with pytest.raises(TwoRolesNeeded):
            roles.two(first, second)
    second_operator = roles.add("ops-2", StaffRole.OPERATOR, ADMINISTRATOR)
    with pytest.raises(TwoRolesNeeded):
        roles.two(operator, second_operator)
    roles.revoke("dpo", ADMINISTRATOR)
    with pytest.raises(TwoRolesNeeded):
        roles.two(operator, officer)
    assert silent.broken() == []
    silent.still_waits(job)


@pytest.mark.parametrize("kind", ["audience", "overlap"])
def test_rule_20_with_two_roles_the_job_goes_on_and_the_use_record_names_it(
    silent: Silent, kind: str
) -> None:
    job, world = silent.waiting(kind), silent.world
    approval = silent.approve(job)
    world.settle(job)
    completed(silent, job)
    if kind == "audience":
        assert world.publisher.activate(job) == PLAIN
    (broken,) = silent.broken()
    assert (broken.job, broken.approval_id) == (job, approval.approval_id)
    assert [(a.name, a.role) for a in broken.approved_by] == [
        ("ops", "operator"), ("dpo", "compliance"),
    ]  # fmt: skip
    first, second = silent.uses(job)
    assert (first.break_glass, second.break_glass) == (None, approval.approval_id)
    assert second.expires_at_ms <= approval.expires_ms
    # What the other party checked is the coordinator's cosignature; the quorum is not there.
    receipt, _ = world.brand.receipt(job)
    (part,) = (p for p in receipt.parts if p.party == BRAND)
    log = parse_vkey(silent.brand.services.ledger.vkey)
    home = silent.brand.services.home
    assert open_checkpoint(part.note, log, [home.coordinator_witness], 1).size == part.head.size
    with pytest.raises(BadSignature):
        parse_policy(silent.witnessed.text).open(part.note)
    # Once the witnesses are back the evidence is whole.
    silent.speak()
    for node in world.nodes.values():
        checks = audit_bundle(unpacked(evidence(node.services)))
        assert [c for c in checks if c.outcome is Outcome.FAILED] == []


def test_rule_20_a_withdrawn_person_stays_out(silent: Silent) -> None:
    job = silent.waiting()
    gone = min(PLAIN)
    silent.world.clock.advance(seconds=1)
    silent.brand.say("withdrawn", gone, "joint-audience")
    silent.approve(job)
    silent.world.settle(job)
    completed(silent, job)
    assert silent.world.publisher.activate(job) == PLAIN - {gone}
    first, narrowed, named = silent.uses(job)
    assert {d.reason: d.subjects for d in narrowed.denied} == {"withdrawn": 1}
    assert named.allowed == narrowed.allowed == first.allowed - 1
    assert (narrowed.break_glass, named.break_glass) == (None, silent.broken()[0].approval_id)


def test_rule_20_an_approval_is_for_one_job_and_runs_out(silent: Silent) -> None:
    job, other = silent.waiting(), silent.waiting("overlap")
    silent.approve(other, hours=1)
    silent.still_waits(job)
    silent.world.clock.advance(hours=1)
    assert silent.brand.services.emergencies.standing(other) is None
    silent.brand.turn()
    assert silent.brand.phase(job) == "permit"
    for hours in (0, 25):
        with pytest.raises(IllegalState, match="1 to 24 hours"):
            silent.approve(job, hours)


def test_rule_20_a_run_under_an_approval_that_runs_out_waits_for_the_quorum(
    silent: Silent,
) -> None:
    job = silent.waiting("overlap")
    silent.approve(job, hours=1)
    brand, world = silent.brand, silent.world
    world.settle(job, until=lambda: brand.phase(job) == "release")
    world.clock.advance(hours=1)
    for _ in range(3):
        brand.turn()
    assert (brand.phase(job), brand.driver.trouble) == ("release", "quorum-missed")
    silent.speak()
    world.settle(job)
    completed(silent, job)


def test_rule_20_break_glass_never_overrules_a_witness_that_raised_an_alarm(
    silent: Silent,
) -> None:
    job = silent.waiting()
    silent.approve(job)
    witnessing = silent.brand.services.witnessing
    size, note = silent.brand.services.ledger.head()[0], silent.brand.services.ledger.checkpoint()
    refusal = Answer(Said.REFUSED, detail="another history")
    witnessing._memory.remember(silent.witnessed.keys["a"], refusal, size, note)
    silent.world.settle(job)
    assert silent.world.job(job)[1] == "ledger-inconsistent"
    assert silent.brand.result(job) is None


def test_rule_20_nothing_goes_on_without_the_coordinators_witness(silent: Silent) -> None:
    job = silent.waiting()
    silent.approve(job)
    witness = silent.brand.services.witnessing._witness(
        silent.brand.services.witnessing.trust.policy, "coordinator"
    )
    assert witness is not None

    def deaf(_request: bytes) -> tuple[int, str]:
        return 503, "not well"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(witness.endpoint, "add_checkpoint", deaf)
        for _ in range(3):
            silent.brand.turn()
        assert silent.brand.phase(job) == "permit"
        assert silent.brand.driver.trouble == "coordinator-unreachable"
    silent.world.settle(job)
    completed(silent, job)


def test_rule_20_after_a_restart_the_approval_stands(silent: Silent) -> None:
    job = silent.waiting()
    silent.approve(job)
    silent.brand.services.witnessing.close()
    silent.brand.restart()
    silent.world.settle(job)
    completed(silent, job)
