"""The contract of the database, the same on SQLite and PostgreSQL."""

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from coordinator import store
from coordinator.database import Database
from coordinator.errors import BadSetting, NotInitialised, NotReady, UnknownSchema
from coordinator.migrations import schema
from coordinator.tables import METADATA, BodyRow, JobPartyRow, JobRow, MailboxSideRow, PartyRow


def _party(name: str) -> PartyRow:
    return PartyRow(
        party=name,
        name=name,
        public=b"p",
        ledger_vkey="v",
        ledger_origin=f"accord.example/{name}",
        enrolled_ms=1,
    )


def _job(session: Session, job: str, state: str = "proposed", expires_ms: int = 100) -> JobRow:
    row = JobRow(
        job=job,
        signed=b"s",
        job_hash=b"h",
        collaboration="c",
        version=1,
        requester="brand",
        counterparties="publisher",
        state=state,
        revision=store.next_revision(session),
        created_ms=1,
        updated_ms=1,
        expires_ms=expires_ms,
    )
    session.add(row)
    session.flush()
    session.add_all(JobPartyRow(party=party, job=job) for party in ("brand", "publisher"))
    session.flush()
    return row


def _two_parties(session: Session) -> None:
    session.add_all([_party("publisher"), _party("brand")])
    session.flush()


def test_migrated_schema_is_that_of_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    assert database.migrate() == schema.HEAD == database.check_schema()


def test_a_database_of_the_first_release_is_brought_up_to_date(database_url: str) -> None:
    old = Database(database_url)
    with old.engine.begin() as connection:
        command.upgrade(schema.config(connection), "0001")
    with pytest.raises(UnknownSchema, match="0001"):
        old.check_schema()
    assert old.migrate() == schema.HEAD == old.check_schema()
    old.close()


def test_a_database_with_jobs_of_two_is_brought_up_to_date_without_them(database_url: str) -> None:
    old = Database(database_url)
    with old.engine.begin() as connection:
        command.upgrade(schema.config(connection), "0002")
        for party in ("brand", "publisher"):
            connection.execute(
                text(
                    "INSERT INTO parties (party, name, public, ledger_vkey, ledger_origin,"
                    " enrolled_ms) VALUES (:party, :party, :key, :party, :party, 1)"
                ),
                {"party": party, "key": b"k"},
            )
        connection.execute(
            text(
                "INSERT INTO jobs (job, signed, job_hash, collaboration, version, requester,"
                " counterparty, state, cause, acceptance, revision, created_ms, updated_ms,"
                " expires_ms) VALUES ('a', :b, :b, 'c', 1, 'brand', 'publisher', 'completed', '',"
                " :b, 1, 1, 1, 1)"
            ),
            {"b": b"x"},
        )
        connection.execute(
            text("INSERT INTO mailbox_sides VALUES ('a', 'brand', 0, 0, 0, 'completed')")
        )
    assert old.migrate() == schema.HEAD == old.check_schema()
    with old.reading() as session:
        assert [row.party for row in store.parties(session)] == ["brand", "publisher"]
        assert store.all_jobs(session) == []
        assert store.sides(session, "a") == {}
    old.close()


def test_an_empty_database_is_not_initialised(database_url: str) -> None:
    empty = Database(database_url)
    with pytest.raises(NotInitialised):
        empty.check_schema()
    empty.close()


def test_an_unknown_schema_version_is_refused(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnknownSchema, match="9999"):
        database.check_schema()
    with pytest.raises(UnknownSchema, match="9999"):
        database.migrate()


def test_revisions_count_up_one_by_one(database: Database) -> None:
    counted = [database.write(store.next_revision) for _ in range(3)]
    assert counted == [1, 2, 3]


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    def fail(session: Session) -> None:
        _two_parties(session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(fail)
    assert database.read(store.parties) == []


def test_writers_take_turns(database: Database) -> None:
    """Each reads, then writes what it read plus one: no count is lost."""

    def count() -> None:
        for _ in range(5):
            with database.writing() as session:
                now = session.execute(text("SELECT value FROM revisions")).scalar_one()
                session.execute(text("UPDATE revisions SET value = :v"), {"v": now + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.write(store.next_revision) == 21


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.reading() as session:
        before = session.execute(text("SELECT value FROM revisions")).scalar_one()
        database.write(store.next_revision)
        session.expire_all()
        assert session.execute(text("SELECT value FROM revisions")).scalar_one() == before


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        _job(session, "a")


def test_errors_do_not_show_values(database: Database) -> None:
    database.write(_two_parties)
    with pytest.raises(DBAPIError) as caught:
        database.write(_two_parties)
    assert "accord.example" not in str(caught.value).split("DETAIL")[0]


def test_parties_are_listed_by_name_and_found_by_origin(database: Database) -> None:
    database.write(_two_parties)
    assert [p.party for p in database.read(store.parties)] == ["brand", "publisher"]
    found = database.read(lambda s: store.party_of_origin(s, "accord.example/brand"))
    assert found is not None
    assert found.party == "brand"
    assert database.read(lambda s: store.party_of_origin(s, "accord.example/x")) is None


def test_jobs_after_a_revision_come_in_order(database: Database) -> None:
    with database.writing() as session:
        _two_parties(session)
        for name in ("a", "b", "c"):
            _job(session, name)
        session.get_one(JobRow, "a").revision = store.next_revision(session)
    with database.reading() as session:
        assert [j.job for j in store.jobs_after(session, "brand", 0)] == ["b", "c", "a"]
        assert [j.job for j in store.jobs_after(session, "publisher", 3)] == ["a"]
        assert store.jobs_after(session, "outsider", 0) == []


def test_only_open_jobs_are_overdue(database: Database) -> None:
    with database.writing() as session:
        _two_parties(session)
        _job(session, "open", "running", 10)
        _job(session, "later", "running", 11)
        _job(session, "ended", "failed", 10)
        assert [j.job for j in store.overdue_jobs(session, 10)] == ["open"]


def test_bodies_are_erased_one_by_one_and_all(database: Database) -> None:
    with database.writing() as session:
        _two_parties(session)
        _job(session, "a")
        session.add_all(
            BodyRow(job="a", sender="brand", recipient="publisher", step=i, body=bytes([i]))
            for i in range(3)
        )
    with database.writing() as session:
        first, second = (("a", "brand", "publisher", step) for step in (1, 2))
        assert store.erase_body(session, ("a", "publisher", "brand", 1)) == 0
        assert store.erase_body(session, first) == 1
        assert store.erase_body(session, first) == 0
        assert store.body(session, first) is None
        assert store.body(session, second) == b"\x02"
        assert store.erase_bodies(session, "a") == 2
        assert store.count_bodies(session) == 0


def test_ended_jobs_with_an_open_side_are_found_once(database: Database) -> None:
    with database.writing() as session:
        _two_parties(session)
        for name, state in (("a", "failed"), ("b", "running"), ("c", "completed")):
            _job(session, name, state)
            outcome = "completed" if name == "c" else None
            session.add_all(
                MailboxSideRow(job=name, party=p, recipient=q, outcome=outcome)
                for p, q in (("brand", "publisher"), ("publisher", "brand"))
            )
    with database.reading() as session:
        assert store.ended_with_open_mailbox(session, 2) == ["a"]
        assert store.ended_with_open_mailbox(session, 1) == []


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "sqlite://"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(BadSetting):
        Database(url)


def test_an_unreachable_database_is_not_ready(tmp_path: Path) -> None:
    for url in (f"postgresql://x@/x?host={tmp_path}", f"sqlite:///{tmp_path}/no/such/folder.db"):
        with pytest.raises(NotReady):
            Database(url).check_schema()


def test_sqlite_is_set_up_for_safety(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    with database.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "secure_delete", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "synchronous": 2}
    database.close()
