"""The process of one side of measured sums: `python -m party_node.bench.sums_party`.

As `bench/party.py` for matching: one line of JSON says what to do; it writes its rows, says `ready`
and its port, waits for `go`, carries the run over one loopback connection and prints what it cost.
What is counted is everything that a node does from the rows in its chunks to the sums: steps, their
storage, envelopes.
"""

import secrets
import socket
import time
from pathlib import Path
from typing import Any

from party_node.bench.direct import DirectPost
from party_node.bench.made_rows import SumsAsked, plain, write_rows
from party_node.bench.party import Counted
from party_node.bench.peak import forget_peak, peak_mib
from party_node.bench.side_process import be_side
from party_node.database import Database
from party_node.execution import WAIT_SECONDS
from party_node.home import Home
from party_node.mail import MailAhead
from party_node.memory import give_back
from party_node.runs import Run, Runs
from party_node.stamps import Stamps
from party_node.stepping import PROTOCOL, Steps
from party_node.vault import Vault
from protocols.codec import decode
from protocols.keys import PartyPublic
from protocols.session import Role
from protocols.sums import routes
from protocols.sums.records import Sums


class SumsSide:
    """One side of one run."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.asked = SumsAsked(**said["asked"])
        self.role, self._job = Role(said["role"]), said["job"]
        home = Home.open(Path(said["home"]), {})
        self._db = Database(home.database_url)
        vault = Vault(home.kek)
        Stamps(vault).guard(self._db)
        self._runs = Runs(self._db, vault, home)
        self._peer = decode(PartyPublic, bytes.fromhex(said["peer"]))
        self._ctx = bytes.fromhex(said["ctx"])
        self._chunks = self._runs.chunks(self._job)
        write_rows(self.asked, self.role, self._chunks)
        self._listener: socket.socket | None = None
        if self.role is Role.RESPONDER:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)

    @property
    def port(self) -> int:
        """Where this side listens; 0 if it does not."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def run(self, port: int) -> dict[str, Any]:
        """Carry the run to its end; `port` is the other side's."""
        listener = self._listener
        direct = DirectPost.listen(listener) if listener else DirectPost.connect(port)
        post = Counted(direct)
        give_back()
        forget_peak()
        before, began = time.process_time(), time.monotonic()
        steps = Steps(
            routes.find(self.asked.route), int(self.role is Role.RESPONDER), self.role, self._ctx,
            (self._peer,), self._db, self._runs, MailAhead(post, self._runs, self._peer),
            self._chunks, secrets.token_bytes, self._chunks.fetch,
        )  # fmt: skip
        run = steps.begin(Run(self._job, PROTOCOL), self.asked.params(), self.asked.aligned())
        while run.phase == PROTOCOL:
            run = steps.step(self._runs.load(self._job), WAIT_SECONDS) or run
        steps.mail.flush(self._job)
        wall, used = time.monotonic() - began, time.process_time() - before
        done = self._runs.load(self._job)
        found = {
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(used, 3),
            "peak_mib": peak_mib(),
            "sent_bytes": post.sent_bytes,
            "transcript": done.transcript.hex(),
        }
        output = decode(steps.protocol.outputs, done.output)
        if isinstance(output, Sums):
            found["exact"] = output.values == plain(self.asked)
        self._chunks.erase()
        return found


if __name__ == "__main__":
    be_side(SumsSide)
