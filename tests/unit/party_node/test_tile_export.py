"""`accord ledger tiles`: what is in the folder afterwards, whatever was in it before."""

import stat
from pathlib import Path

import pytest

from consent.errors import LedgerInconsistent
from consent.tiles import WrongTile
from party_node.errors import FolderUnusable
from party_node.evidence.tile_export import Exported, TileExport
from tests.support.consents import SmallLedger, event
from tests.support.tile_folder import (
    KEY,
    NAMED,
    Node,
    files_in,
    flip,
    log,
    policy,
    published,
    tile_paths,
)
from tests.support.tile_store import hash_tree
from tests.support.tile_store import published as hash_tiles

ORIGIN = "accord.example/brand"


# -- what is there -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_the_folder_has_just_checkpoint_policy_key_readme_and_hash_tiles(
    tmp_path: Path, size: int
) -> None:
    folder, node = tmp_path / "tiles", Node(size)
    done = node.export(folder)
    paths = tile_paths(size)
    assert done == Exported(ORIGIN, size, len(paths), len(paths))
    found = files_in(folder)
    assert set(found) == paths | set(NAMED)
    assert {p: found[p] for p in paths} == {p: published(size)[p] for p in paths}
    assert found["checkpoint"] == published(size)["checkpoint"]
    assert (found["policy.txt"], found["receipt-key.jwk"]) == (policy(), KEY)
    # No leaf and no payload is in it, nor was one asked for.
    assert not any("entries" in path for path in [*found, *node.asked])
    assert not any(log().sealed[0].leaf in data for data in found.values())


def test_the_paths_are_those_of_c2sp_and_partial_tiles_have_their_width(tmp_path: Path) -> None:
    Node(600).export(tmp_path / "tiles")
    assert {p for p in files_in(tmp_path / "tiles") if p not in NAMED} == {
        "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2",
    }  # fmt: skip


def test_a_tree_of_70_000_has_the_tiles_that_the_specification_counts(tmp_path: Path) -> None:
    """273 full tiles and one of 112 hashes at level 0, one and one of 17 above, one of 1."""
    size = 70_000
    note = log().log.sign(size, hash_tree(size).root(size)).encode()
    files = hash_tiles(size) | {"checkpoint": note}
    export = TileExport(files.__getitem__, tmp_path / "tiles", with_entries=False)
    export.run(policy(), KEY, lambda done, total: None)
    found = [p for p in files_in(tmp_path / "tiles") if p not in NAMED]
    full = [p for p in found if ".p/" not in p]
    assert sum(p.startswith("tile/0/") for p in full) == 273
    assert sorted(set(found) - set(full)) == [
        "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip
    assert [p for p in full if p.startswith("tile/1/")] == ["tile/1/000"]


def test_the_readme_says_what_it_shows_and_what_not_and_how_to_check_it(tmp_path: Path) -> None:
    Node(600).export(tmp_path / "hashes")
    Node(600).export(tmp_path / "whole", with_entries=True)
    hashes, whole = (
        (tmp_path / name / "README.txt").read_text() for name in ("hashes", "whole")
    )  # fmt: skip
    for text in (hashes, whole):
        assert text.startswith(f"The consent ledger of {ORIGIN}, 600 entries long")
        assert "accord-verify THIS-FOLDER --policy YOUR-POLICY.txt" in text
        assert "--since OLD-CHECKPOINT" in text
    assert "tile/entries/N" in whole
    assert "tile/entries/N" not in hashes


def test_entries_come_only_where_they_are_wanted_and_are_for_their_owner(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    Node(600).export(folder, with_entries=True)
    found = files_in(folder)
    assert set(found) == tile_paths(600, with_entries=True) | set(NAMED)
    assert log().sealed[0].leaf in found["tile/entries/000"]
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


# -- again ---------------------------------------------------------------------------------------


def test_a_second_run_asks_only_for_what_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    Node(300).export(folder)
    node = Node(300)
    assert node.export(folder).fetched == 0
    assert node.asked == ["checkpoint"]
    node = Node(600)
    assert node.export(folder).fetched == 3
    assert sorted(node.asked) == ["checkpoint", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
    assert set(files_in(folder)) == tile_paths(600) | set(NAMED)
    assert not (folder / "tile/0/001.p").exists()


def test_an_interrupted_export_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    for _ in range(3):  # each gets one tile further
        node = Node(600)
        node.fails_after = 2
        with pytest.raises(ConnectionError):
            node.export(folder)
        assert not (folder / "checkpoint").exists()
    node.fails_after = 3
    assert node.export(folder).fetched == 1
    node = Node(600)
    assert node.export(folder).fetched == 0
    assert set(files_in(folder)) == tile_paths(600) | set(NAMED)


def test_what_an_interrupted_write_left_over_is_gone_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    Node(300).export(folder)
    for left in ("tile/0/001.p/.44.new", "tile/0/.001.new", ".checkpoint.new"):
        (folder / left).write_bytes(b"half")
    Node(600).export(folder)
    assert set(files_in(folder)) == tile_paths(600) | set(NAMED)


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    shown: list[tuple[int, int]] = []
    export = TileExport(Node(600).fetch, tmp_path / "t", with_entries=True)
    export.run(policy(), KEY, lambda done, total: shown.append((done, total)))
    assert shown == [(n, 7) for n in range(1, 8)]


# -- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(tile_paths(600, with_entries=True)))
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "longer", "gone"])
def test_a_damaged_file_is_found_and_replaced(tmp_path: Path, path: str, how: str) -> None:
    folder = tmp_path / "tiles"
    Node(600).export(folder, with_entries=True)
    damaged, data = folder / path, published(600)[path]
    match how:
        case "flipped":
            flip(damaged, len(data) // 2)
        case "cut":
            damaged.write_bytes(data[:-1])
        case "emptied":
            damaged.write_bytes(b"")
        case "longer":
            damaged.write_bytes(data + b"\0")
        case "gone":
            damaged.unlink()
    node = Node(600)
    assert node.export(folder, with_entries=True).fetched == 1
    assert node.asked == ["checkpoint", path]
    assert damaged.read_bytes() == data


def test_what_the_node_gives_out_wrongly_is_refused_and_named(tmp_path: Path) -> None:
    for path in sorted(tile_paths(600, with_entries=True)):
        folder, node = tmp_path / path.replace("/", "-"), Node(600)
        data = node.files[path]
        node.files[path] = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        with pytest.raises(WrongTile, match=path):
            node.export(folder, with_entries=True)
        # Without a checkpoint it is no evidence.
        assert not (folder / "checkpoint").exists()


def test_tiles_of_another_ledger_are_refused(tmp_path: Path) -> None:
    other = SmallLedger(controller="other")
    for number in range(5):
        other.append(event(source_event_id=f"o{number}"))
    node = Node(5)
    node.files["checkpoint"] = other.checkpoint().encode()
    with pytest.raises(LedgerInconsistent):
        node.export(tmp_path / "tiles")


# -- other folders -------------------------------------------------------------------------------


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "README.txt").write_text("Dear auditor")
    for name in ("README.txt", "letter.txt"):
        (folder / "README.txt").rename(folder / name)
        with pytest.raises(FolderUnusable, match="something else"):
            Node(5).export(folder)
        assert files_in(folder) == {name: b"Dear auditor"}


def test_a_folder_of_another_ledger_or_of_more_of_this_one_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    Node(300).export(folder)
    before = files_in(folder)
    with pytest.raises(FolderUnusable, match="another ledger, or more of this one"):
        Node(299).export(folder)
    other = Node(300)
    text = other.files["checkpoint"].decode().replace(ORIGIN, "accord.example/other", 1)
    other.files["checkpoint"] = text.encode()
    with pytest.raises(FolderUnusable, match="another ledger"):
        other.export(folder)
    (folder / "checkpoint").write_bytes(b"nonsense")
    with pytest.raises(FolderUnusable, match="checkpoint"):
        Node(300).export(folder)
    (folder / "checkpoint").write_bytes(before["checkpoint"])
    assert files_in(folder) == before


def test_a_folder_with_entries_is_not_brought_up_to_date_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    Node(300).export(folder, with_entries=True)
    with pytest.raises(FolderUnusable, match="entries") as refused:
        Node(600).export(folder)
    assert "--with-entries" in refused.value.hint
    # The other way round is no leak.
    Node(300).export(tmp_path / "hashes")
    assert Node(600).export(tmp_path / "hashes", with_entries=True).files == 7
