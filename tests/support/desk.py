"""The desk where people's requests are answered, over a node's storage, with everything behind it.

As `services.assemble` puts it together, without a coordinator.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from consent.reasons import Query, Reason
from consent.requests import RequestType
from consent.vocabulary import Vocabulary
from consent.words import Operation
from party_node.aftermath.telling import Telling
from party_node.contact.reservations import Reservations
from party_node.erasure.erasing import Erasing
from party_node.erasure.holds import HoldOrder, Holds
from party_node.gate import Gate
from party_node.identity import EMAIL
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.requests.asked import Asked
from party_node.requests.channels import RequestChannel
from party_node.requests.fulfilling import Fulfilling
from party_node.requests.request_rows import forget_person
from party_node.requests.requests import Requests
from party_node.requests.tables import SubjectRequestRow
from party_node.roles.callers import ADMINISTRATOR, Proven
from party_node.roles.roles import Roles
from party_node.roles.tokens import StaffRole
from party_node.webhooks.outbox import Outbox
from tests.support.node import ORIGIN, NodeStorage, open_storage

ANNA, BO = "anna@x.example", "bo@x.example"
DAY_MS = 86_400_000
BY = "administrator"


@dataclasses.dataclass
class Desk:
    """A node's storage with its requests, roles and holds."""

    node: NodeStorage
    ledger: ConsentLedger
    gate: Gate
    holds: Holds
    roles: Roles
    erasing: Erasing
    requests: Requests
    outbox: Outbox

    @property
    def fulfilling(self) -> Fulfilling:
        return self.requests.fulfilling

    def open(
        self, kind: RequestType, email: str = ANNA, key: str = "", **changes: Any
    ) -> SubjectRequestRow:
        """Take a request in, under a key of its own."""
        values: dict[str, Any] = {"channel": RequestChannel.LETTER} | changes
        asked = Asked(kind=kind, identifier=(EMAIL, email), **values)
        return self.requests.open(asked, BY, key or self.node.rng(8).hex()).row

    def verified(self, kind: RequestType, email: str = ANNA, **changes: Any) -> str:
        """Take a request in and verify it; return its id."""
        row = self.open(kind, email, **changes)
        self.requests.verify(row.request_id, "passport shown", BY)
        return row.request_id

    def completed(self, kind: RequestType, email: str = ANNA, **changes: Any) -> str:
        """Take a request in, verify and complete it a second later; return its id."""
        request = self.verified(kind, email, **changes)
        self.node.clock.advance(1_000)
        self.requests.complete(request, [], BY)
        self.node.clock.advance(1_000)
        return request

    def reason(self, email: str = ANNA, **changes: Any) -> Reason:
        """Return why a person may be used, or not."""
        values: dict[str, Any] = {
            "purpose": "joint-audience",
            "operation": Operation.PSI,
            "recipient": "shop",
        }
        dense = self.node.identity.find(EMAIL, email)
        assert dense is not None
        with self.ledger.hold() as head:
            at_ms = max(self.node.clock(), head.newest_ms)
            query = Query(at_ms=at_ms, **values | changes)
            denied = head.projection.bulk(query, BitMap([dense])).denied
        return next(iter(denied), Reason.PERMITTED)

    def staff(self, name: str, role: StaffRole) -> Proven:
        """Put somebody in a role and return them with their token."""
        found = self.roles.caller(self.roles.add(name, role, ADMINISTRATOR))
        assert found is not None
        return found

    def erase(self, request: str, *holds: HoldOrder) -> Any:
        return self.fulfilling.erase(request, "compliance:dpo", holds)


def open_desk(node: NodeStorage, vocabulary: Vocabulary | None = None) -> Desk:
    """Put a desk together over a storage, as a node does when it starts."""
    ledger = ConsentLedger(
        node.db, node.vault, ORIGIN, node.home.ledger_seed, node.clock, node.rng,
        vocabulary=vocabulary,
    )  # fmt: skip
    ledger.open()
    gate, outbox = node.open_gate(ledger), Outbox(node.vault, node.rng, lambda: None)
    ledger.on_appended.append(Telling(outbox))
    reservations = Reservations(node.vault, node.rng)

    def forget(session: Any, subject: int, subject_id: str) -> None:
        gate.decisions.forget(session, subject)
        reservations.forget(session, subject)
        forget_person(session, subject)
        outbox.purge_group(session, subject_id)

    erasing = Erasing(ledger, node.identity, node.rng, [forget], [node.datasets.forget], outbox)
    holds = Holds(ledger, node.rng)
    fulfilling = Fulfilling(ledger, node.identity, erasing, "GB")
    requests = Requests(ledger, node.identity, fulfilling, node.rng)
    roles = Roles(ledger, holds, node.rng)
    return Desk(node, ledger, gate, holds, roles, erasing, requests, outbox)


@contextmanager
def desk_in(folder: Path, url: str | None = None) -> Iterator[Desk]:
    """Open a desk over a fresh storage in which Anna and Bo have agreed to two purposes."""
    node = open_storage(folder, url=url)
    desk = open_desk(node)
    for number, email in enumerate((ANNA, BO)):
        for purpose in ("joint-audience", "audience-measurement"):
            desk.ledger.append([node.event(email, f"{purpose}-{number}", purpose=purpose)])
    node.clock.advance(1_000)
    yield desk
    node.db.close()
