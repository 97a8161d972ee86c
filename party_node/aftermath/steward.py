"""The steward: one thread that does what follows from the ledger a little later.

Each duty is a function that does what is due and returns; what fails is logged, and tried again at
its next turn. Tests call the duties and not the thread.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from party_node.observability import log

Duty = Callable[[], object]
_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A duty and how often it comes."""

    name: str
    seconds: float
    duty: Duty


class Steward:
    """Does duties in turn until it is stopped."""

    def __init__(self, turns: Sequence[Turn], name: str = "steward") -> None:
        self._turns = tuple(turns)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a duty that is under way is finished."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due = {turn.name: 0.0 for turn in self._turns}
        while not self._stop.wait(_TICK_SECONDS):
            for turn in self._turns:
                if time.monotonic() >= due[turn.name] and not self._stop.is_set():
                    self._do(turn)
                    due[turn.name] = time.monotonic() + turn.seconds

    def _do(self, turn: Turn) -> None:
        try:
            turn.duty()
        except Exception as e:  # noqa: BLE001 - the next turn tries again
            log.warning("duty-failed", duty=turn.name, cause=getattr(e, "code", type(e).__name__))
