"""A run of two parties without a coordinator: each a process with a home of its own.

The envelopes are those of a job, carried over one loopback connection. What is counted is
everything that a node does from the rows in its chunks to the output: steps, their storage, sealed
envelopes.
"""

import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from party_node.bench.direct import DirectPost
from party_node.bench.party import Counted
from party_node.bench.peak import forget_peak, peak_mib
from party_node.bench.side_process import run_both
from party_node.database import Database
from party_node.execution import WAIT_SECONDS
from party_node.home import Home
from party_node.mail import MailAhead
from party_node.memory import give_back
from party_node.migrations import migrate
from party_node.runs import Run, Runs
from party_node.stamps import Stamps
from party_node.stepping import PROTOCOL, Steps
from party_node.vault import Vault
from protocols.codec import Record, decode, encode
from protocols.keys import PartyPublic
from protocols.session import Role, TwoParty


def run_directly(
    folder: Path, module: str, roles: Mapping[str, Role], asked: dict[str, Any]
) -> dict[str, Any]:
    """Let `module` run as a process for each party; return what each says at the end.

    Raises: BenchFailed.
    """
    homes = {party: _home(folder / party, party) for party in roles}
    common = {"asked": asked, "job": secrets.token_hex(16), "ctx": secrets.token_hex(32)}
    said = {}
    for party, role in roles.items():
        (other,) = roles.keys() - {party}
        peer = encode(homes[other].keys.public()).hex()
        said[party] = common | {"role": role, "home": str(folder / party), "peer": peer}
    return run_both(folder, module, said)


def added_up(sides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both sides have used, together and each."""
    return {
        "wall_seconds": round(max(side["wall_seconds"] for side in sides.values()), 2),
        "cpu_seconds_both_parties": round(sum(s["cpu_seconds"] for s in sides.values()), 2),
        "cpu_seconds": {party: side["cpu_seconds"] for party, side in sides.items()},
        "peak_mib": {party: side["peak_mib"] for party, side in sides.items()},
        "bytes": {f"from_{party}": side["sent_bytes"] for party, side in sides.items()},
    }


class DirectRun:
    """One side's end: its home, its chunks and the connection."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.role, self._job = Role(said["role"]), said["job"]
        home = Home.open(Path(said["home"]), {})
        self._db = Database(home.database_url)
        vault = Vault(home.kek)
        Stamps(vault).guard(self._db)
        self._runs = Runs(self._db, vault, home)
        self._peer = decode(PartyPublic, bytes.fromhex(said["peer"]))
        self._ctx = bytes.fromhex(said["ctx"])
        self.chunks = self._runs.chunks(self._job)
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """Where this side listens, from the first look on; 0 if it does not."""
        if self.role is Role.RESPONDER and self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def carry(
        self, protocol: TwoParty, port: int, params: Record, items: Record
    ) -> tuple[dict[str, Any], Record]:
        """Carry the run to its end; `port` is the other side's. Return cost and output."""
        listener = self._listener
        direct = DirectPost.listen(listener) if listener else DirectPost.connect(port)
        post = Counted(direct)
        give_back()
        forget_peak()
        before, began = time.process_time(), time.monotonic()
        steps = Steps(
            protocol, int(self.role is Role.RESPONDER), self.role, self._ctx, (self._peer,),
            self._db, self._runs, MailAhead(post, self._runs, self._peer), self.chunks,
            secrets.token_bytes, self.chunks.fetch,
        )  # fmt: skip
        run = steps.begin(Run(self._job, PROTOCOL), params, items)
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
        return found, decode(protocol.outputs, done.output)


def _home(path: Path, party: str) -> Home:
    home = Home.create(path, party, party.title(), rng=secrets.token_bytes)
    db = Database(home.database_url)
    migrate(db)
    db.close()
    return home
