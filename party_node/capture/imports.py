"""The imports of a running node: one at a time, followed while they run, ended with the node.

A long import runs in a thread of its own, so that whoever asked for it need not hold the line. What
is known of it is kept in memory: after a restart the node knows of none, and the file is simply
imported again.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from party_node.capture import mapping_file
from party_node.capture.errors import ImportInterrupted
from party_node.capture.file_import import Watch, import_file
from party_node.capture.mapping import FileMapping
from party_node.capture.report import ImportReport
from party_node.clock import Clock
from party_node.errors import IllegalState, NotFound
from party_node.home import Home
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from protocols.session import Rng

MAX_WAITING = 16
"""Imports that run or wait for their turn."""
_KEPT = 100
"""Ended imports that the node can still tell about."""
_STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One file to take in."""

    path: Path
    source: str
    mapping: "FileMapping | dict[str, str]"
    dry_run: bool = False
    rejects: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is; `report` or `error` once it has ended."""

    import_id: str
    rows: int = 0
    report: ImportReport | None = None
    error: Exception | None = None

    @property
    def ended(self) -> bool:
        """True once nothing more will happen."""
        return self.report is not None or self.error is not None


class Imports:
    """Runs the imports of one node."""

    def __init__(
        self, ledger: ConsentLedger, identity: Identity, home: Home, clock_ms: Clock, rng: Rng
    ) -> None:
        self._ledger, self._identity, self._home = ledger, identity, home
        self._clock, self._rng = clock_ms, rng
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._stopping = threading.Event()
        self._known: OrderedDict[str, Progress] = OrderedDict()

    def mapping_of(self, text: str) -> FileMapping:
        """Read a mapping by this node's vocabulary.

        Raises: InvalidMapping.
        """
        purposes = (p.purpose_id for p in self._ledger.vocabulary.purposes)
        return mapping_file.parse(text, purposes)

    def run(self, request: ImportRequest, watch: Watch = lambda _report: None) -> ImportReport:
        """Take in a file and return what became of its rows.

        Raises: as `import_file`; ImportInterrupted if the node is stopping.
        """

        def stop_or(report: ImportReport) -> None:
            watch(report)
            if self._stopping.is_set():
                raise ImportInterrupted("the node is stopping")

        with self._turn:
            if self._stopping.is_set():
                raise ImportInterrupted("the node is stopping")
            return import_file(
                request.path,
                self._ledger,
                self._identity,
                self._ledger.vocabulary,
                request.source,
                self._home.settings.default_region,
                self._clock(),
                request.mapping,
                dry_run=request.dry_run,
                rejects=request.rejects,
                watch=stop_or,
            )

    def start(self, request: ImportRequest) -> Progress:
        """Take in a file beside everything else; `progress` says how far it is.

        Raises: IllegalState if too many others wait for their turn.
        """
        with self._lock:
            waiting = sum(not known.ended for known in self._known.values())
        if waiting >= MAX_WAITING:
            raise IllegalState(
                f"{waiting} imports run or wait already", hint="wait until one of them has ended"
            )
        progress = Progress(self._rng(16).hex())
        self._keep(progress)
        thread = threading.Thread(
            target=self._follow, args=(request, progress), name="consent-import", daemon=True
        )
        thread.start()
        return progress

    def progress(self, import_id: str) -> Progress:
        """Return how far an import is.

        Raises: NotFound if this process knows of none.
        """
        with self._lock:
            found = self._known.get(import_id)
        if found is None:
            raise NotFound(
                "this node knows of no such import",
                hint="if the node was started again, repeat the import: nothing is taken in twice",
            )
        return found

    def stop(self) -> None:
        """End what runs after its present batch, and start nothing more."""
        self._stopping.set()
        if self._turn.acquire(timeout=_STOP_SECONDS):
            self._turn.release()

    def _follow(self, request: ImportRequest, progress: Progress) -> None:
        def watch(report: ImportReport) -> None:
            self._keep(replace(progress, rows=report.rows))

        try:
            report = self.run(request, watch)
            ended = replace(progress, rows=report.rows, report=report)
        except Exception as e:  # noqa: BLE001 - whoever follows the import hears of it
            ended = replace(self.progress(progress.import_id), error=e)
        self._keep(ended)

    def _keep(self, progress: Progress) -> None:
        with self._lock:
            self._known[progress.import_id] = progress
            ended = [key for key, known in self._known.items() if known.ended]
            for key in ended[: max(0, len(self._known) - _KEPT)]:
                del self._known[key]
