"""A party node's storage for tests: seeded randomness, a clock that is set by hand, one home."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consent.events import ConsentEvent
from consent.statements import Method
from consent.words import EventState, Operation
from party_node.database import Database
from party_node.datasets import Datasets
from party_node.errors import NotFound
from party_node.gate import Gate
from party_node.home import Home
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.explaining import Explanation, explain
from party_node.stamps import Stamps
from party_node.vault import Vault
from tests.support.migrated import open_migrated

START_MS = 1_790_000_000_000


class SeededRng:
    """Reproducible bytes: SHA-256 of a seed and a counter."""

    def __init__(self, seed: str = "test") -> None:
        self._seed, self._drawn = seed, 0

    def __call__(self, count: int) -> bytes:
        out = bytearray()
        while len(out) < count:
            out += hashlib.sha256(f"{self._seed}/{self._drawn}".encode()).digest()
            self._drawn += 1
        return bytes(out[:count])


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


ORIGIN = "accord/brand/consent"


@dataclass
class NodeStorage:
    """Everything of a node that stands on its database alone."""

    home: Home
    db: Database
    vault: Vault
    identity: Identity
    datasets: Datasets
    clock: HandClock
    rng: SeededRng

    def open_ledger(self) -> ConsentLedger:
        """Open the ledger, as a node does when it starts."""
        ledger = ConsentLedger(
            self.db, self.vault, ORIGIN, self.home.ledger_seed, self.clock, self.rng
        )
        ledger.open()
        return ledger

    def open_gate(self, ledger: ConsentLedger) -> Gate:
        """Return a gate over a ledger and this node's datasets."""
        return Gate(ledger, self.datasets, self.identity, self.clock, self.rng)

    def explain(
        self, ledger: ConsentLedger, kind: str, value: str, purpose: str, recipient: str,
        operation: str,
    ) -> Explanation:  # fmt: skip
        """Say why one person may be used or not."""
        dense = self.identity.find(kind, value)
        if dense is None:
            raise NotFound("nobody with this identifier is known here")
        return explain(
            ledger, self.identity, self.clock, dense, purpose, recipient, Operation(operation)
        )

    def person(self, email: str) -> str:
        """Return the record id of the person with this address, made if needed."""
        found = self.identity.resolve([email], [None])
        return self.identity.subject_ids([int(found.dense[0])])[int(found.dense[0])]

    def event(self, email: str, number: int | str, **changes: Any) -> ConsentEvent:
        """Return a consent to be in joint audiences with `shop`, or what `changes` make of it."""
        values: dict[str, Any] = {
            "state": EventState.GIVEN,
            "purpose": "joint-audience",
            "recipient": "shop",
            "event_time_ms": self.clock.now_ms,
            "source_id": "crm",
            "source_event_id": str(number),
            "jurisdiction": "GB",
            "method": Method.WEB_FORM,
        }
        return ConsentEvent(subject_id=self.person(email), **{**values, **changes})


def open_storage(folder: Path, party: str = "brand", url: str | None = None) -> NodeStorage:
    """Make a home with a migrated database; `url` names another database than the home's own."""
    rng, clock = SeededRng(party), HandClock()
    home = Home.create(folder / party, party, party.title(), database_url=url, rng=rng)
    return _storage(home, rng, clock)


def reopen_storage(path: Path) -> NodeStorage:
    """Open the home folder that another process has used, as a node does when it starts again."""
    home = Home.open(path, environ={})
    # Never the same bytes twice over one database: they name persons.
    return _storage(home, SeededRng(secrets.token_hex(16)), HandClock())


def _storage(home: Home, rng: SeededRng, clock: HandClock) -> NodeStorage:
    db = open_migrated(home.database_url)
    vault = Vault(home.kek, rng)
    Stamps(vault).guard(db)
    identity = Identity(db, vault, rng)
    return NodeStorage(home, db, vault, identity, Datasets(db, home, identity, clock), clock, rng)


def write_csv(path: Path, header: str, *lines: str) -> Path:
    """Write a CSV file of these lines."""
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path
