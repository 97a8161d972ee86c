"""fsck: whatever single bit is flipped in what the ledger consists of, it says so, and where."""

import contextlib
import random
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consent.checkpoint import Cosigner
from party_node.aftermath.state_log import log_state
from party_node.errors import CheckInterrupted, NodeError
from party_node.ledger.findings import Findings
from party_node.ledger.fsck import fsck
from party_node.tables import NodeTable
from tests.support.full_ledger import FullLedger, full_ledger

SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def full() -> Iterator[FullLedger]:
    with full_ledger() as made:
        yield made


@pytest.fixture(scope="module")
def sound(full: FullLedger) -> Iterator[Path]:
    """The database of a sound ledger; not to be changed."""
    with tempfile.TemporaryDirectory(dir=full.node.home.path) as folder:
        full.copy(Path(folder) / "sound.db")
        yield Path(folder) / "sound.db"


@pytest.fixture
def copy(sound: Path) -> Iterator[Path]:
    """A copy of it."""
    path = sound.with_name(f"{uuid.uuid4().hex}.db")
    shutil.copyfile(sound, path)
    yield path
    for left in sound.parent.glob(f"{path.stem}*"):
        left.unlink()


def check(full: FullLedger, database: Path) -> Findings:
    found = full.inspect(database)
    try:
        return fsck(found, found.identity, full.trust)
    finally:
        found.database.close()


def test_on_a_sound_ledger_it_finds_nothing(full: FullLedger, copy: Path) -> None:
    size = full.ledger.head()[0]
    assert size > 300
    assert check(full, copy) == Findings(entries=size)
    assert fsck(full.ledger, full.node.identity, full.trust) == Findings(entries=size)


# -- one bit in one value ------------------------------------------------------------------------


def changed(value: object, how: random.Random, *, key: bool = False) -> object:
    """Return a value with one bit flipped, or one character changed, or the number next to it."""
    if isinstance(value, bytes):
        at = how.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << how.randrange(8)]) + value[at + 1 :]
    if isinstance(value, int):
        # Of a key the number beside it is nearly always taken; far away there is room.
        return value ^ 1 << 30 if key else value + how.choice((-1, 1)) if value else 1
    assert isinstance(value, str)
    at = how.randrange(len(value))
    other = "b" if value[at] == "a" else "a"
    return value[:at] + other + value[at + 1 :]


PLACES = {
    "ledger_entries": ("entry {index}", "payload of entry {index}", "entries {index}",
                       "erasure of entry {erased}"),
    "ledger_payloads": ("payload of entry {index}",),
    "ledger_tiles": ("tile/{level}/{number:03}",),
    "ledger_facts": ("facts from number {first}",),
    "ledger_whats": ("what {number}",),
    "ledger_head": ("ledger head",),
    "checkpoints": ("checkpoint of size {size}",),
    "subject_keys": ("keys of person {subject}",),
    "subjects": ("person {dense}",),
    "identifiers": ("an identifier of person {subject}",),
    "source_events": ("source of entry {entry}",),
    "policies": ("policy of entry {entry}",),
    "notices": ("notice of entry {entry}",),
    "erasures": ("erasure of entry {entry}", "erasures {entry}"),
    "use_decisions": ("decision of entry {entry}",),
}  # fmt: skip
"""What a finding about a row of a table may be called, by the values of the row."""
COLUMNS = [
    (table, column.name)
    for table in PLACES
    for column in NodeTable.metadata.tables[table].columns
]  # fmt: skip


@pytest.mark.parametrize("flips", [2, pytest.param(20, marks=SLOW)])
@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(c) for c in COLUMNS])
def test_a_changed_value_is_found(
    full: FullLedger, sound: Path, copy: Path, table: str, column: str, flips: int
) -> None:
    """So many rows of the column are changed, one after the other, each in another place."""
    how = random.Random(f"{table}.{column}")
    rows = [row for row in rows_of(sound, table) if row[column] not in (None, "")]
    rows = [row for row in rows if is_told_apart(table, column, row)]
    tried = 0
    for row in how.sample(rows, min(flips, len(rows))):
        value = changed(row[column], how, key=column in key_of(table))
        shutil.copyfile(sound, copy)
        try:
            put(copy, table, row, column, value)
        except sqlite3.IntegrityError:
            continue  # the database itself refuses it
        tried += 1
        found = check(full, copy)
        names = (row, row | {column: value})
        allowed = [place.format(**values) for place in PLACES[table] for values in names]
        assert any(f.where in allowed for f in found.listed), (allowed, found)
    assert tried


def rows_of(database: Path, table: str) -> list[dict[str, object]]:
    with contextlib.closing(sqlite3.connect(database)) as raw:
        raw.row_factory = sqlite3.Row
        return [dict(row) for row in raw.execute(f"SELECT * FROM {table}")]


def put(database: Path, table: str, row: dict[str, object], column: str, value: object) -> None:
    keys = key_of(table)
    where = " AND ".join(f'"{key}" = ?' for key in keys)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as raw:
        statement = f'UPDATE {table} SET "{column}" = ? WHERE {where}'
        raw.execute(statement, (value, *(row[key] for key in keys)))


def key_of(table: str) -> list[str]:
    return [column.name for column in NodeTable.metadata.tables[table].primary_key.columns]


def is_told_apart(table: str, column: str, row: dict[str, object]) -> bool:
    """A lost mark of publication looks like a cosignature that came late; a false one is found."""
    return (table, column) != ("checkpoints", "published") or not row["published"]


# -- one bit in the file ---------------------------------------------------------------------------


def said_by(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what the tables of the ledger say. Raises: sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(database)) as raw:
        raw.text_factory = bytes
        return {table: sorted(raw.execute(f"SELECT * FROM {table}"), key=repr) for table in PLACES}


@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(1000, 1600), marks=SLOW)], ids=["some", "many"]
)
def test_a_bit_of_the_database_file_never_changes_in_silence(
    full: FullLedger, sound: Path, copy: Path, seeds: range
) -> None:
    before, data = said_by(sound), sound.read_bytes()
    told = 0
    for seed in seeds:
        how = random.Random(seed)
        at = how.randrange(len(data))
        flipped = bytearray(data)
        flipped[at] ^= 1 << how.randrange(8)
        for left in copy.parent.glob(f"{copy.stem}*"):
            left.unlink()
        copy.write_bytes(flipped)
        try:
            same = said_by(copy) == before
        except (sqlite3.Error, UnicodeDecodeError):  # the second is about the name of a column
            same = False
        try:
            found = check(full, copy)
        except (DBAPIError, NodeError):
            told += 1  # SQLite itself says that the file is damaged
            continue
        told += bool(found)
        assert same or found, (seed, at)
    assert told > len(seeds) // 4


# -- what is no flipped bit ------------------------------------------------------------------------


def execute(database: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ('DELETE FROM ledger_entries WHERE "index" = 20', "entry 20"),
        ('DELETE FROM ledger_entries WHERE "index" >= 310', "entry 310"),
        ('DELETE FROM ledger_payloads WHERE "index" = 21', "payload of entry 21"),
        ("DELETE FROM ledger_tiles", "tile/0/000"),
        ("INSERT INTO ledger_tiles VALUES (1, 0, x'00')", "tile of level 1, number 0"),
        ("DELETE FROM ledger_facts WHERE first = 0", "facts from number 280"),
        ("DELETE FROM ledger_whats WHERE number = 1", "what 2"),
        ("DELETE FROM ledger_head", "ledger head"),
        ("DELETE FROM subject_keys WHERE subject = 3", "keys of person 3"),
        ('UPDATE ledger_entries SET subject = 4000000 WHERE "index" = 20', "payload of entry 20"),
        ("DELETE FROM subjects WHERE dense = 4", "an identifier of person 4"),
        ("DELETE FROM source_events WHERE source_event_id = 'w1'", "sources"),
        ("INSERT INTO source_events VALUES ('x', 'y', x'00', 3)", "sources"),
        ("DELETE FROM policies WHERE entry = 0", "policy of entry 0"),
        ("DELETE FROM use_decisions WHERE entry = 282", "decision of entry 282"),
        ("UPDATE ledger_entries SET subject = NULL, erased = 302 WHERE \"index\" = 9",
         "erasure of entry 302"),
        ("UPDATE checkpoints SET cosigned = NULL WHERE published", "checkpoint of size 282"),
        ("UPDATE checkpoints SET cosigned = note, published = 1", "checkpoint of size 282"),
        ("UPDATE ledger_entries SET leaf = 7 WHERE \"index\" = 30", "entry 30"),
    ],
)  # fmt: skip
def test_what_is_missing_or_added_is_found(
    full: FullLedger, copy: Path, statement: str, where: str
) -> None:
    execute(copy, statement)
    found = check(full, copy)
    assert where in [f.where for f in found.listed], found


def test_a_checkpoint_that_somebody_else_cosigned_is_found(full: FullLedger, copy: Path) -> None:
    row = next(row for row in rows_of(copy, "checkpoints") if row["published"])
    stranger = Cosigner("stranger.example/w", b"s" * 32).cosign(str(row["note"]), 1)
    put(copy, "checkpoints", row, "cosigned", str(row["cosigned"]) + stranger)
    assert [(f.where, f.what) for f in check(full, copy).listed] == [
        (f"checkpoint of size {row['size']}", "somebody cosigned it who is no witness")
    ]


def test_who_was_a_witness_once_may_have_cosigned(full: FullLedger, copy: Path) -> None:
    row = next(row for row in rows_of(copy, "checkpoints") if row["published"])
    former = Cosigner("former.example/w", b"s" * 32).cosign(str(row["note"]), 1)
    put(copy, "checkpoints", row, "cosigned", str(row["cosigned"]) + former)
    execute(
        copy,
        "INSERT INTO witness_views VALUES ('k', 'former.example/w', 1, 'cosigned', '', 1, '')",
    )
    assert not check(full, copy)


def test_a_state_that_was_corrupted_when_it_decided_is_found() -> None:
    """A sound log beside a wrong projection: the snapshot shows it, set by set."""
    with full_ledger() as made:
        with made.ledger.hold() as head:
            head.projection.forget(12)
        index = log_state(made.ledger)
        found = fsck(made.ledger, made.node.identity, made.trust)
    assert [f.where for f in found.listed] == [f"snapshot of entry {index}"]
    assert "first of all the set" in found.listed[0].what


def test_one_damaged_payload_is_one_finding(full: FullLedger, copy: Path) -> None:
    execute(copy, 'UPDATE ledger_payloads SET salt = zeroblob(32) WHERE "index" = 40')
    assert [f.where for f in check(full, copy).listed] == ["payload of entry 40"]


def test_an_ended_check_says_so(full: FullLedger) -> None:
    def stop(_entries: int) -> None:
        raise CheckInterrupted

    with pytest.raises(CheckInterrupted):
        fsck(full.ledger, full.node.identity, full.trust, stop)


@pytest.mark.parametrize("lost", ["ledger_facts", "ledger_whats", "ledger_tiles"])
def test_a_state_that_was_made_again_after_erasures_is_sound(lost: str) -> None:
    with full_ledger() as made:
        with made.node.db.writing() as session:
            session.execute(text(f"DELETE FROM {lost}"))
        again = made.node.open_ledger()
        assert again.head() == made.ledger.head()
        assert fsck(again, made.node.identity, made.trust).listed == []
        again.append([made.node.event("p3@x.example", "later")])
        assert fsck(again, made.node.identity, made.trust).listed == []
