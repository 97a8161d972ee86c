"""`accord ledger tiles` at a node in this process, and `accord-verify` on the folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from party_node.evidence.verifier import app
from tests.support.commands import NOT_READY, USAGE, Terminal, terminal_at
from tests.support.tile_folder import NAMED, files_in, flip

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANN = ("--email", "ann@example.com", "--purpose", "joint-audience")
TILES = ("ledger", "tiles")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Ann has agreed, and the witnesses have seen it: two entries."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", *ANN)
        made.node.services.witnessing.publish(2)
        yield made


def holds(folder: Path, *words: object) -> bool:
    return CliRunner().invoke(app, [str(folder), *map(str, words)]).exit_code == 0


def test_it_writes_hashes_policy_and_key_and_what_it_wrote_verifies(
    terminal: Terminal, tmp_path: Path
) -> None:
    folder, trusted = tmp_path / "tiles", tmp_path / "policy.txt"
    out = terminal.accord(*TILES, folder)
    assert out.splitlines() == [
        "accord/shop/consent: 2 entries in 1 files, 1 of them new",
        f"check it with `accord-verify {folder}`",
    ]
    found = files_in(folder)
    assert set(found) == {*NAMED, "tile/0/000.p/2"}
    policy = terminal.answer("ledger", "policy", "show")["text"]
    assert found["policy.txt"].decode() == policy
    key = terminal.node.http.get("/v1/ledger/receipt-key").json()
    assert json.loads(found["receipt-key.jwk"]) == key
    trusted.write_text(policy)
    assert holds(folder, "--policy", trusted)


def test_again_it_adds_what_is_new_and_the_old_checkpoint_is_continued(
    terminal: Terminal, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "tiles", tmp_path / "kept"
    terminal.accord(*TILES, folder)
    kept.write_bytes((folder / "checkpoint").read_bytes())
    assert "1 files, 0 of them new" in terminal.accord(*TILES, folder)
    terminal.accord("consent", "withdraw", *ANN)
    terminal.node.services.witnessing.publish(3)
    assert terminal.answer(*TILES, folder) == {
        "folder": str(folder), "origin": "accord/shop/consent", "size": 3, "files": 1,
        "fetched": 1,
    }  # fmt: skip
    assert set(files_in(folder)) == {*NAMED, "tile/0/000.p/3"}
    assert holds(folder, "--since", kept)


def test_a_damaged_tile_is_mended(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    terminal.accord(*TILES, folder)
    flip(folder / "tile/0/000.p/2")
    assert not holds(folder)
    assert terminal.answer(*TILES, folder)["fetched"] == 1
    assert holds(folder)


def test_entries_only_with_the_word_for_it(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    terminal.accord(*TILES, folder, "--with-entries")
    assert "tile/entries/000.p/2" in files_in(folder)
    assert not any(b"joint-audience" in data for data in files_in(folder).values())
    assert folder.stat().st_mode & 0o077 == 0
    assert holds(folder)
    error, hint = terminal.complains(*TILES, folder)
    assert "entries" in error
    assert "--with-entries" in hint


def test_what_stands_in_its_way_is_said(terminal: Terminal, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "a.txt").write_text("mine")
    error, hint = terminal.complains(*TILES, letters)
    assert error == "it holds something else"
    assert hint.startswith("name an empty folder")
    assert files_in(letters) == {"a.txt": b"mine"}
    terminal.complains(*TILES, letters / "a.txt", code=USAGE)


def test_nothing_is_published_yet(terminal: Terminal, tmp_path: Path) -> None:
    witnessing = type(terminal.node.services.witnessing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(witnessing, "published", lambda _: None)
        folder = tmp_path / "tiles"
        _, hint = terminal.complains(*TILES, folder, code=NOT_READY)
    assert "accord ledger status" in hint
    assert not folder.exists()
