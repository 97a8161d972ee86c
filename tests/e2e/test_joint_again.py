"""Scoring again over real processes: train, wait, let a person go and rows change, score again.

In one process, with everything that can go wrong: `tests/simulation/test_joint_again.py`.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.joint_network import (
    ASKED,
    COLLABORATION,
    agree_on_scores,
    kept_of,
    rows_are,
    scores_of,
)
from tests.support.joint_nodes import COMMON, PURPOSE, weighed
from tests.support.network import (
    BRAND,
    COORDINATOR,
    LIMIT_SECONDS,
    PARTIES,
    PUBLISHER,
    SmallNetwork,
    load,
    typed,
    until,
)
from tests.support.proxy import Cut, Exchange
from tests.support.two_nodes import email, key, other

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LATER = 3
EARLY, MIDDLE, LATE = 8, 20, 34
"""Which of the requests that change something is cut off: a job has 43 or so, from its proposal."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The network with a model, made from the rows as they were at first."""

    network: SmallNetwork
    folder: Path
    job: str
    gone: set[int] = field(default_factory=set)
    """Who has withdrawn since."""


@dataclass(slots=True)
class Blow:
    """Kills a process once, when so many requests have changed something, and cuts that one off."""

    network: SmallNetwork
    victim: str
    change: int
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when the command that asks for the job has ended: it is not what is tested."""
    struck: threading.Event = field(default_factory=threading.Event)
    _seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            self._seen += exchange.changes
            now = exchange.changes and self._seen == self.change
        if now:
            assert self.asked.wait(LIMIT_SECONDS)
            self.network.kill(self.victim)
            self.struck.set()
            raise Cut


def ask(network: SmallNetwork, *words: str) -> str:
    said = network.accord(BRAND, "job", "joint", COLLABORATION, *words, "--json")
    assert said.code == 0, said.err
    return str(load(said)["job"])


def proved(network: SmallNetwork, job: str) -> None:
    """Both nodes' evidence of the job verifies offline, with both fingerprints."""
    told = [f"--party={p.party}={p.fingerprint}" for p in network.parties.values()]
    for name, party in network.parties.items():
        path = network.folder / f"{name}-{job}.zip"
        path.write_bytes(party.download(f"/v1/ledger/export?job={job}"))
        said = typed("party_node.evidence.verifier", str(path), *told, "--json")
        assert said.code == 0, said.out
        assert load(said)["passed"]


@pytest.fixture(scope="module")
def _trained(_session_network: SmallNetwork, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    network, folder = _session_network, tmp_path_factory.mktemp("scores")
    network.mend()
    agree_on_scores(network, folder)
    asked = folder / "joint.yaml"
    asked.write_text(ASKED)
    job = ask(network, "--query", str(asked), "--route", "cot")
    network.wait(job)
    return Trained(network, folder, job)


@pytest.fixture
def trained(_trained: Trained, network: SmallNetwork) -> Trained:
    """The model, in a network where everything is up and nothing is in the way."""
    assert network is _trained.network
    return _trained


def withdraw(trained: Trained, party: str, person: int) -> None:
    words = ("--email", email(person), "--purpose", PURPOSE, "--recipient", other(party))
    said = trained.network.accord(party, "consent", "withdraw", *words)
    assert said.code == 0, said.err
    trained.gone.add(person)


def score_again(trained: Trained, victim: str, change: int, later: int) -> None:
    """Let rows change, score again, kill a process on the way, and look at what came of it."""
    network, model = trained.network, trained.job
    for party in PARTIES:
        rows_are(network, trained.folder, party, later)
    blow = Blow(network, victim, change)
    network.proxy.before_request = blow
    job = ask(network, "--by", model[:12])
    blow.asked.set()
    until(blow.struck.is_set, f"the {victim} is killed")
    network.proxy.let_be()
    network.start(victim)
    ended = network.wait(job)
    assert [view["state"] for view in ended.values()] == ["completed"] * 2, ended
    people = sorted(COMMON - trained.gone)
    sides = [kept_of(network, party, model) for party in PARTIES]
    found = scores_of(network, job)
    assert found == pytest.approx(weighed(*sides, people, later), abs=1e-6)
    assert found != pytest.approx(weighed(*sides, people), abs=1e-3), "rows have changed"
    assert not found.keys() & {key(BRAND, person) for person in trained.gone}
    for name in PARTIES:
        charges = network.rows(name, "SELECT rho_nano FROM budget_charges WHERE job = ?", job)
        assert charges == [(8 * 10**9,)]
    proved(network, job)


def test_todays_rows_are_scored_though_the_partner_is_killed(trained: Trained) -> None:
    withdraw(trained, PUBLISHER, 90)
    score_again(trained, PUBLISHER, MIDDLE, LATER)
    proved(trained.network, trained.job)


@pytest.mark.parametrize("victim", [BRAND, COORDINATOR])
@pytest.mark.parametrize("change", [EARLY, LATE])
def test_any_process_may_be_killed(trained: Trained, victim: str, change: int) -> None:
    withdraw(trained, BRAND, 100 + len(trained.gone))
    score_again(trained, victim, change, LATER + len(trained.gone))
