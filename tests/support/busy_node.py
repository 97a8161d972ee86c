"""The storage of a node as it runs (ledger, gate, erasure, outbox), and a working day for it.

A day is made of steps, each of which says what it was acknowledged, as soon as the call that did it
returned: whoever listens knows what must still be there when the process dies a moment later.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from consent.checkpoint import Cosigner, open_checkpoint, with_cosignatures
from consent.note import parse_vkey
from consent.policy import Policy, parse_policy, write_policy
from party_node.aftermath.parts import Aftermath, assemble_aftermath
from party_node.aftermath.state_log import log_state
from party_node.capture import batch_reader
from party_node.capture.file_import import import_file
from party_node.capture.report import ImportReport
from party_node.contact.reservations import Reservations
from party_node.erasure.holds import Holds
from party_node.errors import DiskFull, NodeError
from party_node.gate import Gate
from party_node.home import Home
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.lineages import Lineages
from party_node.merging import Merging
from party_node.tables import EntryRow, PayloadRow, SubjectKeyRow
from party_node.webhooks.parts import Webhooks, assemble_webhooks
from party_node.webhooks.registrations import Definition
from tests.support import consent_files
from tests.support.node import NodeStorage, open_storage, reopen_storage, write_csv

VICTIM = "victim@x.example"
PEOPLE = [f"p{n}@x.example" for n in range(6)]
ONE, SAME = "one@x.example", "same@x.example"
"""Two records of one person, which is found out later."""
DATASET, WEBHOOK = "people", "crm"
ROWS, BATCH = 10, 4
FEW, MANY, CHECKPOINT_EACH = 40, 300, 8
REQUEST = "f" * 32
JOB, JOB_HASH = "1" * 32, b"\x05" * 32
WITNESS = Cosigner("witness.example/1", b"w" * 32)

Say = Callable[..., None]
"""Says that something was acknowledged: a word, then values."""


@dataclass
class BusyNode:
    """Everything of a node that writes into its database, but no server and no network."""

    storage: NodeStorage
    ledger: ConsentLedger
    gate: Gate
    webhooks: Webhooks
    aftermath: Aftermath

    @property
    def policy(self) -> Policy:
        """A trust policy of one witness."""
        log = parse_vkey(self.ledger.vkey)
        return parse_policy(write_policy([log], {"w": WITNESS.verifier}, 1))

    def victim(self) -> int | None:
        return self.storage.identity.find("email", VICTIM)

    def merge(self) -> int | None:
        """Merge the two records; return the index of the entry, None if they are one already."""
        one, same = (self.storage.identity.find("email", email) for email in (ONE, SAME))
        assert one is not None
        assert same is not None
        merging = Merging(self.ledger, self.storage.identity, self.storage.datasets)
        return merging.merge(one, same, "both addresses proved", "ann")

    def import_rows(self, watch: Callable[[ImportReport], None]) -> ImportReport:
        """Import the file that lies in the home, in batches of a few rows."""
        node, ledger = self.storage, self.ledger
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batch_reader, "BATCH_ROWS", BATCH)
            return import_file(
                node.home.path / "consents.csv", ledger, node.identity, ledger.vocabulary, "file",
                "GB", node.clock(), watch=watch,
            )  # fmt: skip

    def close(self) -> None:
        self.storage.db.close()


def prepare(folder: Path, url: str | None = None) -> Path:
    """Make a home: migrated, a dataset, a webhook, a file to import; no ledger yet."""
    node = open_storage(folder, url=url)
    emails = [VICTIM, *PEOPLE, ONE, SAME]
    write_csv(
        node.home.path / "people.csv", "key,mail", *(f"k{n},{e}" for n, e in enumerate(emails))
    )
    register(node)
    lines = (
        consent_files.line(source_event_id=f"f{n}", email=PEOPLE[n % len(PEOPLE)])
        for n in range(ROWS)
    )
    (node.home.path / "consents.csv").write_text(consent_files.table(*lines))
    hooks = assemble_webhooks(node.db, node.vault, node.rng)
    definition = Definition("http://127.0.0.1:9/hook", loopback=True)
    hooks.registrations.add(WEBHOOK, definition, node.clock())
    node.db.close()
    return node.home.path


def register(node: NodeStorage) -> None:
    node.datasets.register(DATASET, node.home.path / "people.csv", "key", "mail", None, "GB")


def another(home: Path, to: Path, url: str = "") -> Path:
    """Copy a home that nobody uses; with `url` the copy has its database there."""
    shutil.copytree(home, to)
    if url:
        opened = Home.open(to, environ={})
        opened.save(opened.settings.model_copy(update={"database_url": url}))
    return to


def open_busy(home: Path) -> BusyNode:
    """Put everything together over a home, as `services.assemble` does when a node starts."""
    node = reopen_storage(home)
    node.clock.now_ms += 1_000
    ledger = node.open_ledger()
    hooks = assemble_webhooks(node.db, node.vault, node.rng)
    gate = node.open_gate(ledger)
    reservations = Reservations(node.vault, node.rng)
    node.datasets.clear_away()
    lineages = Lineages(node.vault, node.clock)
    node.datasets.on_registered.append(lineages.join)
    aftermath = assemble_aftermath(
        ledger, node.identity, node.datasets, gate.decisions, reservations, hooks.outbox,
        node.clock, node.rng, Holds(ledger, node.rng), lineages,
    )  # fmt: skip
    return BusyNode(node, ledger, gate, hooks, aftermath)


# -- the day ---------------------------------------------------------------------------------------


class Day:
    """Does the steps of a day and says what was acknowledged."""

    def __init__(self, busy: BusyNode, say: Say) -> None:
        self._busy, self._node, self._ledger = busy, busy.storage, busy.ledger
        self._say = say

    def do(self, steps: Sequence[str]) -> None:
        for step in steps:
            self._step(step)

    def do_on_a_full_disk(self, steps: Sequence[str], free: Callable[[], None]) -> None:
        """As `do`, and as an operator does: on `disk-full`, free some space and repeat the step."""
        for step in steps:
            try:
                self._step(step)
            except DiskFull as e:
                self._say("full", step, e.hint)
                self._while_full()
                free()
                self._step(step)

    def _step(self, step: str) -> None:
        """Do one step: a name, and a number if it takes one."""
        name, *numbers = step.split()
        getattr(self, name)(*map(int, numbers))
        self._stands()

    def _while_full(self) -> None:
        """Require that the ledger is read, and decisions are made, as ever."""
        size, root = self._ledger.head()
        with self._ledger.tree() as tree:
            assert tree.root(size) == root
        assert self._ledger.verify().size == size
        asked = ("email", PEOPLE[0], "joint-audience", "shop", "psi")
        assert self._node.explain(self._ledger, *asked).decision.reason

    def single(self) -> None:
        """One event after the other, two of them about somebody who is erased later."""
        for n, email in enumerate((VICTIM, PEOPLE[0], VICTIM)):
            self._said(self._ledger.append([self._node.event(email, f"s{n}")])[0])

    def checkpoint(self) -> None:
        self._say("note", self._ledger.checkpoint())

    def group(self) -> None:
        """Four threads at once: their events share transactions."""
        events = [[self._node.event(PEOPLE[n], f"g{n}-{i}") for i in range(3)] for n in range(4)]

        def run(own: list[Any]) -> None:
            for event in own:
                self._said(self._ledger.submit([event])[0].index)

        with ThreadPoolExecutor(len(events)) as pool:
            for done in [pool.submit(run, own) for own in events]:
                done.result()

    def load(self) -> None:
        """Import a small file in several batches."""
        self._busy.import_rows(lambda _report: self._stands())

    def publish(self) -> None:
        ledger, busy = self._ledger, self._busy
        note = ledger.checkpoint()
        lines = with_cosignatures(note, WITNESS.cosign(note, 1_790_000_000))
        log = parse_vkey(ledger.vkey)
        said = open_checkpoint(lines, log, [WITNESS.verifier], 1)
        ledger.checkpoints.add_cosignatures(said.size, said.cosignatures)
        ledger.checkpoints.publish(said.size, busy.policy)
        self._say("published", lines)

    def policy(self) -> None:
        changed = replace(self._ledger.vocabulary, controller_zone="Europe/London")
        for index in self._ledger.change_policy(changed, "person:eve"):
            self._said(index)

    def use(self) -> None:
        asked = (JOB, JOB_HASH, DATASET, "joint-audience", "shop", ("psi",), "brand", 60_000)
        permission = self._busy.gate.permit(*asked)
        self._said(permission.grant.use_entry)
        self._busy.gate.complete(permission, "completed")

    def merge(self) -> None:
        self._ledger.append([self._node.event(email, email) for email in (ONE, SAME)])
        index = self._busy.merge()
        if index is not None:  # else it was met by a full disk after it was committed
            self._said(index)

    def register(self) -> None:
        """Take up the file of a dataset again: its index is written anew."""
        register(self._node)

    def erase(self) -> None:
        for needle in needles(self._busy):
            self._say("needle", needle.hex())
        victim = self._busy.victim()
        assert victim is not None
        erased = self._busy.aftermath.erasing.erase(victim, REQUEST)
        self._say("erased", erased.entry)

    def snapshot(self) -> None:
        self._said(log_state(self._ledger))

    def many(self, number: int, after: int = 0) -> None:
        """So many appends; with `MANY`, rows of facts are brought together and a tile is filled."""
        for n in range(after, after + number):
            event = self._node.event(PEOPLE[n % 4], f"m{os.getpid()}-{n}")
            self._said(self._ledger.append([event])[0])
            if n % CHECKPOINT_EACH == 0:
                self.checkpoint()

    def settle(self, size: int) -> None:
        """Wait for what another process does too; then say what it all comes to here."""
        while self._ledger.head()[0] < size:
            time.sleep(0.01)
        with self._ledger.hold() as head:
            self._say("state", head.projection.digest().hex())

    def pause(self) -> None:
        """Stop in the middle of a transaction, until somebody lets the process go on."""

        def stop(_session: Session, _indices: list[int]) -> None:
            self._say("paused")
            os.kill(os.getpid(), signal.SIGSTOP)

        try:
            index = self._ledger.append([self._node.event(PEOPLE[0], "paused")], also=stop)[0]
        except NodeError as e:
            self._say("refused", e.code)
        else:
            self._said(index)

    def _said(self, index: int) -> None:
        self._say("entry", index, self._ledger.leaf_hash(index).hex())

    def _stands(self) -> None:
        """Say how the ledger stands, and how long SQLite's write-ahead log is by now."""
        size, root = self._ledger.head()
        log = self._node.home.path / "node.db-wal"
        self._say("stands", size, root.hex(), log.stat().st_size if log.exists() else 0)


WHOLE_DAY = (
    "single", "checkpoint", "group", "load", "publish", "policy", "merge", "use", "register",
    "erase", "snapshot", "checkpoint",
)  # fmt: skip


def needles(busy: BusyNode) -> list[bytes]:
    """Return bytes that lie in the database because of the victim, and must not after erasure."""
    victim = busy.victim()
    if victim is None:
        return []
    with busy.storage.db.reading() as session:
        own = select(EntryRow.index).where(col(EntryRow.subject) == victim)
        indices = session.execute(own).scalars().all()
        payloads = select(PayloadRow).where(col(PayloadRow.index).in_(indices))
        found: list[bytes] = []
        for row in session.execute(payloads).scalars():
            found += [row.salt, row.ciphertext]
        keys = session.get(SubjectKeyRow, victim)
        if keys is not None:
            found.append(keys.wrapped)
    found += [name.encode() for name in busy.storage.identity.subject_ids([victim]).values()]
    return [bytes(needle) for needle in found]
