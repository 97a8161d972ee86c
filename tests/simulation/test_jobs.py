"""Two nodes and a coordinator through any history of jobs, accidents and withdrawals.

Hypothesis draws the history: requests and answers get lost, processes die and come back, people
withdraw, time passes, mailboxes are swept. Whatever happens, what `product.md` promises must hold
at every moment, and once the accidents stop every job must come to its end: with the plain answer,
or ended by someone who may end it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import select

from coordinator.tables import JobRow, MailboxSideRow, ReceiptRow
from party_node.errors import IllegalState, NodeError
from party_node.job_tables import OutboxRow, RunRow
from party_node.tables import CheckpointRow
from protocols.codec import decode, encode
from protocols.job import JobDescription
from protocols.signed import Signed, peek
from tests.support.two_nodes import (
    BRAND,
    HELD,
    NOISE,
    PARTIES,
    PUBLISHER,
    PURPOSE,
    RECEIVER,
    RHO_NANO,
    Node,
    consenting,
    two_nodes,
)

BEFORE_PERMIT = ("start", "greet", "agree", "permit")
UNRELEASED = (*BEFORE_PERMIT, "protocol", "release")
ENDS = ("completed", "declined", "failed", "expired", "cancelled")
MOST_JOBS = 3
LONGEST_MS = 6 * 3600 * 1000

parties = st.sampled_from(PARTIES)
kinds = st.sampled_from(sorted(PURPOSE))
positions = st.integers(0, MOST_JOBS - 1)


class JobHistory(RuleBasedStateMachine):
    """The world, and beside it what the plain computation needs to know."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.world = self.stack.enter_context(two_nodes())
        self.willing = {
            (party, purpose): consenting(party) for party in PARTIES for purpose in PURPOSE.values()
        }
        self.kind: dict[str, str] = {}
        self.at_permit: dict[tuple[str, str], set[int]] = {}
        """(job, party) → who was willing when this side's gate decided for the last time."""
        self.at_release: dict[str, set[int]] = {}
        """job → who was willing at the receiver when it released."""
        self.seen: dict[tuple[str, str, str], Any] = {}
        """(party, job, what) → what was stored when it was first seen."""
        self.ended_by_hand: set[str] = set()

    # -- what happens ----------------------------------------------------------------------

    @initialize(by_person=st.booleans())
    def decide_who_approves(self, by_person: bool) -> None:
        if by_person:
            self.world.publisher.services.rules.remove("all-audience")

    @precondition(lambda self: len(self.jobs()) < MOST_JOBS)
    @rule(kind=kinds)
    def ask(self, kind: str) -> None:
        with contextlib.suppress(NodeError):
            self.world.brand.ask(kind)

    @rule(job=positions)
    def approve(self, job: int) -> None:
        self._decide(job, lambda node, name: node.services.jobs.approve(name, "person:owner"))

    @rule(party=parties, turns=st.integers(1, 5))
    def go_on(self, party: str, turns: int) -> None:
        for _ in range(turns):
            self.world.nodes[party].turn()
            self.watch()

    @rule(party=parties)
    def step_without_news(self, party: str) -> None:
        node = self.world.nodes[party]
        for job in node.services.runs.active():
            node.driver.turn(job)
            self.watch()

    @rule(party=parties)
    def read_board(self, party: str) -> None:
        self.world.nodes[party].driver.read_board()

    @rule(party=parties, count=st.integers(1, 2))
    def lose_requests(self, party: str, count: int) -> None:
        self.world.nodes[party].wire.lose_requests = count

    @rule(party=parties, count=st.integers(1, 2))
    def lose_answers(self, party: str, count: int) -> None:
        self.world.nodes[party].wire.lose_answers = count

    @rule(party=parties, requests=st.integers(0, 4), heard=st.booleans())
    def die_while_stepping(self, party: str, requests: int, heard: bool) -> None:
        """Kill the node in the middle of a turn, before or after a request went out."""
        node = self.world.nodes[party]
        with contextlib.suppress(Killed), dying(node, requests, heard=heard):
            node.turn()
        node.restart()

    @rule(party=parties)
    def restart(self, party: str) -> None:
        self.world.nodes[party].restart()

    @rule()
    def restart_coordinator(self) -> None:
        self.world.start_coordinator()

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule(party=parties, person=st.integers(10, 27), kind=kinds)
    def withdraw(self, party: str, person: int, kind: str) -> None:
        node, purpose = self.world.nodes[party], PURPOSE[kind]
        if person in HELD[party]:
            node.say("withdrawn", person, purpose)
            self.willing[party, purpose].discard(person)

    @rule(ms=st.sampled_from([1, 250, 1000, 60_000, 3_600_000, LONGEST_MS]))
    def pass_time(self, ms: int) -> None:
        self.world.clock.now_ms += ms

    @precondition(lambda self: self.jobs())
    @rule(job=positions, party=parties, chance=st.integers(0, 5))
    def end_by_hand(self, job: int, party: str, chance: int) -> None:
        """Now and then somebody changes their mind."""
        if chance:
            return
        end = "cancel" if party == BRAND else "decline"
        name = self.jobs()[job % len(self.jobs())]
        self.ended_by_hand.add(name)
        with contextlib.suppress(NodeError):
            if end == "cancel":
                self.world.brand.services.jobs.cancel(name)
            else:
                self.world.publisher.services.jobs.decline(name, "person:owner")

    def _decide(self, job: int, how: Any) -> None:
        known = self.jobs()
        if known:
            with contextlib.suppress(NodeError):
                how(self.world.publisher, known[job % len(known)])

    # -- what holds at every moment --------------------------------------------------------

    @invariant()
    def watch(self) -> None:
        for job in self.jobs():
            self._note(job)
            for node in self.world.nodes.values():
                self._nothing_changes(node, job)
                self._nothing_leaves_too_early(node, job)
            self._closed_mailboxes_are_empty(job)

    def _note(self, job: str) -> None:
        """Follow what the plain computation needs: who was willing when."""
        purpose = PURPOSE[self.kind[job]]
        for party, node in self.world.nodes.items():
            phase = next((r.phase for r in node.rows(RunRow, job=job)), "start")
            willing = self.willing[party, purpose]
            if phase in BEFORE_PERMIT or (job, party) not in self.at_permit:
                self.at_permit[job, party] = set(willing)
            if party == RECEIVER[self.kind[job]] and (
                phase in UNRELEASED or job not in self.at_release
            ):
                self.at_release[job] = set(willing)

    def _nothing_changes(self, node: Node, job: str) -> None:
        """Results, receipts and charges are made once: what was seen is what stays."""
        receipt = node.receipt(job)
        found = {
            "result": node.result(job),
            "receipt": None if receipt is None else encode(receipt[0]),
            "charges": [(c.charge, c.to_party, c.what, c.rho_nano) for c in node.charges(job)],
        }
        assert len(found["charges"]) <= 1
        for what, value in found.items():
            before = self.seen.get((node.party, job, what))
            if before:
                assert value == before or self._may_go(job, what), f"{node.party}: {what} changed"
            if value:
                self.seen[node.party, job, what] = value

    def _may_go(self, job: str, what: str) -> bool:
        """Results and receipts of a job that did not complete may be taken back; never charges."""
        return what != "charges" and self.world.job(job)[0] != "completed"

    def _nothing_leaves_too_early(self, node: Node, job: str) -> None:
        """After the pre-flight nothing is sent, or released, before it is recorded and paid for."""
        side = self.world.read(lambda s: s.get(MailboxSideRow, (job, node.party)))
        if side.sent > 1 or node.result(job) or node.rows(OutboxRow, job=job)[1:]:
            use, charges = node.use(job), node.charges(job)
            assert use is not None
            assert len(charges) == 1
            notes = [c for c in node.rows(CheckpointRow) if c.size > use.use_entry]
            assert notes, "the use record is in no checkpoint"
            assert any(c.cosigned for c in notes), "no witness has seen the use record"

    def _closed_mailboxes_are_empty(self, job: str) -> None:
        if all(self.world.outcomes(job).values()):
            assert self.world.bodies(job) == []

    # -- the end ---------------------------------------------------------------------------

    def teardown(self) -> None:
        with self.stack:
            if self.jobs():
                self._let_it_end()
                for job in self.jobs():
                    self._judge(job)

    def _let_it_end(self) -> None:
        """No more accidents; the data owner says yes to what still waits for it."""
        world = self.world
        for node in world.nodes.values():
            node.wire.lose_requests = node.wire.lose_answers = 0
            node.turn()
        for job in self.jobs():
            with contextlib.suppress(IllegalState):
                world.publisher.services.jobs.approve(job, "person:owner")
        world.sweep()
        world.settle(*self.jobs())
        self.watch()

    def _judge(self, job: str) -> None:
        state, cause = self.world.job(job)
        for node in self.world.nodes.values():
            assert node.state(job) == (state, cause)
            assert node.phase(job) == "done"
            assert not node.chunk_folder(job).exists()
            assert not node.rows(OutboxRow, job=job)
            use = node.use(job)
            assert use is None or use.outcome, "the ledger does not say how the use ended"
        assert state in ENDS
        assert all(self.world.outcomes(job).values())
        assert self.world.bodies(job) == []
        if state == "completed":
            self._completed(job)
        else:
            self._ended(job, state, cause)

    def _completed(self, job: str) -> None:
        world, kind = self.world, self.kind[job]
        ours, theirs = world.brand.receipt(job), world.publisher.receipt(job)
        assert ours is not None
        assert ours == theirs
        assert set(ours[1]) == set(PARTIES)
        filed = world.read(lambda s: s.get(ReceiptRow, job))
        assert filed.receipt == encode(ours[0])
        plain = self.at_permit[job, BRAND] & self.at_permit[job, PUBLISHER]
        if kind == "audience":
            plain &= self.at_release[job]
        for node in world.nodes.values():
            result = node.result(job)
            assert result is not None
            assert abs(result["size"]["value"] - len(plain)) <= NOISE
            paid = sum(c.rho_nano for c in node.charges(job))
            reveals = kind == "audience" and node.party == BRAND
            assert paid == (0 if reveals else RHO_NANO)
        if kind == "audience":
            assert world.publisher.result(job)["audience"] == {"people": len(plain)}
            assert world.publisher.activate(job) == plain & self.willing[PUBLISHER, PURPOSE[kind]]

    def _ended(self, job: str, state: str, cause: str) -> None:
        expires_ms = self._description(job).expires_ms
        if state == "expired":
            assert self.world.clock() >= expires_ms
        else:
            assert job in self.ended_by_hand, f"{state} for {cause}, and nobody wanted that"
        for node in self.world.nodes.values():
            with pytest.raises(NodeError):
                node.activate(job)

    # -- looking ---------------------------------------------------------------------------

    def jobs(self) -> list[str]:
        """Return all jobs that the coordinator has, oldest first: nobody else can know of one."""
        query = select(JobRow).order_by(JobRow.created_ms, JobRow.job)
        rows = self.world.read(lambda s: list(s.exec(query).all()))
        for row in rows:
            self.kind[row.job] = peek(JobDescription, decode(Signed, row.signed)).kind
        return [row.job for row in rows]

    def _description(self, job: str) -> JobDescription:
        row = self.world.read(lambda s: s.get(JobRow, job))
        return peek(JobDescription, decode(Signed, row.signed))


class Killed(BaseException):
    """The process is gone."""


@contextlib.contextmanager
def dying(node: Node, requests: int, *, heard: bool) -> Iterator[None]:
    """Let the node die at its n-th request from now: before it leaves, or before its answer."""
    left = requests

    def on_request(request: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0 and not heard:
            raise Killed

    def on_answer(_request: Any, answer: Any) -> Any:
        if left < 0:
            raise Killed
        return answer

    node.wire.on_request, node.wire.on_answer = on_request, on_answer
    try:
        yield
    finally:
        node.wire.on_request = node.wire.on_answer = None


def simulate(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        JobHistory,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_history_of_jobs_keeps_the_promises() -> None:
    simulate(examples=12, steps=40)


@pytest.mark.slow
def test_many_histories_of_jobs_keep_the_promises() -> None:
    simulate(examples=300, steps=80)
