"""One writer at a time, snapshots for readers, and a schema that is known or refused."""

import sqlite3
import threading

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import func, text
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from party_node.database import Database, _named
from party_node.errors import DatabaseUnreachable, DiskFull, InvalidSettings, SchemaUnknown
from party_node.migrations import migrate
from party_node.tables import NodeTable, SubjectRow
from tests.support.node import open_storage


def test_sqlite_is_set_to_survive_a_power_cut(tmp_path):
    db = open_storage(tmp_path).db
    with db.reading() as session:
        pragmas = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_the_migration_makes_exactly_the_tables(tmp_path):
    db = open_storage(tmp_path).db
    migrate(db)  # a second time changes nothing
    with db.connection() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda item, name, kind, reflected, other: (
                    kind != "table" or name in NodeTable.metadata.tables
                )
            },
        )
        assert compare_metadata(context, NodeTable.metadata) == []


def test_a_schema_of_another_version_is_refused(tmp_path):
    db = open_storage(tmp_path).db
    with db.connection() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaUnknown, match="9999"):
        migrate(db)


def test_an_error_inside_a_transaction_leaves_nothing(tmp_path):
    db = open_storage(tmp_path).db

    def fail():
        with db.writing() as session:
            session.add(SubjectRow(dense=0, subject_id="a" * 32))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with db.reading() as session:
        assert session.exec(select(SubjectRow)).all() == []


def test_a_reader_sees_one_snapshot(tmp_path):
    db = open_storage(tmp_path).db
    with db.reading() as reader:
        assert reader.exec(select(SubjectRow)).all() == []
        with db.writing() as session:
            session.add(SubjectRow(dense=0, subject_id="a" * 32))
        assert reader.exec(select(SubjectRow)).all() == []
    with db.reading() as reader:
        assert len(reader.exec(select(SubjectRow)).all()) == 1


def test_a_writer_holds_the_lock_before_it_reads(tmp_path):
    db = open_storage(tmp_path).db
    inside, go, order = threading.Event(), threading.Event(), []

    def first():
        with db.writing():
            inside.set()
            go.wait()
            order.append("first")

    def second():
        inside.wait()
        with db.writing():
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    inside.wait()
    go.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]


def test_a_full_disk_and_a_lost_database_are_named():
    def error(words, name="SQLITE_ERROR"):
        raised = sqlite3.OperationalError(words)
        raised.sqlite_errorname = name
        return OperationalError("INSERT", {}, raised)

    full = _named(error("database or disk is full"))
    assert isinstance(full, DiskFull)
    assert full.hint
    assert isinstance(_named(error("disk i/o error", "SQLITE_IOERR_SHMSIZE")), DiskFull)
    assert isinstance(_named(error("unable to open database file")), DatabaseUnreachable)
    busy = _named(error("database is locked", "SQLITE_BUSY"))
    assert isinstance(busy, DatabaseUnreachable)
    assert str(busy) == "another process has been writing to it for 30 seconds"
    assert "which process" in busy.hint


def test_a_full_disk_is_met_for_real(tmp_path):
    db = open_storage(tmp_path).db

    def fill():
        with db.writing() as session:
            session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
            session.connection().exec_driver_sql("CREATE TABLE filler AS SELECT zeroblob(100000)")

    with pytest.raises(DiskFull):
        fill()


@pytest.mark.parametrize("url", ["not a url", "mysql://h/d", ""])
def test_other_databases_are_refused(url):
    with pytest.raises(InvalidSettings):
        Database(url)


def test_a_database_with_jobs_of_two_is_brought_up_to_date_without_them(tmp_path):
    """What was brought to earlier runs stays remembered."""
    db = Database(f"sqlite:///{tmp_path / 'node.db'}")
    scripts = Config()
    scripts.set_main_option("script_location", "party_node:migrations")
    scripts.set_main_option("path_separator", "os")
    with db.connection() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0018")
        connection.execute(
            text("INSERT INTO outbox (job, step, envelope) VALUES ('a', 0, :sealed)"),
            {"sealed": b"x"},
        )
        connection.execute(text("INSERT INTO cursors VALUES ('jobs', 7), ('other', 8)"))
        connection.execute(
            text(
                "INSERT INTO remembered_inputs (job, peer, dataset, people, begun_ms, stamp)"
                " VALUES ('a', 'paper', 'people', :sealed, 1, :sealed)"
            ),
            {"sealed": b"x"},
        )
    migrate(db)
    with db.connection() as connection:
        for table, left in (("outbox", 0), ("jobs", 0), ("cursors", 1), ("remembered_inputs", 1)):
            counted = select(func.count()).select_from(NodeTable.metadata.tables[table])
            assert connection.execute(counted).scalar_one() == left, table
    db.close()
