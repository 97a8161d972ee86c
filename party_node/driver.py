"""The driver: follows the board, and carries every run of this node to its end.

One thread reads the board; one thread carries each active run. What fails for want of the
coordinator, of disk space or of a right clock is tried again, with growing pauses, and loses
nothing; what fails because a party broke a rule ends the job with that rule's code, which is all
that the other side is told. Only one process drives a home folder: it holds a lock that the
operating system releases when the process dies.
"""

import enum
import functools
import threading
from collections.abc import Callable

import structlog

from consent.errors import ConsentError
from coordinator.wire import JobState
from party_node import endings, uses
from party_node.errors import CoordinatorRefused, JobRefused, NodeError
from party_node.execution import Execution
from party_node.federated.rounds import Rounds
from party_node.jobs import ENDED, last_word
from party_node.passing import PASSING
from party_node.phases import PHASES
from party_node.runs import DONE, Run
from party_node.services import Services
from protocols import registry
from protocols.errors import DisclosureError, ProtocolError
from protocols.sums import made_columns

log = structlog.get_logger()

BOARD_WAIT_SECONDS = 10
MOST_RUNS = 16
"""Runs that are carried at once; the others wait. A run that waits for a person has no thread."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
LATER = frozenset({"mailbox-full", "step-out-of-order", "too-many-waits"})


SIGNED = ("sign", "attest", "countersign", "file", "close")
"""Phases in which this side has signed already, or answered from an earlier release: its last
message may still be fetched."""


class Turn(enum.Enum):
    """How a run stands after one step."""

    GOES_ON = enum.auto()
    AWAITS_MAIL = enum.auto()
    AWAITS_DECISION = enum.auto()
    ENDED = enum.auto()


class Driver:
    """Carries the jobs of one node; `start` once, `stop` to end."""

    def __init__(self, services: Services) -> None:
        self._services = services
        services.trainings.learner = Rounds(services)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._carried: set[str] = set()
        self._undecided: set[str] = set()
        self._turns: dict[str, int] = {}
        self._turn = self._news = 0
        self._crowded = False
        self.trouble: str = ""
        """Why the node cannot go on just now, as an error code; empty when all is well."""

    def start(self) -> None:
        """Start reading the board and resume every run that has not ended."""
        self._services.mails.ahead = True
        threading.Thread(target=self._follow_board, name="board", daemon=True).start()
        self._carry_all(news=True)

    def stop(self) -> None:
        """Ask all threads to end; they do so at the next step, and nothing is lost."""
        self._stop.set()
        self._services.client.close()

    def wake(self) -> None:
        """Look at waiting runs again: something was decided here."""
        if not self._stop.is_set():
            self._carry_all(news=True)

    def _follow_board(self) -> None:
        pause = _Pause(self._stop)
        while not self._stop.is_set():
            try:
                self._services.jobs.sync(BOARD_WAIT_SECONDS)
                self._carry_all(news=True)
            except NodeError as e:
                self._in_trouble(e)
                pause.longer()
                continue
            except Exception:
                log.exception("board-crashed")  # the loop must outlive whatever a board says
                self.trouble = "internal"
                pause.longer()
                continue
            self.trouble = ""
            pause.reset()

    def _carry_all(self, *, news: bool) -> None:
        """Give threads to runs that have none: those first whose last turn is longest ago.

        Without `news` those that wait for a decision are left alone.
        """
        active = self._services.runs.active()
        with self._lock:
            if news:
                self._news += 1
                self._undecided.clear()
            waiting = [j for j in active if j not in self._carried and j not in self._undecided]
            waiting.sort(key=lambda job: self._turns.get(job, 0))
            for job in waiting[: MOST_RUNS - len(self._carried)]:
                self._turn += 1
                self._turns[job] = self._turn
                self._carried.add(job)
                name = f"run-{job[:8]}"
                threading.Thread(target=self._run, args=(job,), name=name, daemon=True).start()
            self._crowded = len(waiting) > 0 and len(self._carried) >= MOST_RUNS

    def _let_go(self, job: str, turn: Turn, seen: int) -> bool:
        """Give up a run's thread if it needs none just now; tell whether it was given up."""
        with self._lock:
            if turn is Turn.GOES_ON or (turn is Turn.AWAITS_MAIL and not self._crowded):
                return False
            if turn is Turn.AWAITS_DECISION:
                if self._news != seen:
                    return False  # something was decided while it looked
                self._undecided.add(job)
            if turn is Turn.ENDED:
                self._turns.pop(job, None)
            self._services.mails.close(job)
            self._carried.discard(job)
            return True

    def _run(self, job: str) -> None:
        pause = _Pause(self._stop)
        while not self._stop.is_set():
            seen = self._news  # before looking, so that no decision in between is slept over
            try:
                turn = self._step(job)
                pause.reset()
            except PASSING as e:
                self._in_trouble(e)
                pause.longer()
                continue
            except CoordinatorRefused as e:
                if e.reason in LATER:
                    pause.longer()
                    continue
                turn = self._end(job, e.reason, str(e))
            except (ProtocolError, DisclosureError, ConsentError, NodeError) as e:
                log.warning("job-failed", job=job, cause=e.code, detail=str(e))
                cause = e.cause if isinstance(e, JobRefused) and e.cause else e.code
                turn = self._end(job, cause, str(e))
            except Exception as e:
                log.exception("job-crashed", job=job, kind=type(e).__name__)
                turn = self._end(job, "internal", endings.UNFORESEEN)
            if self._let_go(job, turn, seen):
                self._carry_all(news=False)
                return

    def _end(self, job: str, cause: str, found: str = "") -> Turn:
        """End a job with a cause, as soon as the coordinator can be told; keep what was found."""
        self._guard(functools.partial(self._fail, job, cause, found))
        return Turn.GOES_ON if self._stop.is_set() else Turn.ENDED

    def _step(self, job: str) -> Turn:
        """Take a run one phase further.

        Raises: UnknownProtocol for a job that an earlier version began and this one cannot go on
        with; as the phases.
        """
        run = self._services.runs.load(job)
        if run.phase == DONE:
            return Turn.ENDED
        state = self._services.jobs.get(job).state
        called_off = state in ENDED
        if called_off and run.phase not in SIGNED and not _came_back(run, state):
            self._abandon(run)
            return Turn.ENDED
        execution = Execution.of(self._services, job)
        if run.phase not in SIGNED:  # what is signed can be filed whichever version runs
            registry.params_of(execution.job.protocol)
        stored = PHASES[run.phase](execution, run)
        if stored is None:
            if called_off:  # the other side's last word is not there and will not come
                self._abandon(run)
                return Turn.ENDED
            return Turn.AWAITS_DECISION if run.phase == "agree" else Turn.AWAITS_MAIL
        if stored.phase != run.phase:
            log.info("run-phase", job=job, phase=stored.phase)
        return Turn.ENDED if stored.phase == DONE else Turn.GOES_ON

    def _fail(self, job: str, cause: str, found: str) -> None:
        """End a job that cannot go on, and tell the coordinator the cause's code and no more."""
        row = self._services.jobs.get(job)
        asked_here = row.requester == self._services.home.keys.party
        try:
            self._services.jobs.report(job, last_word(row.state, asked_here=asked_here), cause)
        except CoordinatorRefused:
            log.info("job-had-ended", job=job, cause=cause)
        self._abandon(self._services.runs.load(job), cause, found)

    def _abandon(self, run: Run, cause: str = "", found: str = "") -> None:
        outcome = cause or self._services.jobs.get(run.job).cause or "ended-by-peer"
        self._record_end(run.job, outcome)
        try:
            self._services.client.close_mailbox(run.job, outcome)
        except CoordinatorRefused:
            log.info("mailbox-had-closed", job=run.job)
        with self._services.db.writing() as session:
            self._services.runs.end(session, run.job, {endings.FOUND: found} if found else {})
        self._services.runs.chunks(run.job).erase()
        made_columns.forget()
        self._services.trainings.leave(run.job)

    def _record_end(self, job: str, outcome: str) -> None:
        """Write into the ledger that a use which was permitted has ended, and how."""
        asked = self._services.jobs.description(job)
        uses.end(self._services.gate, asked, self._services.home.keys.party, outcome)

    def _guard(self, action: Callable[[], None]) -> None:
        """Repeat `action` until the coordinator has heard it, or the node stops."""
        pause = _Pause(self._stop)
        while not self._stop.is_set():
            try:
                action()
            except PASSING as e:
                self._in_trouble(e)
                pause.longer()
            else:
                return

    def _in_trouble(self, error: NodeError) -> None:
        if self._stop.is_set():
            return
        if self.trouble != error.code:
            log.warning("waiting", cause=error.code, detail=str(error), hint=error.hint)
        self.trouble = error.code


def _came_back(run: Run, state: str) -> bool:
    """Tell whether a training was completed by the others while this party was away: it can still
    have the model.
    """
    return run.phase == "train" and state == JobState.COMPLETED


class _Pause:
    """Growing pauses that end at once when the node stops."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self._seconds = stop, _FIRST_PAUSE

    def reset(self) -> None:
        self._seconds = _FIRST_PAUSE

    def longer(self) -> None:
        self._stop.wait(self._seconds)
        self._seconds = min(self._seconds * 2, _LONGEST_PAUSE)
