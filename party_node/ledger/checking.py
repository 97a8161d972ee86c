"""The checks of a running node's ledger (`fsck.py`): one at a time, followed while they run.

A check of a long ledger takes its time, so it runs in a thread of its own, over one snapshot of the
database: appends and decisions go on beside it. What is known of it is kept in memory. The bytes of
who is erased meanwhile stay until it ends: the erasure is pending so long.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from party_node.errors import CheckInterrupted, NotFound
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.findings import Findings
from party_node.ledger.fsck import Watch, fsck
from party_node.ledger.witnessing import Witnessing
from protocols.session import Rng

_KEPT = 20
"""Ended checks that the node can still tell about."""
_STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class CheckProgress:
    """How far a check is; `findings` or `error` once it has ended."""

    check_id: str
    entries: int = 0
    size: int = 0
    """Entries that the ledger had when it began."""
    findings: Findings | None = None
    error: Exception | None = None

    @property
    def ended(self) -> bool:
        """True once nothing more will happen."""
        return self.findings is not None or self.error is not None


class Checking:
    """Runs the checks of one node."""

    def __init__(
        self, ledger: ConsentLedger, identity: Identity, witnessing: Witnessing, rng: Rng
    ) -> None:
        self._ledger, self._identity, self._rng = ledger, identity, rng
        self._witnessing = witnessing
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._stopping = threading.Event()
        self._known: OrderedDict[str, CheckProgress] = OrderedDict()
        self._threads: list[threading.Thread] = []

    def run(self, watch: Watch = lambda _entries: None) -> Findings:
        """Check everything and return what does not fit.

        Raises: CheckInterrupted if the node is stopping.
        """

        def stop_or(entries: int) -> None:
            watch(entries)
            if self._stopping.is_set():
                raise CheckInterrupted("the node is stopping")

        with self._turn:
            stop_or(0)
            return fsck(self._ledger, self._identity, self._witnessing.trust, stop_or)

    def start(self) -> CheckProgress:
        """Begin a check beside everything else; `progress` says how far it is."""
        progress = CheckProgress(self._rng(16).hex(), size=self._ledger.head()[0])
        self._keep(progress)
        thread = threading.Thread(
            target=self._follow, args=(progress,), name="ledger-fsck", daemon=True
        )
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return progress

    def progress(self, check_id: str) -> CheckProgress:
        """Return how far a check is.

        Raises: NotFound if this process knows of none.
        """
        with self._lock:
            found = self._known.get(check_id)
        if found is None:
            raise NotFound(
                "this node knows of no such check", hint="begin another: `accord ledger fsck`"
            )
        return found

    def stop(self) -> None:
        """End what runs after its present page of entries, and start nothing more."""
        self._stopping.set()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(_STOP_SECONDS)

    def _follow(self, progress: CheckProgress) -> None:
        def watch(entries: int) -> None:
            self._keep(replace(progress, entries=entries))

        try:
            findings = self.run(watch)
            ended = replace(self.progress(progress.check_id), findings=findings)
        except Exception as e:  # noqa: BLE001 - whoever follows the check hears of it
            ended = replace(self.progress(progress.check_id), error=e)
        self._keep(ended)

    def _keep(self, progress: CheckProgress) -> None:
        with self._lock:
            self._known[progress.check_id] = progress
            ended = [key for key, known in self._known.items() if known.ended]
            for key in ended[: max(0, len(self._known) - _KEPT)]:
                del self._known[key]
