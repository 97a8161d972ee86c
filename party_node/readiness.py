"""Whether the node can do its work now: database, coordinator, clock, ledger, witnesses.

Each check is `ok` or says with an error code what is wrong; a coordinator that is down is no reason
to end the process, only to say so. Answers are kept for two seconds, so that whoever asks without
a token cannot make the node call the coordinator more often than that.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from consent.errors import ConsentError
from coordinator import wire
from party_node.errors import ClockSkewed, NodeError
from party_node.services import Services
from party_node.surface_errors import CoordinatorMismatch, WireMismatch
from protocols.errors import ProtocolError

KEPT_MS = 2_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    ok: bool
    code: str = ""
    """Error code, where it does not hold."""
    hint: str = ""


class Readiness:
    """The checks of one node."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._found: tuple[Check, ...] = ()
        self._found_ms = -KEPT_MS

    def checks(self) -> tuple[Check, ...]:
        """Return all checks, at most two seconds old."""
        with self._lock:
            now = self._services.clock_ms()
            if not self._found or not 0 <= now - self._found_ms < KEPT_MS:
                self._found, self._found_ms = self._look(), now
            return self._found

    def _look(self) -> tuple[Check, ...]:
        info: list[wire.CoordinatorInfo] = []
        coordinator = _check("coordinator", lambda: info.append(self._coordinator()))
        return (
            _check("database", self._database),
            coordinator,
            _check("clock", lambda: self._clock(info)) if info else Check("clock", ok=True),
            _check("ledger", self._ledger),
            _check("witnesses", self._services.witnessing.require_well),
        )

    def _database(self) -> None:
        with self._services.db.reading() as session:
            session.connection()

    def _coordinator(self) -> wire.CoordinatorInfo:
        info = self._services.client.info()
        if info.wire_version != wire.VERSION:
            raise WireMismatch(f"it speaks {info.wire_version}, this node speaks {wire.VERSION}")
        if info.witness_vkey != self._services.home.settings.witness_vkey:
            raise CoordinatorMismatch("its witness has another key than at enrolment")
        return info

    def _clock(self, info: list[wire.CoordinatorInfo]) -> None:
        apart = abs(info[0].time_ms - self._services.clock_ms())
        if apart > wire.MAX_CLOCK_SKEW_MS:
            raise ClockSkewed(f"the clocks are {apart // 1000} seconds apart")

    def _ledger(self) -> None:
        self._services.ledger.head()


def _check(name: str, look: Callable[[], object]) -> Check:
    try:
        look()
    except (NodeError, ConsentError, ProtocolError) as e:
        return Check(name, ok=False, code=e.code, hint=e.hint if isinstance(e, NodeError) else "")
    return Check(name, ok=True)
