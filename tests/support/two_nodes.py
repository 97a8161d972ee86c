"""Two party nodes and a coordinator in this process, stepped by hand under one clock.

Everything is real but time, threads and sockets: the nodes' `Driver` runs its own loop, one turn at
a time; requests go through a transport that can lose them, lose their answers, or change them.
"""

import contextlib
import dataclasses
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI, Response
from sqlmodel import Session, select
from typing_extensions import override

from coordinator import parties, sweeper
from coordinator.app import create_app
from coordinator.tables import BodyRow, JobRow, MailboxSideRow
from party_node import audiences, enrolment, receipts, results
from party_node.api.consent import MAX_BATCH, BatchBody, EventBody, record_event, record_events
from party_node.api.jobs import JobBody, ask
from party_node.approvals import Rule
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.driver import Driver, Turn
from party_node.errors import NotFound
from party_node.home import Home
from party_node.job_tables import AudienceRow
from party_node.readiness import Readiness
from party_node.running import RunningNode
from party_node.services import Services, assemble
from party_node.tables import BudgetChargeRow, UsePermissionRow
from protocols.job import RunReceipt
from protocols.keys import PartyKeys
from tests.support.coordinator import FakeClock, TestClient, prepare_home
from tests.support.migrated import open_migrated
from tests.support.quick import quick_folder
from tests.support.seeded import seeded

BRAND, PUBLISHER = "brand", "publisher"
PARTIES = (BRAND, PUBLISHER)
DATASET = {BRAND: "customers", PUBLISHER: "audience"}
PURPOSE = {"overlap": "audience-measurement", "audience": "joint-audience"}
RECEIVER = {"overlap": BRAND, "audience": PUBLISHER}
COLLABORATION = "spring"
RHO, RHO_NANO = "10", 10_000_000_000
"""Rho 10: noise of sigma 0.22, so that a released size is hardly ever off by more than one."""
NOISE = 2
"""Noise beyond this comes once in 10^39 draws."""
MINIMUM = 2
FLOOR = 64
"""Sets of up to so many people look alike; 1,000 would take half a second for each job."""
HELD = {BRAND: range(26), PUBLISHER: range(12, 40)}
"""Who is in whose file."""
SILENT = {BRAND: {3, 14}, PUBLISHER: {15, 38}}
"""Who has not consented at which side."""
URL = "http://coordinator.test"
MOST_TURNS = 400
"""Where every commit does not wait for a disk: these tests commit thousands of times."""

DOCUMENT = """\
collaboration: spring
version: 1
title: Spring
expires: 2027-06-30
minimum_size: 2
budget: {rho: "1000", delta_exponent: 8}
parties: {brand: {}, publisher: {}}
datasets:
  - {party: brand, dataset: customers, identifiers: [email]}
  - {party: publisher, dataset: audience, identifiers: [email]}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: brand}
  - {kind: audience, purpose: joint-audience, receiver: publisher, reveal: true}
"""


def email(person: int) -> str:
    return f"person.{person}@example.com"


def key(party: str, person: int) -> str:
    return f"{party}-row-{person:03}"


def other(party: str) -> str:
    return PUBLISHER if party == BRAND else BRAND


class Wire(httpx2.BaseTransport):
    """A node's way to the coordinator: an application in this process, with accidents."""

    def __init__(self, world: "TwoNodes") -> None:
        self._world = world
        self.lose_requests = self.lose_answers = 0
        """How many of the next requests, or of their answers, are lost."""
        self.lose_looks = True
        """False: only requests that change something are lost, or have their answers lost."""
        self.on_request: Callable[[httpx2.Request], httpx2.Response | None] | None = None
        """May answer in the coordinator's place."""
        self.on_answer: Callable[[httpx2.Request, httpx2.Response], httpx2.Response] | None = None
        """May change an answer."""

    @property
    def is_odd(self) -> bool:
        """Whether anything but the coordinator's own answer may come."""
        return bool(self.lose_requests or self.lose_answers or self.on_request or self.on_answer)

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        losing = self.lose_looks or request.method != "GET"
        if self.lose_requests and losing:
            self.lose_requests -= 1
            raise httpx2.ConnectError("lost on the way there", request=request)
        forged = self.on_request(request) if self.on_request else None
        response = forged or self._world.transport.handle_request(request)
        if self.lose_answers and losing:
            self.lose_answers -= 1
            raise httpx2.ReadError("lost on the way back", request=request)
        return self.on_answer(request, response) if self.on_answer else response


class _Turn:
    """Stands in for the driver's stop event: set once the driver has taken a step or would pause.

    Inside `_guard`, where the driver repeats one thing until it is heard, pauses pass at once.
    """

    def __init__(self) -> None:
        self.over, self.guarded, self.pauses = False, False, 0

    def is_set(self) -> bool:
        return self.over and not self.guarded

    def set(self) -> None:
        self.over = True

    def wait(self, _seconds: float) -> bool:
        self.pauses += 1
        assert self.pauses < 50, "the driver repeats something that will never be heard"
        self.over = True
        return True


class HandDriver(Driver):
    """The node's own driver, without its threads: one turn when a test says so."""

    has_read = False
    """Whether the last look at the board succeeded."""

    @override
    def _carry_all(self, *, news: bool) -> None:
        pass

    @override
    def _step(self, job: str) -> Turn:
        stood = super()._step(job)
        cast(_Turn, self._stop).over = True
        return stood

    @override
    def _guard(self, action: Callable[[], None]) -> None:
        turn = cast(_Turn, self._stop)
        turn.guarded = True
        super()._guard(action)
        turn.guarded, turn.over = False, True

    def turn(self, job: str) -> None:
        """Take a run one step further, with everything that the loop does about errors."""
        self._stop = cast(Any, _Turn())
        self._run(job)

    def read_board(self) -> None:
        """Look at the job board once, with everything that the loop does about errors."""
        self.has_read = False
        turn = _Turn()
        self._stop = cast(Any, turn)
        jobs = self._services.jobs
        sync = jobs.sync

        def once(wait_seconds: int) -> list[str]:
            changed = sync(wait_seconds)
            turn.over = self.has_read = True
            return changed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs, "sync", once)
            self._follow_board()


@dataclasses.dataclass
class Node:
    """One party's node; `restart` is what `kill -9` and a new process are to its home folder."""

    party: str
    folder: Path
    clock: FakeClock
    wire: Wire
    lives: int = 0
    seen: int | None = None
    """How often something on the board had changed when this node read it."""
    least_change: int = 0
    """The setting; off, because nearly everything that a few people ask is the same question."""

    def __post_init__(self) -> None:
        self._open()

    def _open(self) -> None:
        home = Home.open(
            self.folder / self.party, environ={"ACCORD_NODE_LEAST_CHANGE": str(self.least_change)}
        )
        self.db = Database(home.database_url)
        rng = seeded(f"{self.party}/{self.lives}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "party_node.services.CoordinatorClient",
                lambda url, keys, clock, **_trust: CoordinatorClient(url, keys, clock, self.wire),
            )
            self.services: Services = assemble(home, self.db, self.clock, rng)
        self.driver = HandDriver(self.services)

    def restart(self) -> None:
        """Forget everything that is not on disk, and begin again over the same home."""
        self.db.close()
        self.lives += 1
        self._open()

    # -- doing -----------------------------------------------------------------------------

    def ask(self, kind: str, rho: str = RHO, **more: Any) -> str:
        """Ask for a job through the node's interface; return it."""
        asked = {"collaboration": COLLABORATION, "kind": kind, "rho": rho} | more
        body = JobBody.model_validate(asked)
        return str(ask(body, self._running(), Response())["job"])

    def look_ahead(self, kind: str, rho: str = RHO, **more: Any) -> dict[str, Any]:
        """Return what a job would take and tell, without asking for it."""
        asked = {"collaboration": COLLABORATION, "kind": kind, "rho": rho, "dry_run": True}
        return ask(JobBody.model_validate(asked | more), self._running(), Response())

    def turn(self, board: int | None = None) -> None:
        """Read the board, then take every run one step further.

        Where `board` is what it was when this node read it, it would wait there for news.
        """
        if board is None or board != self.seen or self.wire.is_odd or not self.driver.has_read:
            self.driver.read_board()
            self.seen = board
        for job in self.services.runs.active():
            self.driver.turn(job)

    def say(
        self, state: str, person: int, purpose: str, event: str = "", recipient: str = ""
    ) -> None:
        """Record what a person says, as the node's interface does."""
        said = self._said(state, person, purpose, recipient)
        name = said.pop("key")
        record_event(EventBody.model_validate(said), event or name, self._running())

    def say_all(self, state: str, people: Iterable[int], purpose: str, recipient: str = "") -> None:
        """Record the same of many people at once, as the node's interface does."""
        said = [self._said(state, person, purpose, recipient) for person in people]
        for at in range(0, len(said), MAX_BATCH):
            events = {"events": said[at : at + MAX_BATCH]}
            answer = record_events(BatchBody.model_validate(events), self._running())
            assert answer["accepted"] == len(events["events"])

    def _said(self, state: str, person: int, purpose: str, recipient: str) -> dict[str, Any]:
        return {
            "key": f"{state}-{person}-{purpose}" + (f"-{recipient}" if recipient else ""),
            "email": email(person),
            "state": state,
            "purpose": purpose,
            "recipient": recipient or other(self.party),
            "separate": True,
        }

    def _running(self) -> RunningNode:
        """Return what the interface's routes are given."""
        return RunningNode(self.services, self.driver, Readiness(self.services), "")

    # -- looking ---------------------------------------------------------------------------

    def rows(self, table: Any, **equal: Any) -> list[Any]:
        with self.db.reading() as session:
            found = list(session.exec(select(table).filter_by(**equal)).all())
            session.expunge_all()
            return found

    def state(self, job: str) -> tuple[str, str]:
        """Return state and cause as this node has them."""
        row = self.services.jobs.get(job)
        return row.state, row.cause

    def phase(self, job: str) -> str:
        return self.services.runs.load(job).phase

    def result(self, job: str) -> dict[str, Any] | None:
        with contextlib.suppress(NotFound):
            return results.load(self.db, job)
        return None

    def receipt(self, job: str) -> tuple[RunReceipt, dict[str, bytes]] | None:
        with contextlib.suppress(NotFound):
            return receipts.load(self.db, job)
        return None

    def charges(self, job: str) -> list[BudgetChargeRow]:
        return self.rows(BudgetChargeRow, job=job)

    def use(self, job: str) -> UsePermissionRow | None:
        return next(iter(self.rows(UsePermissionRow, job=job)), None)

    def has_audience(self, job: str) -> bool:
        return bool(self.rows(AudienceRow, job=job))

    def activate(self, job: str) -> set[int]:
        """Return who is handed out when the audience is used now, a moment after the last time."""
        self.clock.now_ms += 1
        keys = audiences.activate(self.services, job, self.party).keys
        return {int(k.rsplit("-", 1)[1]) for k in keys}

    def chunk_folder(self, job: str) -> Path:
        return self.services.home.runs / job


@dataclasses.dataclass
class TwoNodes:
    """Coordinator, brand and publisher."""

    folder: Path
    clock: FakeClock
    serving: ExitStack
    nodes: dict[str, Node] = dataclasses.field(default_factory=dict)

    def start_coordinator(self) -> None:
        """Serve the coordinator's home; again, after what would be a `kill -9` of it."""
        self.serving.close()
        settings = prepare_home(self.folder / "coordinator", max_wait_seconds=0)
        self.app: FastAPI = create_app(settings, self.clock)
        self.app.state.services.trainings.threads = False
        self.transport = self.serving.enter_context(TestClient(self.app))._transport

    @property
    def brand(self) -> Node:
        return self.nodes[BRAND]

    @property
    def publisher(self) -> Node:
        return self.nodes[PUBLISHER]

    def enrol(self, party: str) -> Home:
        """Make a home for a party and use an invitation; return the home."""
        home = Home.create(self.folder / party, party, party.title(), rng=seeded(party))
        self.invite(home, party)
        db = open_migrated(home.database_url)
        db.close()
        return home

    def invite(self, home: Home, party: str) -> None:
        """Use an invitation for this party's name with the keys of a home."""
        services = self.app.state.services
        secret = self.write(
            lambda s: parties.invite(s, party, self.clock(), 7, secrets.token_bytes)
        )
        token = parties.token(URL, services.settings.name, services.witness.vkey, party, secret)
        enrolment.enrol(home, token, lambda _url: self.client(None))

    def client(self, keys: PartyKeys | None) -> CoordinatorClient:
        """Return a client of the coordinator that signs with these keys, and has no accidents."""
        return CoordinatorClient(URL, keys, self.clock, self.transport)

    def settle(
        self,
        *jobs: str,
        until: Callable[[], bool] | None = None,
        each: Callable[[], None] = lambda: None,
    ) -> None:
        """Let both nodes take turns until all runs have ended, or `until` holds; look after
        each turn.
        """
        for _ in range(MOST_TURNS):
            if until is not None and until():
                return
            for node in self.nodes.values():
                node.turn(self.board())
                each()
            if not any(node.services.runs.active() for node in self.nodes.values()):
                for node in self.nodes.values():
                    node.turn()
                return
        phases = {n: [(j, self.nodes[n].phase(j)) for j in jobs] for n in self.nodes}
        raise AssertionError(f"the jobs do not end: {phases}")

    def agree(self, document: str, purposes: Mapping[str, str], *, allow_reveal: bool) -> None:
        """Let the brand propose a collaboration, and all others agree to it; of each kind of job
        they accept what is asked for its purpose.
        """
        self.brand.services.collaborations.propose(document)
        for node in self.nodes.values():
            if node.party != BRAND:
                node.services.collaborations.countersign(COLLABORATION, 1)
                for kind, purpose in purposes.items():
                    rule = Rule(f"all-{kind}", COLLABORATION, kind, purpose, RHO_NANO, allow_reveal)
                    node.services.rules.put(rule)

    def complete(self, kind: str, rho: str = RHO, **asked: Any) -> str:
        """Let the brand ask for a job, and run it; return it once it is completed."""
        job = self.brand.ask(kind, rho, **asked)
        self.settle(job)
        assert self.job(job) == ("completed", ""), self.brand.state(job)
        return job

    def restart(self) -> None:
        """Let all nodes die where they stand, and begin anew from what they had stored."""
        for node in self.nodes.values():
            node.restart()

    def write(self, work: Callable[[Session], Any]) -> Any:
        """Change the coordinator's database, as whoever owns its machine could."""
        return self.app.state.services.database.write(work)

    def read(self, work: Callable[[Session], Any]) -> Any:
        return self.app.state.services.database.read(work)

    def job(self, job: str) -> tuple[str, str]:
        """Return state and cause at the coordinator."""
        row = self.read(lambda session: session.get(JobRow, job))
        return row.state, row.cause

    def bodies(self, job: str) -> list[BodyRow]:
        query = select(BodyRow).where(BodyRow.job == job)
        found: list[BodyRow] = self.read(lambda session: list(session.exec(query).all()))
        return found

    def board(self) -> int:
        """Return how often something on the board has changed."""
        with contextlib.closing(self.app.state.services.database.engine.raw_connection()) as raw:
            return int(raw.execute("SELECT value FROM revisions WHERE name = 'all'").fetchone()[0])

    def outcomes(self, job: str) -> dict[str, str | None]:
        query = select(MailboxSideRow).where(MailboxSideRow.job == job)
        rows = self.read(lambda session: list(session.exec(query).all()))
        return {row.party: row.outcome for row in rows}

    def sweep(self) -> None:
        now = self.clock()
        self.write(lambda session: sweeper.sweep(session, now, 24))


class ReadyWorld:
    """A world that is made once in a process; tests work on copies."""

    def __init__(
        self, name: str, parties: Sequence[str], make: Callable[[TwoNodes, Path], None]
    ) -> None:
        """`make` fills a world of enrolled parties: people, agreement, consents, rules."""
        self._prefix, self._parties, self._make = f"{name}-", parties, make
        self._made: Path | None = None

    @contextmanager
    def copy(self) -> Iterator[TwoNodes]:
        """Start from what was made."""
        if self._made is None:
            self._made = quick_folder(self._prefix)
            with self._open(self._made) as world:
                self._make(world, self._made)
        with tempfile.TemporaryDirectory(prefix=self._prefix) as folder:
            shutil.copytree(self._made, folder, dirs_exist_ok=True)
            with self._open(Path(folder)) as world:
                yield world

    @contextmanager
    def _open(self, folder: Path) -> Iterator[TwoNodes]:
        with _no_waiting(), ExitStack() as serving:
            world = TwoNodes(folder, FakeClock(), serving)
            world.start_coordinator()
            for party in self._parties:
                if not (folder / party).exists():
                    world.enrol(party)
                world.nodes[party] = Node(party, folder, world.clock, Wire(world))
            try:
                yield world
            finally:
                for node in world.nodes.values():
                    node.db.close()


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Let no look of the driver wait: what is not there now is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("party_node.driver.BOARD_WAIT_SECONDS", 0)
        patch.setattr("protocols.disclosure.FLOOR", FLOOR)
        patch.setattr("party_node.phase_compute.give_back", lambda: None, raising=False)
        yield


def make(world: TwoNodes, folder: Path) -> None:
    """Fill a world: people, consents, an agreement about counts and audiences."""
    for node in world.nodes.values():
        _fill(node, folder)
    world.agree(DOCUMENT, PURPOSE, allow_reveal=True)


def _fill(node: Node, folder: Path) -> None:
    """Register a file of people and let most of them consent to both purposes."""
    held, services = HELD[node.party], node.services
    path = folder / f"{node.party}.csv"
    lines = [f"{key(node.party, n)},{email(n).title()}\n" for n in held]
    path.write_text("key,email\n" + "".join(lines))
    services.datasets.register(DATASET[node.party], path, "key", "email", None, "GB")
    for purpose in PURPOSE.values():
        node.say_all("given", (n for n in held if n not in SILENT[node.party]), purpose)


_READY = ReadyWorld("two-nodes", PARTIES, make)


def two_nodes() -> AbstractContextManager[TwoNodes]:
    """Start from a ready-made world: enrolled, agreed, with people, consents and standing rules."""
    return _READY.copy()


def consenting(party: str) -> set[int]:
    """Return who may be used at a side before anybody withdraws."""
    return set(HELD[party]) - SILENT[party]
