"""A node's ledger with several witnesses, each of which can be made dead, slow or deceived."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from consent.checkpoint import checkpoint_of
from consent.note import Verifier, parse_vkey
from consent.policy import Policy
from party_node.ledger import trust_policy
from party_node.ledger.asking import Endpoint, NoAnswer
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.gathering import Patience
from party_node.ledger.witness_http import HttpWitness
from party_node.ledger.witness_memory import WitnessMemory
from party_node.ledger.witnessing import Witnessing
from tests.support.node import NodeStorage, open_storage
from tests.support.witness import WitnessWorld, nobody_is_asked, running_witness

COORDINATOR = "coordinator"
QUICK = Patience(answer_seconds=20.0, grace_seconds=0.0)
"""Nothing that answers is waited for that long, and who is not needed is not waited for at all."""


class Way(Endpoint):
    """The way to a witness, with accidents."""

    def __init__(self, world: WitnessWorld) -> None:
        self._http = HttpWitness("http://127.0.0.1", world.transport)
        self.dead = False
        self.answers: list[tuple[int, str]] = []
        """What it says in the place of the witness, one after the other."""
        self.gate = threading.Event()
        """Closed, the witness hears and answers only when it is opened."""
        self.gate.set()
        self.asked, self.started = 0, threading.Event()

    def add_checkpoint(self, request: bytes) -> tuple[int, str]:
        self.asked += 1
        self.started.set()
        if not self.gate.wait(30):
            raise AssertionError("the test never opens the gate")
        if self.dead:
            raise NoAnswer("no connection")
        if self.answers:
            return self.answers.pop(0)
        return self._http.add_checkpoint(request)

    def close(self) -> None:
        self._http.close()


class Fleet:
    """A node's storage, its ledger, and the witnesses that know it; the first is the
    coordinator's.
    """

    def __init__(self, node: NodeStorage, worlds: dict[str, WitnessWorld]) -> None:
        self.node, self.worlds = node, worlds
        self.ways = {name: Way(world) for name, world in worlds.items()}
        self.patience = QUICK
        self.open()

    def open(self) -> None:
        """Open the ledger and begin anew, as a process that starts over the same home."""
        self.ledger: ConsentLedger = self.node.open_ledger()
        for world in self.worlds.values():
            world.trust(self.ledger.vkey)
        self.told: list[tuple[str, int]] = []
        self.memory = WitnessMemory(
            self.node.db, self.node.clock, lambda _, kind, size: self.told.append((kind, size))
        )
        home = self.node.home.path
        self.witnessing = Witnessing(
            self.ledger,
            self.memory,
            trust_policy.load(home, self.log, self.key(COORDINATOR), "https://hub.example"),
            self._connect,
            lambda trust, _by, _what: trust_policy.store(home, trust),
            self.patience,
        )

    def adopt(self, rules: str, names: Sequence[str] = (), despite: Sequence[str] = ()) -> None:
        self.witnessing.adopt(self.text(rules, names), despite)

    def start_with(self, rules: str, names: Sequence[str] = ()) -> None:
        """Put a policy into the home without asking anybody, and start again."""
        (self.node.home.path / trust_policy.FILE).write_text(self.text(rules, names))
        self.open()

    def text(self, rules: str, names: Sequence[str] = ()) -> str:
        """Return a policy of these witnesses, all of them by default."""
        lines = [
            f"witness {name} {self.key(name).vkey} https://{name}.example/w"
            for name in names or self.worlds
        ]
        return "\n".join([f"log {self.ledger.vkey}", *lines, rules, ""])

    def append(self, *numbers: int) -> int:
        """Let people say something; return the ledger's size."""
        events = [self.node.event("a@x.example", number) for number in numbers]
        self.ledger.append(events)
        return self.ledger.head()[0]

    def publish(self) -> int:
        """Publish everything; return the size of what is published then."""
        self.witnessing.publish(self.ledger.head()[0])
        return self.published_size()

    def published_size(self) -> int:
        note = self.witnessing.published()
        return 0 if note is None else checkpoint_of(note).size

    def cosigned_by(self) -> set[str]:
        """Return who has cosigned the published checkpoint."""
        note, policy = self.witnessing.published(), self.policy
        assert note is not None
        return set(policy.witnessed_by(policy.open(note)))

    def said(self) -> dict[str, str]:
        return {name: view.said for name, view in self.witnessing.views().items()}

    def settle(self) -> None:
        """Return when nobody is being asked any more, and what was said is kept."""
        for way in self.ways.values():
            way.gate.set()
        nobody_is_asked()

    def alarms(self) -> dict[str, str]:
        views = self.witnessing.views()
        return {name: view.alarm for name, view in views.items() if view.alarm}

    def key(self, name: str) -> Verifier:
        return self.worlds[name].verifier

    @property
    def policy(self) -> Policy:
        return self.witnessing.trust.policy

    @property
    def log(self) -> Verifier:
        return parse_vkey(self.ledger.vkey)

    def _connect(self, key: Verifier, _url: str) -> Endpoint | None:
        return next(self.ways[name] for name in self.worlds if self.key(name) == key)


@contextmanager
def fleet(folder: Path, *names: str, **given: Any) -> Iterator[Fleet]:
    """Make a node with the coordinator's witness and others; `given` are settings of the others."""
    with ExitStack() as stack:
        node = open_storage(folder, url=given.pop("url", None))
        worlds = {}
        for name in (COORDINATOR, *names):
            settings = {"name": f"{name}.example/w"} | (given if name != COORDINATOR else {})
            worlds[name] = stack.enter_context(
                running_witness(folder / f"witness-{name}", node.clock, **settings)
            )
        made = Fleet(node, worlds)
        try:
            yield made
        finally:
            made.settle()
            made.witnessing.close()
            node.db.close()
