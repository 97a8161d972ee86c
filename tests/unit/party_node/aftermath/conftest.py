"""A node with a dataset of six people, a ledger and a gate: what follows from entries."""

from dataclasses import dataclass

import pytest

from consent.words import EventState
from party_node.gate import Gate
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.permission import Permission
from tests.support.node import NodeStorage, open_storage, write_csv

PEOPLE = [f"p{i}@x.example" for i in range(6)]
HOUR = 3_600_000


@dataclass
class Rig:
    """The parts, and short ways to say what happened."""

    node: NodeStorage
    ledger: ConsentLedger
    gate: Gate

    def say(self, person: int, state: EventState = EventState.GIVEN, ago_ms: int = 0, **changes):
        """Append one event that is `ago_ms` old; return its index."""
        event = self.node.event(
            PEOPLE[person], f"{person}/{self.ledger.head()[0]}", state=state,
            event_time_ms=self.node.clock.now_ms - ago_ms, **changes,
        )  # fmt: skip
        return self.ledger.append([event])[0]

    def use(self, job: str = "0" * 32, purpose: str = "joint-audience") -> Permission:
        """Let the gate permit a job."""
        return self.gate.permit(
            job, b"h" * 32, "people", purpose, "shop", ("psi",), "brand", 600_000
        )

    def records(self, kind: type) -> list:
        """Return every record of one kind."""
        return [e.record for e in self.ledger.entries() if isinstance(e.record, kind)]


@pytest.fixture
def rig(tmp_path) -> Rig:
    node = open_storage(tmp_path)
    lines = [f"k{i},{mail}" for i, mail in enumerate(PEOPLE)]
    path = write_csv(tmp_path / "people.csv", "key,mail", *lines)
    node.datasets.register("people", path, "key", "mail", None, "GB")
    ledger = node.open_ledger()
    return Rig(node, ledger, node.open_gate(ledger))
