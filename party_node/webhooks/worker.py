"""The threads that send: one looks for what is due, one more for each webhook that has something.

A receiver that is slow or does not answer so holds up nobody but itself. Nothing is lost when the
process ends in the middle: what was not recorded is sent again by the next one.
"""

import threading
import time

import structlog

from party_node.clock import Clock
from party_node.errors import NodeError
from party_node.webhooks.courier import Courier

log = structlog.stdlib.get_logger("party_node")

LOOK_SECONDS = 1.0
"""It looks at least so often; a commit that brought something wakes it at once."""
MOST_AT_ONCE = 8
"""Webhooks that are sent to at the same time."""
_SWEEP_MS = 3_600_000
_PAUSE_SECONDS = 10.0
_GRACE_SECONDS = 2.0


class Worker:
    """Sends what is due until it is stopped; `start` once."""

    def __init__(self, courier: Courier, clock_ms: Clock, woken: threading.Event) -> None:
        self._courier, self._clock_ms, self._woken = courier, clock_ms, woken
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Thread] = {}
        self._swept_ms = -_SWEEP_MS
        self._looking = threading.Thread(target=self._look, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        self._looking.start()

    def stop(self) -> None:
        """End after what is being sent, or after a short while."""
        self._stop.set()
        self._woken.set()
        until = time.monotonic() + _GRACE_SECONDS
        with self._lock:
            threads = [self._looking, *self._busy.values()]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _look(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()  # before looking, so that nothing in between is slept over
            try:
                self._sweep()
                for name in self._courier.due(self._clock_ms()):
                    self._take_up(name)
            except NodeError as e:
                log.warning("webhooks-waiting", cause=e.code, hint=e.hint)
                self._stop.wait(_PAUSE_SECONDS)
            except Exception:
                log.exception("webhooks-crashed")
                self._stop.wait(_PAUSE_SECONDS)
            self._woken.wait(LOOK_SECONDS)

    def _sweep(self) -> None:
        now = self._clock_ms()
        if abs(now - self._swept_ms) >= _SWEEP_MS:
            self._courier.sweep(now)
            self._swept_ms = now

    def _take_up(self, name: str) -> None:
        with self._lock:
            if name in self._busy or len(self._busy) >= MOST_AT_ONCE or self._stop.is_set():
                return
            thread = threading.Thread(
                target=self._deliver, args=(name,), name=f"webhook-{name}", daemon=True
            )
            self._busy[name] = thread
            thread.start()

    def _deliver(self, name: str) -> None:
        sent = 0
        try:
            while more := self._send_some(name):
                sent += more
        except NodeError as e:
            log.warning("webhooks-waiting", webhook=name, cause=e.code, hint=e.hint)
            self._stop.wait(_PAUSE_SECONDS)  # what cannot be recorded must not be sent in a loop
        except Exception:
            log.exception("webhooks-crashed", webhook=name)
            self._stop.wait(_PAUSE_SECONDS)
        finally:
            with self._lock:
                self._busy.pop(name, None)
            if sent:
                self._woken.set()  # for those that found no place

    def _send_some(self, name: str) -> int:
        return 0 if self._stop.is_set() else self._courier.deliver_to(name, self._clock_ms())
