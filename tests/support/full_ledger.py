"""A ledger with everything in it that a check looks at, and what is needed to damage it.

Some 330 entries: consents, preferences, a use with kept sets and uses that were set aside, a
conflict, another vocabulary, a notice, snapshots of the state, two erasures (the files of the
second are still to be cleaned), checkpoints, of which two are published by two witnesses.
"""

import contextlib
import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

from consent.checkpoint import Cosigner, open_checkpoint, with_cosignatures
from consent.fields import Entry
from consent.milestones import NoticePublished
from consent.note import parse_vkey
from consent.policy import write_policy
from consent.preferences import ChannelChoice, Pause, PreferenceEvent
from consent.statements import Method
from consent.words import EventState
from party_node.aftermath.state_log import log_state
from party_node.database import Database
from party_node.erasure.erasing import Erasing
from party_node.gate import Gate, Permission
from party_node.ledger import trust_policy
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.inspected import Inspected, inspected
from party_node.ledger.policies import keep_notice
from party_node.ledger.trust_policy import TrustPolicy
from tests.support.node import ORIGIN, NodeStorage, open_storage, write_csv

PEOPLE = [f"p{i}@x.example" for i in range(40)]
GONE, GOING = PEOPLE[7], PEOPLE[30]
"""Who is erased, and whose files are still to be cleaned."""
NOTICE = b"We build audiences together with shop. You may say no at any time."
COORDINATOR = Cosigner("hub.example/witness", b"\x21" * 32)
AUDITOR = Cosigner("auditor.example/w1", b"\x22" * 32)
"""Where no commit waits for a disk."""


@dataclasses.dataclass
class FullLedger:
    """One ledger and its node."""

    node: NodeStorage
    ledger: ConsentLedger
    gate: Gate
    trust: TrustPolicy
    notice_entry: int
    uses: list[int]
    """Indices of the use records."""
    snapshots: list[int]
    erasures: list[int]

    @property
    def database_file(self) -> Path:
        return self.node.home.path / "node.db"

    def copy(self, to: Path) -> None:
        """Copy the whole database into one file."""
        self.node.db.scrub()
        shutil.copyfile(self.database_file, to)

    def inspect(self, database: Path) -> Inspected:
        """Open a copy of the database to be looked at."""
        db = Database(f"sqlite:///{database}")
        return inspected(db, self.node.vault, ORIGIN, self.node.home.ledger_seed, ORIGIN)


@contextlib.contextmanager
def full_ledger(url: str | None = None) -> Iterator[FullLedger]:
    """Make it, in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp())
    node = open_storage(folder, url=url)
    try:
        yield _fill(node, folder)
    finally:
        node.db.close()
        shutil.rmtree(folder)


def publish(node: NodeStorage, ledger: ConsentLedger, trust: TrustPolicy) -> int:
    """Let both witnesses cosign the ledger as it stands; return its size."""
    note, seconds = ledger.checkpoint(), node.clock() // 1000
    lines = COORDINATOR.cosign(note, seconds) + AUDITOR.cosign(note, seconds)
    witnesses = tuple(trust.policy.witnesses.values())
    said = open_checkpoint(with_cosignatures(note, lines), parse_vkey(ledger.vkey), witnesses)
    ledger.checkpoints.add_cosignatures(said.size, said.cosignatures)
    ledger.checkpoints.publish(said.size, trust.policy)
    return said.size


def permit(gate: Gate, job: str) -> Permission:
    """Ask the gate for a joint audience with `shop`."""
    operations = ("psi", "activate")
    return gate.permit(
        job, b"j" * 32, "people", "joint-audience", "shop", operations, "brand", 600_000
    )


def _fill(node: NodeStorage, folder: Path) -> FullLedger:
    lines = [f"k{i},{mail}" for i, mail in enumerate(PEOPLE[:20])]
    people = write_csv(folder / "people.csv", "key,mail", *lines)
    node.datasets.register("people", people, "key", "mail", None, "GB")
    ledger = node.open_ledger()
    gate, trust = node.open_gate(ledger), _trust(ledger)
    _say(node, ledger)
    publish(node, ledger, trust)
    gate.complete(permit(gate, "a" * 32), "completed")
    snapshots = [log_state(ledger)]
    notice = NoticePublished(
        notice_hash=hashlib.sha256(NOTICE).digest(), notice_id="joint", version=1, language="en",
        purposes=("joint-audience",), published_at_ms=node.clock(), published_by="ann",
    )  # fmt: skip
    renewed = dataclasses.replace(ledger.vocabulary, notices_to_renew=frozenset({b"n" * 32}))
    _, notice_entry = ledger.change_policy(
        renewed, "ann", notice, also=lambda s, at: keep_notice(s, NOTICE, at[1])
    )
    node.clock.advance(60_000)
    ledger.append([node.event(PEOPLE[1], "w1", state=EventState.WITHDRAWN)])
    permit(gate, "b" * 32)
    gate.end("b" * 32, "people", "cancelled-by-party")
    erasures = _erase(node, ledger, gate)
    ledger.append([node.event(m, f"last-{m}") for m in PEOPLE[10:16]])
    permit(gate, "c" * 32)
    snapshots.append(log_state(ledger))
    publish(node, ledger, trust)
    ledger.append([node.event(PEOPLE[2], "after")])
    ledger.checkpoint()
    kinds = [(e.index, e.type) for e in ledger.entries()]
    uses = [index for index, kind in kinds if kind == "use-record"]
    return FullLedger(node, ledger, gate, trust, notice_entry, uses, snapshots, erasures)


def _say(node: NodeStorage, ledger: ConsentLedger) -> None:
    """Let everybody say several things, and a source contradict itself."""
    said: list[Entry] = []
    for number, mail in enumerate(PEOPLE):
        limited = {"max_uses": 2} if number % 5 == 0 else {}
        said.append(node.event(mail, f"given-{number}", **limited))
        said.append(node.event(mail, f"counted-{number}", purpose="audience-measurement"))
        said += [node.event(mail, f"{kind}-{number}", channel=kind) for kind in ("email", "sms")]
        said += [_choice(node, mail, f"{number}-{kind}", kind) for kind in ("email", "sms", "post")]
    ledger.append(said)
    ledger.submit([node.event(PEOPLE[3], "given-3", state=EventState.WITHDRAWN)])


def _choice(node: NodeStorage, mail: str, name: str, channel: str) -> PreferenceEvent:
    until = Pause(until_ms=node.clock() - 1, channel=channel)
    return PreferenceEvent(
        subject_id=node.person(mail),
        preference=until if channel == "post" else ChannelChoice(channel=channel, allowed=True),
        event_time_ms=node.clock(),
        source_id="centre",
        source_event_id=name,
        method=Method.PREFERENCE_CENTRE,
    )


def _erase(node: NodeStorage, ledger: ConsentLedger, gate: Gate) -> list[int]:
    """Erase two people; the process dies before the files of the second are cleaned."""

    def forget(session: Session, subject: int, _subject_id: str) -> None:
        gate.decisions.forget(session, subject)

    def crash(_subject: int) -> None:
        raise KeyboardInterrupt

    def dense(mail: str) -> int:
        found = node.identity.find("email", mail)
        assert found is not None
        return found

    done = Erasing(ledger, node.identity, node.rng, [forget], [node.datasets.forget])
    first = done.erase(dense(GONE), "request-1").entry
    assert first is not None
    with contextlib.suppress(KeyboardInterrupt):
        Erasing(ledger, node.identity, node.rng, [forget], [crash]).erase(dense(GOING), "request-2")
    return [first, first + 1]


def _trust(ledger: ConsentLedger) -> TrustPolicy:
    witnesses = {"coordinator": COORDINATOR.verifier, "auditor": AUDITOR.verifier}
    urls = {name: f"https://{key.name}" for name, key in witnesses.items()}
    log = parse_vkey(ledger.vkey)
    return trust_policy.check(write_policy([log], witnesses, 2, urls), log, COORDINATOR.verifier)
