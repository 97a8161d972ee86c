"""Envelopes in and out of one run: sent until confirmed, opened only if they are the expected
ones.
"""

from typing import Protocol

from party_node.runs import Run, Runs
from protocols.envelope import Header, open_envelope
from protocols.keys import PartyPublic


class Post(Protocol):
    """Who carries envelopes: the coordinator's relay (`CoordinatorClient`), or a bench's wire."""

    def put_message(self, job: str, sender: str, step: int, envelope: bytes, /) -> None:
        """Hand an envelope over; the same again changes nothing."""

    def get_message(self, job: str, sender: str, step: int, wait_seconds: int, /) -> bytes | None:
        """Return the envelope at that step, or None if it has not come within `wait_seconds`."""

    def acknowledge(self, job: str, sender: str, step: int, /) -> None:
        """Say that the envelope is safely here."""


class Mail:
    """The mailbox of one job, seen from this side."""

    def __init__(self, client: Post, runs: Runs, peer: PartyPublic) -> None:
        self._client, self._runs, self.peer = client, runs, peer

    def flush(self, job: str) -> None:
        """Hand every queued envelope to the relay, in order.

        Raises: CoordinatorUnreachable; what was not confirmed stays queued.
        """
        while (row := self._runs.next_outbound(job)) is not None:
            self._client.put_message(job, self._runs.keys.party, row.step, row.envelope)
            self._runs.confirmed(job, row.step)

    def receive(self, run: Run, wait_seconds: int) -> bytes | None:
        """Return the body of the next envelope, or None if it has not come yet.

        Raises: ForgedEnvelope if it is not the one that the peer sealed for this step of this job.
        """
        party = self.peer.party
        data = self._client.get_message(run.job, party, run.received, wait_seconds)
        if data is None:
            return None
        expected = Header(run.job, party, self._runs.keys.party, run.received)
        return open_envelope(self._runs.keys, self.peer, expected, data)

    def acknowledge(self, run: Run) -> None:
        """Let the relay erase what was consumed; `run` is as stored after the last step."""
        if run.received:
            self._client.acknowledge(run.job, self.peer.party, run.received - 1)
