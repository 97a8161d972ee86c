"""A running node as its own interface sees it: services, driver, and whether it is stopping."""

import threading
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request

from party_node.readiness import Readiness
from party_node.services import Services


class Carrier(Protocol):
    """What the interface needs of the driver (`driver.Driver`)."""

    trouble: str
    """Why the node cannot go on just now, as an error code; empty when all is well."""

    def wake(self) -> None:
        """Let waiting runs look again."""


@dataclass(frozen=True, slots=True)
class RunningNode:
    """One node process."""

    services: Services
    driver: Carrier
    readiness: Readiness
    token: str = field(repr=False)
    """Opens the interface; read from the home once."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process has been asked to end: long polls return at once."""

    @property
    def party(self) -> str:
        """The party that this node belongs to."""
        return self.services.home.settings.party


def node_of(request: Request) -> RunningNode:
    """Return the node of the application that serves this request."""
    found: RunningNode = request.app.state.node
    return found


Here = Annotated[RunningNode, Depends(node_of)]
"""The running node, in a route's parameters."""
