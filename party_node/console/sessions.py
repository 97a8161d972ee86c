"""Sessions of the console: random cookies, kept in memory only, that end by themselves.

Whoever shows a token once gets a session: the node's own, or that of a role. A restart of the node
ends all of them, and whoever asks sees to it that the role is still there.
"""

import hashlib
import threading
from dataclasses import dataclass

from party_node.clock import Clock
from protocols.session import Rng

TTL_MS = 8 * 3600 * 1000
MAX_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class _Session:
    whose: bytes
    ends_ms: int


class Sessions:
    """Open sessions, by the hash of their cookie."""

    def __init__(self, clock_ms: Clock, rng: Rng) -> None:
        self._clock_ms, self._rng = clock_ms, rng
        self._lock = threading.Lock()
        self._open: dict[bytes, _Session] = {}

    def begin(self, whose: bytes) -> str:
        """Return the cookie of a new session; the oldest ends when there are too many.

        `whose` is what `whose` gives back as long as the session is open.
        """
        cookie = self._rng(32).hex()
        now = self._clock_ms()
        with self._lock:
            self._open = {k: one for k, one in self._open.items() if one.ends_ms > now}
            while len(self._open) >= MAX_SESSIONS:
                del self._open[min(self._open, key=lambda k: self._open[k].ends_ms)]
            self._open[_key(cookie)] = _Session(whose, now + TTL_MS)
        return cookie

    def whose(self, cookie: str | None) -> bytes | None:
        """Return whose session a cookie is of; None if there is none, or it has ended."""
        if not cookie:
            return None
        with self._lock:
            found = self._open.get(_key(cookie))
        return found.whose if found is not None and found.ends_ms > self._clock_ms() else None

    def end(self, cookie: str | None) -> None:
        """End a session."""
        if cookie:
            with self._lock:
                self._open.pop(_key(cookie), None)


def _key(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
