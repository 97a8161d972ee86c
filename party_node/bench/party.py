"""The process of one side of a measured run: `python -m party_node.bench.party`.

Reads what to do as one line of JSON, makes its set up, says `ready` (and its port, if it listens),
waits for `go`, carries the run and prints what it cost. What is counted begins with the set in
memory as digests: laying it out in a secret order, the protocol with everything that a node does
for each step, the join.
"""

import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from party_node.bench.asking import Asked, Way
from party_node.bench.direct import DirectPost
from party_node.bench.kept import Kept
from party_node.bench.peak import forget_peak, peak_mib
from party_node.bench.sets import MadeUp, plain
from party_node.bench.setting_up import client_of
from party_node.bench.side_process import be_side
from party_node.chunks import ChunkStore
from party_node.coordinator_client import Route
from party_node.database import Database
from party_node.driver import LATER
from party_node.errors import CoordinatorRefused
from party_node.execution import WAIT_SECONDS
from party_node.home import Home
from party_node.mail import MailAhead, Post
from party_node.memory import give_back
from party_node.runs import Run, Runs
from party_node.stamps import Stamps
from party_node.stepping import PROTOCOL, Steps
from party_node.vault import Vault
from protocols.codec import decode
from protocols.context import context
from protocols.groups import choose_backend
from protocols.job import JobDescription
from protocols.job_params import params_of
from protocols.keys import PartyPublic
from protocols.psi.chunks import MATCHED
from protocols.psi.params import Cardinality
from protocols.registry import find
from protocols.session import Role

_PAUSE_SECONDS = 0.05
"""How long to wait when the mailbox is full."""


class Counted:
    """Passes envelopes on and counts their bytes."""

    def __init__(self, post: Post) -> None:
        self._post, self.sent_bytes = post, 0

    def put_message(self, job: str, route: Route, step: int, envelope: bytes, /) -> None:
        """Pass an envelope on."""
        self._post.put_message(job, route, step, envelope)
        self.sent_bytes += len(envelope)

    def get_message(self, job: str, route: Route, step: int, wait_seconds: int, /) -> bytes | None:
        """Pass the question on."""
        return self._post.get_message(job, route, step, wait_seconds)

    def acknowledge(self, job: str, route: Route, step: int, /) -> None:
        """Pass it on."""
        self._post.acknowledge(job, route, step)


class Side:
    """One side of one run."""

    def __init__(self, said: dict[str, Any]) -> None:
        asked = said["asked"]
        self.asked = Asked(**asked | {"ways": tuple(Way(w) for w in asked["ways"])})
        self.role = Role(said["role"])
        home = Home.open(Path(said["home"]), {})
        self._home, self._way = home, Way(said["way"])
        self._db = Database(home.database_url)
        self._vault = Vault(home.kek)
        Stamps(self._vault).guard(self._db)
        self._runs = Runs(self._db, self._vault, home)
        self._job = decode(JobDescription, bytes.fromhex(said["job"]))
        self._peer = decode(PartyPublic, bytes.fromhex(said["peer"]))
        self._backend = choose_backend(said["backend"])
        self._made: MadeUp | None = MadeUp.of(self.asked, self.role)
        self.input_cpu_seconds = self._made.cpu_seconds
        self._listener = self._listen()

    def _listen(self) -> socket.socket | None:
        if self._way is Way.RELAY or self.role is Role.INITIATOR:
            return None
        return socket.create_server(("127.0.0.1", 0), backlog=1)

    @property
    def port(self) -> int:
        """Where this side listens; 0 if it does not."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def run(self, port: int) -> dict[str, Any]:
        """Carry the run to its end; `port` is the other side's, for a direct connection."""
        post = Counted(self._connected(port))
        chunks = self._runs.chunks(self._job.job)
        give_back()
        forget_peak()
        before, began = time.process_time(), time.monotonic()
        steps = self._steps(post, chunks)
        assert self._made is not None
        params = params_of(self._job)
        kept = Kept.of(self._home, self._db, self._vault, self._job, self._keys, self.role, chunks)
        prepared = None if kept is None else kept.lay(self._made)
        if kept is not None:
            steps = kept.around(steps)
        items, order = prepared, None
        if prepared is None:
            items, order = self._made.lay_out(chunks, params.chunk_items, steps.rng)
        self._made = None
        assert items is not None
        run = steps.begin(Run(self._job.job, PROTOCOL), params, items)
        self._carry(steps, run)
        if kept is not None and self.role is Role.INITIATOR:
            kept.adopt()
        wall, used = time.monotonic() - began, time.process_time() - before
        if kept is not None and not kept.has_read:
            self.input_cpu_seconds = 0.0  # a node hashes again only who is new
        found = {
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(used, 3),
            "peak_mib": peak_mib(),
            "sent_bytes": post.sent_bytes,
            "input_cpu_seconds": round(self.input_cpu_seconds, 3),
            "backend": self._backend.name,
            "transcript": self._runs.load(self._job.job).transcript.hex(),
        }
        if self.role is Role.INITIATOR:
            found |= self._compared(steps, chunks, order)
        chunks.erase()
        return found

    @property
    def _keys(self) -> tuple[PartyPublic, PartyPublic]:
        mine = self._home.keys.public()
        return (mine, self._peer) if self.role is Role.INITIATOR else (self._peer, mine)

    def _connected(self, port: int) -> Post:
        if self._way is Way.RELAY:
            return client_of(self._home)
        if self._listener is not None:
            return DirectPost.listen(self._listener)
        return DirectPost.connect(port)

    def _steps(self, post: Post, chunks: ChunkStore) -> Steps:
        protocol = find(self._job.protocol, self._backend)
        ctx = context(self._job, *self._keys)
        mail = MailAhead(post, self._runs, self._peer)
        me = self._home.keys.party
        number, role = self._job.number_of(me), self._job.role_of(me)
        return Steps(
            protocol, number, role, ctx, (self._peer,), self._db, self._runs, mail, chunks,
            secrets.token_bytes, chunks.fetch,
        )  # fmt: skip

    def _carry(self, steps: Steps, run: Run) -> None:
        """What the driver's thread does with a run, while it is in the protocol."""
        pause = threading.Event()
        while run.phase == PROTOCOL:
            try:
                stepped = steps.step(self._runs.load(run.job), WAIT_SECONDS)
            except CoordinatorRefused as e:
                if e.reason not in LATER:
                    raise
                pause.wait(_PAUSE_SECONDS)
                continue
            run = stepped or run
        steps.mail.flush(run.job)

    def _compared(self, steps: Steps, chunks: ChunkStore, order: Any) -> dict[str, Any]:
        """Compare the result with the plain intersection."""
        wanted = plain(self.asked, order)
        output = decode(steps.protocol.outputs, self._runs.load(self._job.job).output)
        count: int = output.count  # type: ignore[attr-defined]
        exact = count == len(wanted)
        if not isinstance(output, Cardinality):
            found = np.frombuffer(chunks.fetch(MATCHED), dtype="<u4")
            exact = exact and bool(np.array_equal(found, wanted))
        return {"matched": count, "exact": exact}


if __name__ == "__main__":
    be_side(Side)
