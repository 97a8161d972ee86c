"""Envelopes in and out of one run: sent until confirmed, opened only if they are the expected
ones.

`Mail` does one thing after the other. `MailAhead` lets this side compute meanwhile: what is queued
is sent, and where there is one peer its next envelope fetched, by two threads of its own. The crash
rule stays as it is: only what is stored is sent, and what was fetched counts when the step that
took it is stored. At most one envelope is held in each direction, so the relay's limits slow a run
down as before.

A full mailbox stops no run for good: who finds it full takes what has come for it out, onto its own
disk (`spool.py`), before it tries again. Of several peers, who waits for one of them takes out what
the others have sent: that one may wait for the room. Only what is on disk is acknowledged.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from typing_extensions import override

from party_node.coordinator_client import Route
from party_node.errors import CoordinatorRefused
from party_node.runs import Run, Runs
from party_node.spool import Spool
from protocols.envelope import Header, open_envelope
from protocols.keys import PartyPublic

AHEAD_SECONDS = 5
"""How long one look into the mailbox waits in the background."""
FULL, GONE, CLOSED = "mailbox-full", "message-acknowledged", "mailbox-closed"


class Post(Protocol):
    """Who carries envelopes: the coordinator's relay (`CoordinatorClient`), or a bench's wire."""

    def put_message(self, job: str, route: Route, step: int, envelope: bytes, /) -> None:
        """Hand an envelope over; the same again changes nothing."""

    def get_message(self, job: str, route: Route, step: int, wait_seconds: int, /) -> bytes | None:
        """Return the envelope at that step, or None if it has not come within `wait_seconds`."""

    def acknowledge(self, job: str, route: Route, step: int, /) -> None:
        """Say that the envelope is safely here."""


class Mail:
    """The mailbox of one job, seen from this side."""

    def __init__(self, client: Post, runs: Runs, *peers: PartyPublic) -> None:
        self._client, self._runs = client, runs
        self.peers = {peer.party: peer for peer in peers}
        self._behind = True
        """Whether something may be queued that an earlier turn could not send."""
        self._taken_out: dict[str, int] = {}
        """Envelopes of a peer before this step are known to be here, or were heard."""
        self._closed = False

    def catch_up(self, job: str) -> None:
        """Send what an earlier turn could not, before this one makes more: so a full mailbox stops
        a run.

        Raises: as `flush`.
        """
        if self._behind:
            self.flush(job)

    def flush(self, job: str) -> None:
        """Hand every queued envelope to the relay, in order.

        Raises: CoordinatorUnreachable; what was not confirmed stays queued.
        """
        self._behind = True
        self._send_all(job)
        self._behind = False

    def send(self, job: str) -> None:
        """See to it that queued envelopes get to the relay, now or while this side goes on.

        Raises: as `flush`.
        """
        self.flush(job)

    def receive(
        self, run: Run, peer: str, wait_seconds: int, *, ahead: bool = False
    ) -> bytes | None:
        """Send what is queued, then return the body of the peer's next envelope, or None if it has
        not come yet. `ahead` says that one more will be due after it.

        Raises: ForgedEnvelope if it is not the one that the peer sealed for this step of this job.
        """
        data = self._next(run, peer, wait_seconds, ahead=ahead and len(self.peers) == 1)
        if data is None:
            return None
        expected = Header(run.job, peer, self._runs.keys.party, run.expects(peer))
        return open_envelope(self._runs.keys, self.peers[peer], expected, data)

    def acknowledge(self, run: Run, peer: str) -> None:
        """Let the relay erase what was consumed; `run` is as stored after the last step."""
        heard = run.expects(peer)
        if heard:
            self._client.acknowledge(run.job, self._from(peer), heard - 1)
            self._spool(run.job, peer).forget(heard - 1)

    def close(self) -> None:
        """Stop what goes on in the background."""
        self._closed = True

    def _send_all(self, job: str) -> None:
        while (row := self._runs.next_outbound(job)) is not None:
            self._put(job, row.recipient, row.step, row.envelope)
            self._runs.confirmed(job, row.recipient, row.step)

    def _put(self, job: str, recipient: str, step: int, envelope: bytes) -> None:
        route = self._runs.keys.party, recipient
        while True:
            try:
                return self._client.put_message(job, route, step, envelope)
            except CoordinatorRefused as e:
                if e.reason != FULL or self._closed or not self._make_room(job):
                    raise

    def _make_room(self, job: str) -> bool:
        """Take the next envelope of each peer out of the mailbox; return whether one was there."""
        taken = [self._take_out(job, peer) for peer in self.peers]
        return any(taken)

    def _take_out(self, job: str, peer: str) -> bool:
        spool = self._spool(job, peer)
        step = max(self._taken_out.get(peer, 0), self._runs.load(job).expects(peer))
        while spool.has_room():
            try:
                found = self._client.get_message(job, self._from(peer), step, 0)
            except CoordinatorRefused as e:
                if e.reason == CLOSED and len(self.peers) > 1:
                    return False  # that peer is done, and others are not
                if e.reason != GONE:
                    raise
                step += 1
                continue
            if found is not None:
                spool.keep(step, found)
                self._client.acknowledge(job, self._from(peer), step)
                self._taken_out[peer] = step + 1
            return found is not None
        return False

    def _from(self, peer: str) -> Route:
        return peer, self._runs.keys.party

    def _spool(self, job: str, peer: str) -> Spool:
        return Spool(self._runs.chunks(job), peer)

    def _next(self, run: Run, peer: str, wait_seconds: int, *, ahead: bool) -> bytes | None:
        self.flush(run.job)
        found = self._fetch(run.job, peer, run.expects(peer), wait_seconds)
        if found is None:
            for other in self.peers:
                while other != peer and self._take_out(run.job, other):
                    pass
        return found

    def _fetch(self, job: str, peer: str, step: int, wait_seconds: int) -> bytes | None:
        found = self._spool(job, peer).take(step)
        if found is not None:
            return found
        try:
            return self._client.get_message(job, self._from(peer), step, wait_seconds)
        except CoordinatorRefused as e:
            # Another thread may have taken it out in between.
            found = self._spool(job, peer).take(step) if e.reason == GONE else None
            if found is None:
                raise
            return found


class MailAhead(Mail):
    """The same, sending and fetching while this side computes; for one thread that carries a run.

    What goes wrong in the background is raised by the next call that needs it.
    """

    def __init__(self, client: Post, runs: Runs, *peers: PartyPublic) -> None:
        super().__init__(client, runs, *peers)
        self._lanes = [ThreadPoolExecutor(1, thread_name_prefix="mail") for _ in range(2)]
        self._sending: list[Future[None]] = []
        self._fetching: tuple[int, Future[bytes | None]] | None = None

    @override
    def flush(self, job: str) -> None:
        self._settle()
        super().flush(job)

    @override
    def send(self, job: str) -> None:
        self._settle()
        self._sending.append(self._lanes[0].submit(self._send_all, job))

    @override
    def acknowledge(self, run: Run, peer: str) -> None:
        self._sending.append(self._lanes[0].submit(super().acknowledge, run, peer))

    @override
    def close(self) -> None:
        super().close()
        for lane in self._lanes:
            lane.shutdown(wait=False, cancel_futures=True)

    @override
    def _next(self, run: Run, peer: str, wait_seconds: int, *, ahead: bool) -> bytes | None:
        found, here = None, self._fetching
        self._fetching = None
        if here is not None and here[0] == run.expects(peer):
            if not here[1].done():
                self._settle()  # the peer may wait for what is still being sent
            found = here[1].result()
        if found is None:
            found = super()._next(run, peer, wait_seconds, ahead=ahead)
        if found is not None and ahead:
            following = run.expects(peer) + 1
            fetch = self._lanes[1].submit(self._fetch, run.job, peer, following, AHEAD_SECONDS)
            self._fetching = following, fetch
        return found

    def _settle(self) -> None:
        """Wait for what is being sent and acknowledged. Raises: what went wrong there."""
        settled, self._sending = self._sending, []
        behind, self._behind = self._behind, True
        for one in settled:
            one.result()
        self._behind = behind


class Mails:
    """The mailboxes of the runs that this node carries."""

    def __init__(self, client: Post, runs: Runs) -> None:
        self._client, self._runs = client, runs
        self._open: dict[str, MailAhead] = {}
        self.ahead = False
        """Whether runs have threads of their own, so that some may send and fetch meanwhile."""

    def of(self, job: str, *peers: PartyPublic) -> Mail:
        """Return the mailbox of a job; the same one as long as its run is carried."""
        if not self.ahead:
            return Mail(self._client, self._runs, *peers)
        if job not in self._open:
            self._open[job] = MailAhead(self._client, self._runs, *peers)
        return self._open[job]

    def close(self, job: str) -> None:
        """Forget a mailbox: its run is not carried any more."""
        found = self._open.pop(job, None)
        if found is not None:
            found.close()
