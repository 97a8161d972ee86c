"""The parts of the webhooks of one node, put together."""

import threading
from dataclasses import dataclass

from party_node.clock import Clock
from party_node.database import Database
from party_node.vault import Vault
from party_node.webhooks.addresses import AddressRules, networks_of
from party_node.webhooks.courier import Courier
from party_node.webhooks.delivery_log import DeliveryLog
from party_node.webhooks.outbox import Outbox
from party_node.webhooks.registrations import Registrations
from party_node.webhooks.sending import Sender
from party_node.webhooks.turns import Turns
from party_node.webhooks.worker import Worker
from protocols.session import Rng


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Everything about webhooks; each part is safe to use from several threads."""

    registrations: Registrations
    outbox: Outbox
    """Where the rest of the node says what has happened."""
    courier: Courier
    log: DeliveryLog
    woken: threading.Event
    """Set it when something may have become due."""

    def worker(self, clock_ms: Clock) -> Worker:
        """Return what sends in the background; to be started once in the process."""
        return Worker(self.courier, clock_ms, self.woken)


def assemble_webhooks(
    db: Database,
    vault: Vault,
    rng: Rng,
    allowed_networks: str = "",
    sender: Sender | None = None,
) -> Webhooks:
    """Put the parts together over a migrated database; `sender` is for tests.

    Raises: ValueError if the networks cannot be read.
    """
    sender = sender or Sender(AddressRules(networks_of(allowed_networks)))
    woken, turns = threading.Event(), Turns()
    outbox = Outbox(vault, rng, woken.set)
    return Webhooks(
        registrations=Registrations(db, vault, sender, rng),
        outbox=outbox,
        courier=Courier(db, vault, outbox, sender, turns, rng),
        log=DeliveryLog(db, turns),
        woken=woken,
    )
