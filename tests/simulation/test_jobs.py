"""Two nodes and a coordinator through many histories of jobs, accidents and withdrawals.

A seed decides a history: requests and answers get lost, processes die and come back, people
withdraw, time passes, mailboxes are swept. Whatever happens, what the product promises must hold
after every event, and once the accidents stop every job must come to its end: with the plain
answer, or ended by someone who may end it. A failure names its seed and tells its history.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import httpx2
import pytest
from sqlmodel import select

from coordinator.tables import JobRow, MailboxSideRow, ReceiptRow
from party_node.errors import ConsentNarrowed, IllegalState, NodeError
from party_node.job_tables import OutboxRow, RunRow
from party_node.jobs import ENDED
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
    TwoNodes,
    consenting,
    other,
    two_nodes,
)

BEFORE_PERMIT = ("start", "greet", "agree", "permit")
UNRELEASED = (*BEFORE_PERMIT, "protocol", "release")
KINDS = sorted(PURPOSE)
KNOWN_TO_BOTH = sorted(set(HELD[BRAND]) & set(HELD[PUBLISHER]))
LONGEST_MS = 6 * 3600 * 1000
MOST_EVENTS = 160


class History:
    """One world, the events that happen in it, and what the plain computation needs to know."""

    def __init__(self, world: TwoNodes, seed: int) -> None:
        self.world, self.draw = world, random.Random(seed)
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
        self.proved: set[tuple[str, str]] = set()
        """(party, job) whose use record and charge were there when they were first needed."""
        self.ended_by_hand: set[str] = set()
        self.most_jobs = self.draw.choice((1, 1, 2))
        self.told: list[str] = []
        if self.draw.random() < 0.3:
            world.publisher.services.rules.remove("all-audience")

    # -- what happens ----------------------------------------------------------------------

    def run(self) -> None:
        """Let events happen until every job has ended, or enough has happened; then look."""
        self.ask()
        events = list(self.EVENTS)
        calm = self.draw.choice((0.4, 1, 2))
        weights = [w * calm if e is History.go_on else w for e, w in self.EVENTS.items()]
        for _ in range(MOST_EVENTS):
            if len(self.jobs()) >= self.most_jobs and not self._under_way():
                break
            (event,) = self.draw.choices(events, weights)
            event(self)
            self.watch()
            self.world.clock.now_ms += self.draw.randint(1, 400)
        self._let_it_end()
        for job in self.jobs():
            self._judge(job)
        # A side that never took part closes nothing: then time does.
        self.world.clock.advance(hours=25)
        self.world.sweep()
        for job in self.jobs():
            assert all(self.world.outcomes(job).values())
            assert self.world.bodies(job) == []

    def _under_way(self) -> bool:
        return any(node.services.runs.active() for node in self.world.nodes.values())

    def _tell(self, *words: object) -> None:
        self.told.append(" ".join(str(word) for word in words))

    def _node(self) -> Node:
        return self.world.nodes[self.draw.choice(PARTIES)]

    def _job(self) -> str | None:
        known = self.jobs()
        return self.draw.choice(known) if known else None

    def ask(self) -> None:
        if len(self.jobs()) < self.most_jobs:
            kind = self.draw.choice(KINDS)
            self._tell("ask", kind)
            with contextlib.suppress(NodeError):
                self.world.brand.ask(kind)

    def approve(self) -> None:
        job = self._job()
        if job is not None:
            self._tell("approve", job)
            with contextlib.suppress(NodeError):
                self.world.publisher.services.jobs.approve(job, "person:owner")

    def go_on(self) -> None:
        node, turns = self._node(), self.draw.randint(1, 3)
        self._tell(node.party, "takes", turns, "turns")
        for _ in range(turns):
            node.turn()

    def step_without_news(self) -> None:
        node = self._node()
        self._tell(node.party, "steps without reading the board")
        for job in node.services.runs.active():
            node.driver.turn(job)

    def lose_requests(self) -> None:
        wire = self._accident("requests").wire
        wire.lose_requests, wire.lose_answers = self.draw.randint(1, 2), 0

    def lose_answers(self) -> None:
        wire = self._accident("answers").wire
        wire.lose_requests, wire.lose_answers = 0, self.draw.randint(1, 2)

    def _accident(self, what: str) -> Node:
        node, looks = self._node(), self.draw.random() < 0.2
        node.wire.lose_looks = looks
        self._tell(node.party, "loses", what, "" if looks else "that change something")
        return node

    def die_while_stepping(self) -> None:
        """Kill a node in the middle of a step, before or after a request went out."""
        node, heard, looks = self._node(), self.draw.random() < 0.6, self.draw.random() < 0.2
        requests, board_first = self.draw.randint(0, 2), self.draw.random() < 0.5
        self._tell(node.party, "dies at request", requests, looks, "heard" if heard else "unheard")
        with contextlib.suppress(Killed), dying(node, requests, heard=heard, looks=looks):
            if board_first:
                node.driver.read_board()
            for job in node.services.runs.active():
                node.driver.turn(job)
                node.driver.turn(job)
        node.restart()

    def restart(self) -> None:
        node = self._node()
        self._tell(node.party, "restarts")
        node.restart()

    def restart_coordinator(self) -> None:
        self._tell("the coordinator restarts")
        self.world.start_coordinator()

    def sweep(self) -> None:
        self._tell("sweep")
        self.world.sweep()

    def withdraw(self) -> None:
        node, person = self._node(), self.draw.choice(KNOWN_TO_BOTH)
        kind = self.kind[self._job() or ""] if self.jobs() else self.draw.choice(KINDS)
        self._tell(person, "withdraws at the", node.party, "from", kind)
        node.say("withdrawn", person, PURPOSE[kind])
        self.willing[node.party, PURPOSE[kind]].discard(person)

    def pass_time(self) -> None:
        ms = self.draw.choice((1000, 60_000, 3_600_000, LONGEST_MS))
        self._tell(ms, "ms pass")
        self.world.clock.now_ms += ms

    def end_by_hand(self) -> None:
        """Somebody changes their mind."""
        job, by = self._job(), self.draw.choice(PARTIES)
        if job is None:
            return
        self._tell(by, "ends", job)
        self.ended_by_hand.add(job)
        with contextlib.suppress(NodeError):
            if by == BRAND:
                self.world.brand.services.jobs.cancel(job)
            else:
                self.world.publisher.services.jobs.decline(job, "person:owner")

    EVENTS: ClassVar[dict[Callable[["History"], None], float]] = {
        ask: 4,
        approve: 3,
        go_on: 36,
        step_without_news: 16,
        lose_requests: 5,
        lose_answers: 10,
        die_while_stepping: 14,
        restart: 3,
        restart_coordinator: 1,
        sweep: 2,
        withdraw: 9,
        pass_time: 3,
        end_by_hand: 0.3,
    }
    """What may happen, and how often."""

    # -- what holds at every moment --------------------------------------------------------

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
        side = self.world.read(
            lambda s: s.get(MailboxSideRow, (job, node.party, other(node.party)))
        )
        if (node.party, job) in self.proved or not (
            side.sent > 1 or node.result(job) or node.rows(OutboxRow, job=job)[1:]
        ):
            return
        use = node.use(job)
        assert use is not None
        assert len(node.charges(job)) == 1
        notes = [c for c in node.rows(CheckpointRow) if c.size > use.use_entry]
        assert notes, "the use record is in no checkpoint"
        assert any(c.published for c in notes), "no quorum has cosigned the use record"
        self.proved.add((node.party, job))

    def _closed_mailboxes_are_empty(self, job: str) -> None:
        if all(self.world.outcomes(job).values()):
            assert self.world.bodies(job) == []

    # -- the end ---------------------------------------------------------------------------

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
        world.settle(*self.jobs(), each=self.watch)

    def _judge(self, job: str) -> None:
        state, cause = self.world.job(job)
        for node in self.world.nodes.values():
            if job not in self.ended_by_hand:
                assert node.state(job) == (state, cause)
            assert node.state(job)[0] in ENDED
            assert {run.phase for run in node.rows(RunRow, job=job)} <= {"done"}
            assert not node.chunk_folder(job).exists()
            assert not node.rows(OutboxRow, job=job)
            use = node.use(job)
            assert use is None or use.outcome, "the ledger does not say how the use ended"
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
            assert [c.rho_nano for c in node.charges(job)] == [RHO_NANO]
        if kind == "audience":
            assert world.publisher.activate(job) == plain & self.willing[PUBLISHER, PURPOSE[kind]]

    def _ended(self, job: str, state: str, cause: str) -> None:
        """Without both signatures nothing came out; and somebody, or time, ended it."""
        expires_ms = self._description(job).expires_ms
        if state == "expired":
            assert self.world.clock() >= expires_ms
        elif cause == ConsentNarrowed.code:
            purpose = PURPOSE[self._description(job).kind]
            assert any(self.at_permit[job, p] - self.willing[p, purpose] for p in PARTIES)
        else:
            assert job in self.ended_by_hand, f"{state} for {cause}, and nobody wanted that"
        for node in self.world.nodes.values():
            receipt = node.receipt(job)
            if receipt is None or set(receipt[1]) != set(PARTIES):
                assert node.result(job) is None
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
def dying(node: Node, requests: int, *, heard: bool, looks: bool) -> Iterator[None]:
    """Let the node die at its n-th request from now: before it leaves, or before its answer.

    Unless `looks`, only requests that change something count.
    """
    left = requests

    def on_request(request: httpx2.Request) -> None:
        nonlocal left
        left -= looks or request.method != "GET"
        if left < 0 and not heard:
            raise Killed

    def on_answer(_request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if left < 0:
            raise Killed
        return answer

    node.wire.on_request, node.wire.on_answer = on_request, on_answer
    try:
        yield
    finally:
        node.wire.on_request = node.wire.on_answer = None


def simulate(seed: int) -> None:
    with two_nodes() as world:
        history = History(world, seed)
        try:
            history.run()
        except BaseException as e:
            e.add_note(f"seed {seed}: " + "; ".join(history.told))
            raise


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 8))]
)
def test_a_history_of_jobs_keeps_the_promises(seed: int) -> None:
    simulate(seed)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
def test_many_histories_of_jobs_keep_the_promises(batch: int) -> None:
    for seed in range(1000 + 10 * batch, 1010 + 10 * batch):
        simulate(seed)
