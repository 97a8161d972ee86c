"""`kill -9` of any process at any moment of a job; then it starts again over the same home.

The moment is a place in the conversation with the coordinator, drawn by a seed: before a request is
passed on, after it was but before its answer, or some milliseconds after the answer. What must come
out is what comes out without it: the same answer once, the same receipt at both sides, one charge
at each.
"""

import random
import threading
from dataclasses import dataclass

import pytest

from party_node.demo.scene import NOISE_BOUND
from tests.support.network import (
    BRAND,
    COORDINATOR,
    LIMIT_SECONDS,
    PARTIES,
    PUBLISHER,
    SmallNetwork,
    typed,
    until,
)
from tests.support.proxy import Cut, Exchange

pytestmark = pytest.mark.e2e

CHANGES_IN_A_JOB = 36
"""About as many requests change something in a job of one chunk a side."""
PROCESSES = (COORDINATOR, BRAND, PUBLISHER)
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Moment:
    """Whom to kill, and when."""

    victims: tuple[str, ...]
    kind: str
    change: int
    """Number of the request that changes something, counted from the job's proposal."""
    stage: str
    """`request`, `answer`, or `after` with a delay."""
    delay: float = 0.0

    def __str__(self) -> str:
        who = "+".join(self.victims)
        return f"{who}-{self.kind}-{self.change}-{self.stage}-{round(1000 * self.delay)}"


def moment(seed: int, *victims: str) -> Moment:
    draw = random.Random(f"{seed} {victims}")
    return Moment(
        victims,
        draw.choice(("overlap", "audience")),
        draw.randrange(1, CHANGES_IN_A_JOB - 1),
        draw.choice(("request", ANSWER, "after")),
        draw.uniform(0, 0.2),
    )


FEW = [
    Moment((COORDINATOR,), "overlap", 11, ANSWER),
    Moment((BRAND,), "audience", 25, "request"),
    Moment((PUBLISHER,), "audience", 21, "after", 0.02),
]
MORE = [moment(1, BRAND), moment(2, PUBLISHER)]
MANY = [moment(seed, victim) for seed in range(12) for victim in PROCESSES]
PAIRS = [
    moment(seed, first, second)
    for seed in range(4)
    for first, second in ((BRAND, PUBLISHER), (COORDINATOR, BRAND), (COORDINATOR, PUBLISHER))
]


class Blow:
    """Strikes once, at its moment, from inside the conversation."""

    def __init__(self, network: SmallNetwork, when: Moment) -> None:
        self._network, self._when = network, when
        self._lock = threading.Lock()
        self._numbers: dict[int, int] = {}
        self.asked, self.struck = threading.Event(), threading.Event()

    def before_request(self, exchange: Exchange) -> None:
        with self._lock:
            if exchange.changes:
                self._numbers[id(exchange)] = len(self._numbers)
        if self._is_now(exchange, "request"):
            self._strike()
            raise Cut

    def before_answer(self, exchange: Exchange) -> None:
        if self._is_now(exchange, ANSWER):
            self._strike()
            raise Cut
        if self._is_now(exchange, "after"):
            threading.Timer(self._when.delay, self._strike).start()

    def _is_now(self, exchange: Exchange, stage: str) -> bool:
        number = self._numbers.get(id(exchange))
        return (number, stage) == (self._when.change, self._when.stage) and not self.struck.is_set()

    def _strike(self) -> None:
        assert self.asked.wait(LIMIT_SECONDS)
        for victim in self._when.victims:
            self._network.kill(victim)
        self.struck.set()


def killed_there(network: SmallNetwork, when: Moment) -> str:
    """Run a job, kill at that moment, start what was killed again; return the job at its end."""
    blow = Blow(network, when)
    network.proxy.before_request = blow.before_request
    network.proxy.before_answer = blow.before_answer
    job = network.ask(when.kind)
    blow.asked.set()
    until(blow.struck.is_set, f"the moment comes: {when}")
    network.proxy.let_be()
    for victim in when.victims:
        network.start(victim)
    network.wait(job)
    return job


def as_if_nothing_had_happened(network: SmallNetwork, job: str, kind: str) -> None:
    """Require the one right end of a job, and that it happened once."""
    plain = network.expected(kind)
    for name, party in network.parties.items():
        view = party.get(f"/v1/jobs/{job}")
        assert (view["state"], view["cause"]) == ("completed", "")
        size = party.get(f"/v1/jobs/{job}/result")["size"]
        assert abs(size["value"] - plain) <= NOISE_BOUND
        charges = network.rows(name, "SELECT rho_nano FROM budget_charges WHERE job = ?", job)
        assert charges == [(5_000_000,)]
        uses = [use for use in party.get("/v1/audit") if use["job"] == job]
        assert [use["outcome"] for use in uses] == ["completed"]
        assert network.rows(name, "SELECT count(*) FROM outbox WHERE job = ?", job) == [(0,)]
        assert not (network.home(name) / "runs" / job).exists()
    ours, theirs = (party.get(f"/v1/jobs/{job}/receipt") for party in network.parties.values())
    assert ours == theirs
    assert ours["complete"]
    filed = network.rows(COORDINATOR, "SELECT hex(receipt) FROM receipts WHERE job = ?", job)
    assert filed == [(ours["record"].upper(),)]
    bodies = "SELECT count(*) FROM bodies WHERE job = ?"
    assert network.rows(COORDINATOR, bodies, job) == [(0,)]
    if kind == "audience":
        found = network.publisher.post(f"/v1/audiences/{job}/activations")
        assert sorted(found["keys"]) == network.expected_keys()
        assert found["people"] == plain


def proved(network: SmallNetwork, job: str) -> None:
    """Require that both nodes' evidence of the job verifies offline."""
    for name, party in network.parties.items():
        path = network.folder / f"{name}-{job}.zip"
        path.write_bytes(party.download(f"/v1/ledger/export?job={job}"))
        said = typed("party_node.evidence.verifier", str(path), "--json")
        assert said.code == 0, said.out


def test_a_job_without_accident(network: SmallNetwork) -> None:
    """What the others are compared with: and it has as many requests as they count on."""
    before = len(network.proxy.exchanges)
    job = network.run("audience")
    changes = [e for e in network.proxy.exchanges[before:] if e.changes]
    assert abs(len(changes) - CHANGES_IN_A_JOB) <= 4
    as_if_nothing_had_happened(network, job, "audience")
    proved(network, job)


@pytest.mark.parametrize(
    "when", [*FEW, *(pytest.param(when, marks=pytest.mark.slow) for when in MORE)], ids=str
)
def test_a_killed_process_goes_on_where_it_stopped(network: SmallNetwork, when: Moment) -> None:
    job = killed_there(network, when)
    as_if_nothing_had_happened(network, job, when.kind)


@pytest.mark.slow
@pytest.mark.parametrize("when", MANY, ids=str)
def test_any_process_may_be_killed_at_any_moment(network: SmallNetwork, when: Moment) -> None:
    job = killed_there(network, when)
    as_if_nothing_had_happened(network, job, when.kind)
    proved(network, job)


@pytest.mark.slow
@pytest.mark.parametrize("when", PAIRS, ids=str)
def test_two_processes_may_be_killed_at_once(network: SmallNetwork, when: Moment) -> None:
    job = killed_there(network, when)
    as_if_nothing_had_happened(network, job, when.kind)
    proved(network, job)


def test_the_budget_is_what_the_jobs_cost(network: SmallNetwork) -> None:
    """Whatever was killed in between: the sum of all charges is the number of completed jobs."""
    network.run("overlap")
    for name in PARTIES:
        spent = network.rows(name, "SELECT count(*), count(DISTINCT job) FROM budget_charges")
        assert spent[0][0] == spent[0][1]
