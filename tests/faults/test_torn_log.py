"""What a power cut leaves of SQLite's write-ahead log, and what the ledger makes of it.

SQLite runs in WAL mode with synchronous=FULL: a commit returns after the log was synced up to its
last frame. Frames carry a checksum over all frames before them, and what is taken up after a crash
is the longest run of valid frames that ends with a commit. So, if the disk keeps what it has said
to be synced, a cut anywhere behind the commit of an acknowledged entry leaves that entry, and a cut
in the middle of a transaction leaves nothing of it. A disk that loses what was synced takes away
the newest commits, whole: the ledger is older, and sound. It cannot know that by itself; a witness
that has seen more of it does.
"""

import contextlib
import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consent.checkpoint import open_checkpoint
from consent.errors import LedgerInconsistent
from consent.note import Verifier, parse_vkey
from party_node.ledger import trust_policy
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.fsck import fsck
from party_node.ledger.policy_changes import PolicyChanges
from party_node.ledger.witness_http import HttpWitness
from party_node.ledger.witness_memory import WitnessMemory
from party_node.ledger.witnessing import Witnessing
from tests.support.busy_node import PEOPLE, BusyNode, another, open_busy
from tests.support.lives import Doomed, Told
from tests.support.network import typed
from tests.support.node import NodeStorage
from tests.support.witness import WitnessProcess

SECTOR = 512
LOG = "node.db-wal"
STEPS = ("single", "checkpoint", "group", "load", "publish", "policy", "use", "snapshot")
"""Without an erasure, which empties the log."""


def cut(log: bytes, at: int) -> bytes:
    return log[:at]


def zeros(log: bytes, at: int) -> bytes:
    """The file is as long as it was, and nothing has reached the disk from there on."""
    return log[:at] + bytes(len(log) - at)


def garbage(log: bytes, at: int) -> bytes:
    return log[:at] + random.Random(at).randbytes(len(log) - at)


def a_lost_sector(log: bytes, at: int) -> bytes:
    """Later sectors reached the disk before this one did."""
    return log[:at] + bytes(SECTOR) + log[at + SECTOR :]


@pytest.fixture(scope="module")
def day(one: Doomed, template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A home as a process left it that died without closing anything, and what it had said."""
    home = another(template, tmp_path_factory.mktemp("day") / "home")
    told = one.live(home, steps=STEPS)
    lengths = [length for _, _, length in told.stands]
    assert lengths == sorted(lengths), "the log was emptied in between"
    assert (home / LOG).stat().st_size == lengths[-1]
    return home, told


def torn(home: Path, folder: Path, log: bytes) -> Path:
    """Copy a home with another write-ahead log."""
    shutil.copytree(home, folder)
    (folder / LOG).write_bytes(log)
    (folder / "node.db-shm").unlink(missing_ok=True)
    return folder


def require_sound(home: Path, told: Told, least: int) -> None:
    """Open the ledger; require that it is a beginning of what it was, at least that long."""
    busy = open_busy(home)
    try:
        ledger = busy.ledger
        size = ledger.head()[0]
        assert size >= least
        with ledger.tree() as tree:
            for then, root, _ in told.stands:
                assert then > size or tree.root(then).hex() == root
        for index, leaf_hash in told.entries.items():
            assert index >= size or ledger.leaf_hash(index).hex() == leaf_hash
        ledger.append([busy.storage.event(PEOPLE[0], "after")])
        ledger.checkpoint()
        ledger.verify()
        assert fsck(ledger, busy.storage.identity).listed == []
    finally:
        busy.close()


def recovered(database_file: bytes, log: bytes, folder: Path) -> tuple[int, ...]:
    """Return what SQLite makes of a torn log, in numbers that tell commits apart."""
    (folder / "node.db").write_bytes(database_file)
    (folder / LOG).write_bytes(log)
    with contextlib.closing(sqlite3.connect(folder / "node.db")) as database:
        database.execute("PRAGMA synchronous=OFF")
        tables = ("ledger_entries", "checkpoints", "webhook_events", "cursors", "use_decisions")
        counts = [database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]
        published = "SELECT count(*), count(cosigned), sum(published) FROM checkpoints"
        return (*counts, *(n or 0 for n in database.execute(published).fetchone()))


def through_all_cuts(
    day: tuple[Path, Told], folder: Path, damage: Callable[[bytes, int], bytes], step: int
) -> int:
    """Damage the log at every `step` bytes; return how many different states came of it."""
    home, told = day
    database_file, log = (home / "node.db").read_bytes(), (home / LOG).read_bytes()
    seen = set[tuple[int, ...]]()
    for at in range(0, len(log) + 1, step):
        least = max((size for size, _, length in told.stands if length <= at), default=0)
        state = recovered(database_file, damage(log, at), folder)
        assert state[0] >= least, f"an acknowledged entry is lost by a cut at {at}"
        if state not in seen:  # the same commits: the same ledger
            seen.add(state)
            require_sound(torn(home, folder / f"torn-{at}", damage(log, at)), told, least)
    return len(seen)


def test_a_torn_log_loses_no_acknowledged_entry(day: tuple[Path, Told], tmp_path: Path) -> None:
    assert through_all_cuts(day, tmp_path, cut, 173 * SECTOR) > 3


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, zeros, garbage, a_lost_sector])
def test_a_log_may_be_torn_at_every_sector(
    day: tuple[Path, Told], tmp_path: Path, damage: Callable[[bytes, int], bytes]
) -> None:
    assert through_all_cuts(day, tmp_path, damage, SECTOR) > 15


# -- a disk that loses what it had synced ----------------------------------------------------------


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    """A stand-alone witness in a process of its own."""
    home = tmp_path / "witness"
    words = ("init", "--home", str(home), "--name", "w.example/1")
    assert typed("coordinator.witness_node", *words).code == 0
    process = WitnessProcess.start(home)
    yield process
    process.kill()


def witnessing(busy: BusyNode, witness: WitnessProcess) -> Witnessing:
    home = busy.storage.home.path
    said = typed("coordinator.witness_node", "status", "--home", str(witness.home), "--json")
    key = parse_vkey(json.loads(said.out)["vkey"])

    def connect(_key: Verifier, _url: str) -> HttpWitness:
        return HttpWitness(witness.url)

    return Witnessing(
        busy.ledger,
        WitnessMemory(busy.storage.db, busy.storage.clock),
        trust_policy.load(home, parse_vkey(busy.ledger.vkey), key, witness.url),
        connect,
        PolicyChanges(busy.ledger, home).put_in_force,
    )


@pytest.mark.slow
def test_a_lost_tail_is_found_out_by_a_witness(
    template: Path, tmp_path: Path, witness: WitnessProcess
) -> None:
    """Commits that were acknowledged and witnessed are gone; everything else looks well."""
    home = another(template, tmp_path / "home")
    busy = open_busy(home)
    where = ("--home", str(witness.home))
    assert typed("coordinator.witness_node", "add-log", *where, busy.ledger.vkey).code == 0
    shown = witnessing(busy, witness)
    numbers = itertools.count()

    def grow(ledger: ConsentLedger, node: NodeStorage) -> int:
        ledger.append([node.event(PEOPLE[0], next(numbers))])
        return ledger.head()[0]

    shown.publish(grow(busy.ledger, busy.storage))
    kept = (home / LOG).stat().st_size
    shown.publish(grow(busy.ledger, busy.storage))
    assert shown.published() is not None
    size = busy.ledger.head()[0]
    older = torn(home, tmp_path / "older", (home / LOG).read_bytes()[:kept])
    shown.close()
    busy.close()

    busy = open_busy(older)
    busy.ledger.verify()
    assert busy.ledger.head()[0] == size - 1
    shown = witnessing(busy, witness)
    with pytest.raises(LedgerInconsistent, match="an old backup was restored"):
        shown.publish(busy.ledger.head()[0])
    # It goes on to the same size with other entries, and beyond: no witness cosigns that.
    for _ in range(2):
        grow(busy.ledger, busy.storage)
        with pytest.raises(LedgerInconsistent):
            shown.publish(busy.ledger.head()[0])
    with pytest.raises(LedgerInconsistent):
        shown.require_well()
    shown.close()
    # And it keeps both heads, each with the ledger's own signature.
    kept_in = tmp_path / "evidence"
    assert (
        typed("coordinator.witness_node", "conflicts", *where, "--export", str(kept_in)).code == 0
    )
    held, offered = (
        open_checkpoint(file.read_text(), parse_vkey(busy.ledger.vkey))
        for file in sorted(kept_in.glob("fork-*.txt"))
    )
    assert (held.size, offered.size) == (size, size)
    assert held.root != offered.root
    busy.close()
