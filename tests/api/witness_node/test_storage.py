"""The stand-alone witness's database, the same on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from coordinator.errors import BadSetting, UnknownLog, UnusableLogKey
from coordinator.witness_node import home, logs, settings
from coordinator.witness_node.tables import METADATA
from tests.support.witness import ORIGIN, GrowingLedger, WitnessWorld, make_home


def test_the_migrated_schema_is_that_of_the_tables(world_on_each: WitnessWorld) -> None:
    assert set(METADATA.tables) == {"trusted_logs", "witness_heads", "witness_conflicts"}
    with world_on_each.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_changes_nothing(world_on_each: WitnessWorld) -> None:
    database = world_on_each.database
    assert database.migrate() == home.SCHEMA.head == database.check_schema()
    assert [log.origin for log in database.read(logs.listed)] == [ORIGIN]


def test_what_is_trusted_is_listed_with_what_was_seen(
    world_on_each: WitnessWorld, ledger: GrowingLedger
) -> None:
    other = GrowingLedger(origin="accord.example/another")
    world_on_each.trust(other.vkey)
    world_on_each.post(ledger.request(0, 3))
    unseen, seen = world_on_each.database.read(logs.listed)
    assert (unseen.origin, unseen.size, unseen.seen_ms) == ("accord.example/another", None, None)
    assert (seen.vkey, seen.size, seen.seen_ms) == (ledger.vkey, 3, world_on_each.clock())


def test_a_key_is_trusted_once(world_on_each: WitnessWorld, ledger: GrowingLedger) -> None:
    write, key = world_on_each.database.write, logs.read_key(ledger.vkey)
    assert not write(lambda s: logs.add(s, key, 0))
    assert list(write(lambda s: logs.remove(s, ledger.vkey))) == [ledger.vkey]
    with pytest.raises(UnknownLog):
        write(lambda s: logs.remove(s, ledger.vkey))
    assert write(lambda s: logs.add(s, key, 0))


def test_the_key_of_a_witness_is_no_ledgers_key(world: WitnessWorld) -> None:
    with pytest.raises(UnusableLogKey, match="cosigns"):
        logs.read_key(world.verifier.vkey)
    for text in ("", "x", "a+b+c", "a+00000000+AQ=="):
        with pytest.raises(UnusableLogKey):
            logs.read_key(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [("NAME", "Not A Name"), ("KEY_TYPE", "rsa"), ("NO_SUCH", "1"), ("PUBLIC_URL", "ftp://x")],
)
def test_wrong_settings_are_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(BadSetting, match=key.lower()) as caught:
        settings.load({f"ACCORD_WITNESS_{key}": value, "ACCORD_WITNESS_HOME": str(tmp_path)})
    assert caught.value.hint == "docs/operate/witness.md lists every setting"


def test_a_home_without_a_name_is_no_witness(tmp_path: Path) -> None:
    make_home(tmp_path / "w")
    (tmp_path / "w" / "witness.json").write_text("{}")
    with pytest.raises(BadSetting, match="no name"):
        home.witness_of(settings.load({}, home=tmp_path / "w"))
