"""Sessions of the console: random cookies, kept in memory only, that end by themselves.

Whoever shows the node's token once gets a session. A restart of the node ends all of them.
"""

import hashlib
import threading

from party_node.clock import Clock
from protocols.session import Rng

TTL_MS = 8 * 3600 * 1000
MAX_SESSIONS = 100


class Sessions:
    """Open sessions, by the hash of their cookie."""

    def __init__(self, clock_ms: Clock, rng: Rng) -> None:
        self._clock_ms, self._rng = clock_ms, rng
        self._lock = threading.Lock()
        self._ends: dict[bytes, int] = {}

    def begin(self) -> str:
        """Return the cookie of a new session; the oldest ends when there are too many."""
        cookie = self._rng(32).hex()
        now = self._clock_ms()
        with self._lock:
            self._ends = {k: end for k, end in self._ends.items() if end > now}
            while len(self._ends) >= MAX_SESSIONS:
                del self._ends[min(self._ends, key=lambda k: self._ends[k])]
            self._ends[_key(cookie)] = now + TTL_MS
        return cookie

    def holds(self, cookie: str | None) -> bool:
        """Tell whether a cookie is that of a session that has not ended."""
        if not cookie:
            return False
        with self._lock:
            return self._ends.get(_key(cookie), 0) > self._clock_ms()

    def end(self, cookie: str | None) -> None:
        """End a session."""
        if cookie:
            with self._lock:
                self._ends.pop(_key(cookie), None)


def _key(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
