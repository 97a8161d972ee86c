"""Publishing what is new within two seconds: what no witness has seen, a restored backup can lose.

Jobs and evidence wait for the checkpoint that they need by themselves; this is for everything else
that is acknowledged. Where the witnesses do not answer it waits longer each time, up to a minute,
and says so once.
"""

from consent.checkpoint import checkpoint_of
from consent.errors import LedgerInconsistent
from party_node.clock import Clock
from party_node.errors import CoordinatorUnreachable, QuorumMissed
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.witnessing import Witnessing
from party_node.observability import log

EVERY_SECONDS = 1.0
LONGEST_WAIT_MS = 60_000
_FIRST_WAIT_MS = 2_000


class Publisher:
    """Keeps one ledger published."""

    def __init__(self, ledger: ConsentLedger, witnessing: Witnessing, clock: Clock) -> None:
        self._ledger, self._witnessing, self._clock = ledger, witnessing, clock
        self._wait_ms, self._not_before_ms = 0, 0

    def publish(self) -> bool:
        """Publish everything that is committed, if anything is new; return whether it is now."""
        size = self._ledger.head()[0]
        note = self._witnessing.published()
        if note is not None and checkpoint_of(note).size >= size:
            return True
        now = self._clock()
        if now < self._not_before_ms:
            return False
        try:
            self._witnessing.publish(size)
        except (CoordinatorUnreachable, QuorumMissed, LedgerInconsistent) as e:
            if not self._wait_ms:
                log.warning("not-published", cause=e.code, entries=size)
            self._wait_ms = min(LONGEST_WAIT_MS, max(_FIRST_WAIT_MS, 2 * self._wait_ms))
            self._not_before_ms = now + self._wait_ms
            return False
        self._wait_ms = self._not_before_ms = 0
        return True
