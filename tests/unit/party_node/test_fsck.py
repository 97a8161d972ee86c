"""fsck: whatever single bit is flipped in what the ledger consists of, it says so, and where."""

import contextlib
import random
import re
import shutil
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consent.words import EventState
from party_node.errors import CheckInterrupted, NodeError
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.findings import Findings
from party_node.ledger.fsck import fsck
from party_node.tables import NodeTable
from tests.support.full_ledger import PEOPLE, FullLedger, full_ledger
from tests.support.node import ORIGIN

TABLES = (
    "ledger_entries", "ledger_payloads", "ledger_tiles", "ledger_facts", "ledger_whats",
    "ledger_head", "checkpoints", "subject_keys", "subjects", "identifiers", "source_events",
    "policies", "notices", "erasures", "use_decisions",
)  # fmt: skip
COLUMNS = [
    (table, column.name)
    for table in TABLES
    for column in NodeTable.metadata.tables[table].columns
]  # fmt: skip
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
    assert check(full, copy) == Findings()
    assert fsck(full.ledger, full.node.identity, full.trust) == Findings()
    assert full.ledger.head()[0] > 300


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


def wheres(table: str, row: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return what a finding about a row of a table may be called."""
    match table:
        case "ledger_entries":
            index = row["index"]
            named = [f"erasure of entry {n}" for n in (row["erased"], after["erased"]) if n]
            return [f"entry {index}", f"payload of entry {index}", f"entries {index}", *named]
        case "ledger_payloads":
            return [f"payload of entry {row['index']}"]
        case "ledger_tiles":
            return [f"tile/{row['level']}/{row['number']:03}"]
        case "ledger_facts":
            return [f"facts from number {n}" for n in (row["first"], after["first"])]
        case "ledger_whats":
            return [f"what {n}" for n in (row["number"], after["number"])]
        case "ledger_head":
            return ["ledger head"]
        case "checkpoints":
            return [f"checkpoint of size {n}" for n in (row["size"], after["size"])]
        case "subject_keys":
            return [f"keys of person {row['subject']}"]
        case "subjects":
            return [f"person {n}" for n in (row["dense"], after["dense"])]
        case "identifiers":
            return [f"an identifier of person {n}" for n in (row["subject"], after["subject"])]
        case "source_events":
            return [f"source of entry {row['entry']}"]
        case "policies":
            return [f"policy of entry {row['entry']}"]
        case "notices":
            return [f"notice of entry {row['entry']}"]
        case "erasures":
            return [f"erasure of entry {row['entry']}"]
        case "use_decisions":
            return [f"decision of entry {row['entry']}"]
    raise AssertionError(table)


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
        allowed = wheres(table, row, row | {column: value})
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
        return {
            table: sorted(raw.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES
        }


@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(1000, 3000), marks=SLOW)], ids=["some", "many"]
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
