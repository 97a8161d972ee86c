"""Lives that end at a chosen call, and what must hold when the node starts again after one."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from sqlmodel import col

from consent.checkpoint import checkpoint_of
from party_node.ledger.fsck import fsck
from party_node.tables import CheckpointRow, EntryRow, ErasureRow
from party_node.webhooks.tables import WebhookEventRow
from tests.support.busy_node import (
    DATASET,
    ONE,
    PEOPLE,
    ROWS,
    SAME,
    VICTIM,
    WHOLE_DAY,
    BusyNode,
    open_busy,
)
from tests.support.doomed import SHIM

ROOT = Path(__file__).resolve().parents[2]
SYNC, WRITE = 1, 2
BEFORE, AFTER, HALF = 0, 1, 2
"""As in `kill_at.c`."""
ONE_KEY, SAME_KEY = f"k{len(PEOPLE) + 1}", f"k{len(PEOPLE) + 2}"
"""Their rows in the dataset."""


@dataclass
class Told:
    """What a life said before it ended."""

    entries: dict[int, str] = field(default_factory=dict)
    """Acknowledged entries: index → leaf hash."""
    stands: list[tuple[int, str, int]] = field(default_factory=list)
    """Size, root, and length of the write-ahead log, each time after an acknowledgement."""
    notes: list[str] = field(default_factory=list)
    """Checkpoints that somebody has seen."""
    published: list[str] = field(default_factory=list)
    needles: list[bytes] = field(default_factory=list)
    erased: bool = False
    """The erasure was acknowledged."""
    refused: str = ""
    """Code of the error that a paused append met."""
    state: str = ""
    """Digest of the projection at the end."""
    unharmed: bool = False
    counted: int = 0
    full: dict[str, str] = field(default_factory=dict)
    """Steps that met a full disk, and what they were told to do."""
    code: int = 0

    def take(self, word: str, *values: Any) -> None:
        """Hear one line. Words that promise nothing (`paused`) are for whoever listens."""
        match word:
            case "crashed":
                raise AssertionError(f"the process raised instead of dying:\n{values[0]}")
            case "unharmed":
                self.unharmed, self.counted = True, values[0]
            case "refused":
                self.refused = values[0]
            case "state":
                self.state = values[0]
            case "full":
                self.full[values[0]] = values[1]
            case _:
                self._promised(word, *values)

    def _promised(self, word: str, *values: Any) -> None:
        match word:
            case "entry":
                self.entries[values[0]] = values[1]
            case "stands":
                self.stands.append(values)
            case "note":
                self.notes.append(values[0])
            case "published":
                self.published.append(values[0])
            case "needle":
                self.needles.append(bytes.fromhex(values[0]))
            case "erased":
                self.erased = True


def compile_shim(folder: Path) -> Path:
    """Compile `kill_at.c`; without a compiler the test is skipped, loudly."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT TESTED: there is no C compiler `cc` to build tests/support/kill_at.c")
    library = folder / "kill_at.so"
    source = ROOT / "tests/support/kill_at.c"
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: tests/support/kill_at.c does not compile here: {done.stderr}")
    return library


class Doomed:
    """The parent of the lives."""

    def __init__(self, shim: Path | None) -> None:
        self.shimmed = shim is not None
        more = {} if shim is None else {"LD_PRELOAD": str(shim), SHIM: str(shim)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.doomed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **more},
            text=True,
        )
        assert self._hear() == ["loaded"]

    def live(
        self,
        home: Path,
        *,
        n: int = 0,
        kinds: int = SYNC,
        when: int = BEFORE,
        space: int = -1,
        steps: Sequence[str] = WHOLE_DAY,
        hear: Callable[[int, list[Any]], None] = lambda _pid, _words: None,
    ) -> Told:
        """Let one life pass over a home, the n-th call being its last (0: none); return what it
        said. `space` is by how many bytes files may grow before the disk is full (-1: no limit);
        once it is, the life frees some. `hear` gets its process and each line, as it comes.
        """
        words = {"n": n, "kinds": kinds, "when": when, "space": space, "steps": list(steps)}
        life = {"home": str(home), **words}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(life) + "\n")
        self._process.stdin.flush()
        told = Told()
        pid = self._hear()[1]
        try:
            while (heard := self._hear())[0] != "end":
                told.take(*heard)
                hear(pid, heard)
        except BaseException:
            self._end(pid)
            raise
        told.code = heard[1]
        assert told.code == (0 if told.unharmed else -signal.SIGKILL)
        return told

    def _end(self, pid: int) -> None:
        """End a life that nobody listens to any more: it may have stopped itself."""
        _kill(pid)
        while self._hear()[0] != "end":
            pass

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def _hear(self) -> list[Any]:
        assert self._process.stdout is not None
        found: list[Any] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def doomed(shim: Path | None) -> Iterator[Doomed]:
    made = Doomed(shim)
    try:
        yield made
    finally:
        made.stop()


class Killer:
    """Kills from outside: `delay` seconds after the life has said so many lines."""

    def __init__(self, lines: int, delay: float) -> None:
        self._left, self._delay = lines, delay

    def __call__(self, pid: int, words: list[Any]) -> None:
        self._left -= 1
        if self._left == 0:
            threading.Timer(self._delay, _kill, (pid,)).start()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


# -- what must hold --------------------------------------------------------------------------------


def require_whole(home: Path, told: Told) -> None:
    """Start over a home after a life that ended there, and require everything that was promised.

    Then let the node go on: import, append, checkpoint.
    """
    busy = open_busy(home)
    try:
        _acknowledged(busy, told)
        _erased_or_not(busy, told)
        _merged_or_not(busy)
        _sound(busy)
        _told_of(busy)
        notes = [*told.notes, *told.published, *_stored_notes(busy)]
        busy.import_rows(lambda _report: None)
        again = busy.import_rows(lambda _report: None)
        assert (again.accepted, again.repeated) == (0, ROWS)
        size = busy.ledger.head()[0]
        (index,) = busy.ledger.append([busy.storage.event(PEOPLE[0], f"after-{size}")])
        assert index == size
        notes += [busy.ledger.checkpoint(), *_stored_notes(busy)]
        require_one_checkpoint_of_a_size(notes)
        _sound(busy)
    finally:
        busy.close()


def _acknowledged(busy: BusyNode, told: Told) -> None:
    """Every entry that was acknowledged is there, and is the same."""
    ledger = busy.ledger
    lost = {i: h for i, h in told.entries.items() if ledger.leaf_hash(i).hex() != h}
    assert lost == {}
    with ledger.tree() as tree:
        for size, root, _ in told.stands:
            assert tree.root(size).hex() == root
    for note in told.notes:
        said = checkpoint_of(note)
        kept = ledger.checkpoints.cosigned(said.size)
        assert checkpoint_of(kept).root == said.root
    for note in told.published:
        newest = ledger.checkpoints.latest_published()
        assert newest is not None
        assert checkpoint_of(newest).size >= checkpoint_of(note).size
        busy.policy.open(newest)


def _sound(busy: BusyNode) -> None:
    busy.ledger.verify()
    assert fsck(busy.ledger, busy.storage.identity).listed == []


def _told_of(busy: BusyNode) -> None:
    """The outbox tells of exactly the consents that are committed, and not of erased ones."""
    with busy.storage.db.reading() as session:
        rows = session.execute(select(WebhookEventRow)).scalars().all()
        consents = select(EntryRow.index).where(
            col(EntryRow.type) == "consent-event", col(EntryRow.subject).is_not(None)
        )
        there = set(session.execute(consents).scalars())
    bodies = [json.loads(busy.webhooks.outbox.open_body(row)) for row in rows]
    told = [b["data"]["index"] for b in bodies if b["type"] == "consent.changed"]
    assert sorted(told) == sorted(there)


def _erased_or_not(busy: BusyNode, told: Told) -> None:
    """The erasure is whole or it was not, whatever of it was going on when the process died."""
    with busy.storage.db.reading() as session:
        erasures = session.execute(select(ErasureRow)).scalars().all()
    assert len(erasures) <= 1
    if not erasures:
        assert not told.erased
        if told.needles:
            assert busy.victim() is not None
            assert busy.victim() in busy.storage.datasets.asked(DATASET)
        return
    assert erasures[0].pending == ""
    assert busy.victim() is None
    for index in busy.storage.home.datasets.rglob("*.parquet"):
        with pq.ParquetFile(index) as file:
            assert VICTIM not in file.read(columns=["email"])["email"].to_pylist()
    left = {
        (path.name, needle.hex()[:16])
        for path in busy.storage.home.path.rglob("*")
        if path.is_file() and path.name != "people.csv"
        for needle in told.needles
        if needle in path.read_bytes()
    }
    assert left == set()


def _merged_or_not(busy: BusyNode) -> None:
    """A merge that was not acknowledged is repeated, and then the dataset follows it too."""
    identity, datasets = busy.storage.identity, busy.storage.datasets
    if identity.find("email", ONE) is None:
        return
    busy.merge()
    assert busy.merge() is None
    one = identity.find("email", ONE)
    assert identity.find("email", SAME) == one
    with busy.ledger.hold() as head:
        assert one is not None
        assert head.projection.current(one) == one
    assert datasets.people_of(DATASET, [ONE_KEY]) == datasets.people_of(DATASET, [SAME_KEY])


def _stored_notes(busy: BusyNode) -> list[str]:
    with busy.storage.db.reading() as session:
        rows = session.execute(select(CheckpointRow)).scalars().all()
    return [note for row in rows for note in (row.note, row.cosigned) if note]


def require_one_checkpoint_of_a_size(notes: Sequence[str]) -> None:
    """Require that no two of these checkpoints say different things about one size."""
    roots: dict[int, set[bytes]] = {}
    for note in notes:
        said = checkpoint_of(note)
        roots.setdefault(said.size, set()).add(said.root)
    assert {size: r for size, r in roots.items() if len(r) > 1} == {}
