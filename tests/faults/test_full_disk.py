"""A full disk: nothing is written, and said so; the rest goes on, and so does writing when it can.

The shim lets files grow by so many bytes and no more, as a disk does that others fill: SQLite, the
dataset files and everything else of the process meet it in their own calls of `write`.
"""

from pathlib import Path

import pytest

from party_node.errors import DiskFull
from tests.support.busy_node import PEOPLE, another, open_busy
from tests.support.lives import Doomed, require_whole

MOST_BYTES = 40_000_000
"""A day writes less."""


def lived(lives: Doomed, template: Path, home: Path, space: int) -> dict[str, str]:
    """Live a day on a disk with so much space; return the steps that met its end."""
    home = another(template, home)
    told = lives.live(home, space=space)
    assert told.unharmed, "it went on without a restart"
    assert all("free some space" in hint for hint in told.full.values())
    require_whole(home, told)
    return told.full


@pytest.mark.parametrize("space", [0, 300_001])
def test_a_day_goes_on_once_there_is_space_again(
    lives: Doomed, template: Path, tmp_path: Path, space: int
) -> None:
    assert len(lived(lives, template, tmp_path / "home", space)) == 1


@pytest.mark.parametrize("space", [0, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_dataset_that_finds_no_room_is_registered_later(
    lives: Doomed, template: Path, tmp_path: Path, space: int
) -> None:
    """Its files are small: no room at all, or some for half of them."""
    home = another(template, tmp_path / "home")
    indexes = {folder.name for folder in (home / "datasets").iterdir()}
    told = lives.live(home, space=space, steps=("register",))
    assert list(told.full) == ["register"]
    after = {folder.name for folder in (home / "datasets").iterdir()}
    assert len(after) == 1
    assert after != indexes
    require_whole(home, told)


@pytest.mark.slow
def test_the_disk_may_be_full_at_every_moment(
    lives: Doomed, template: Path, tmp_path: Path
) -> None:
    """At every few pages of what a day writes; every step that writes anything meets it."""
    met = set[str]()
    for space in range(0, MOST_BYTES, 16_411):
        full = lived(lives, template, tmp_path / f"home-{space}", space)
        if not full:
            break
        met |= full.keys()
    else:
        raise AssertionError("the disk is always full")
    assert met >= {"single", "group", "load", "merge", "use", "erase"}


FULL_TABLE = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END
$$;
CREATE TRIGGER full_disk BEFORE INSERT ON ledger_payloads EXECUTE FUNCTION full_disk();
"""
"""The server answers a write as it does when its own disk is full."""


@pytest.mark.postgres
def test_a_full_disk_of_the_database_server_is_met_in_the_same_way(
    server: tuple[Path, str],
) -> None:
    home, _ = server
    busy = open_busy(home)
    node, ledger = busy.storage, busy.ledger
    assert ledger.append([node.event(PEOPLE[0], "before")]) == [1]
    with node.db.connection() as connection:
        connection.exec_driver_sql(FULL_TABLE)
    for append in (ledger.append, ledger.submit):
        with pytest.raises(DiskFull) as refused:
            append([node.event(PEOPLE[0], "full")])
        assert "free some space" in refused.value.hint
    asked = ("email", PEOPLE[0], "joint-audience", "shop", "psi")
    assert node.explain(ledger, *asked).decision.reason == "permitted"
    assert ledger.verify().size == 2
    with node.db.connection() as connection:
        connection.exec_driver_sql("DROP TRIGGER full_disk ON ledger_payloads")
    assert ledger.append([node.event(PEOPLE[0], "full")]) == [2]
    assert ledger.verify().size == 3
    busy.close()
