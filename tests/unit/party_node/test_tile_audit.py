"""`accord-verify` on a folder of tiles: it passes as it was written, and any change is named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.checkpoint import LogSigner
from party_node.evidence.verifier import app
from tests.support.consents import SmallLedger, event
from tests.support.tile_folder import Node, flip, log, policy, published, tile_paths

HELD, FAILED, USAGE = 0, 1, 2
SIZE = 600
ALL = sorted(tile_paths(SIZE, with_entries=True))


def verify(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def _exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("exported")
    Node(SIZE).export(home / "hashes")
    Node(SIZE).export(home / "whole", with_entries=True)
    (home / "trusted.txt").write_bytes(policy())
    return home


@pytest.fixture
def home(_exported: Path, tmp_path: Path) -> Path:
    """Both folders, and the auditor's own policy beside them."""
    shutil.copytree(_exported, tmp_path, dirs_exist_ok=True)
    return tmp_path


def trusted(home: Path) -> tuple[str, Path]:
    return ("--policy", home / "trusted.txt")


def named(home: Path, folder: str, path: str) -> None:
    """Require that the check fails and names a file."""
    code, out, err = verify(home / folder, *trusted(home))
    failures = [line for line in (out + err).splitlines() if "FAILED" in line or "error" in line]
    assert code == FAILED, out
    assert any(path in line for line in failures), (path, out, err)


# -- honest --------------------------------------------------------------------------------------


def test_the_folder_passes_and_it_says_what_was_checked(home: Path) -> None:
    code, out, _ = verify(home / "hashes", *trusted(home))
    assert code == HELD
    assert out.splitlines() == [
        "PASSED checkpoint: of size 600, signed and cosigned as the policy asks",
        "PASSED tiles: all 4 are there and lead to the checkpoint's root",
        "NOTED  entries: are not in this folder: it shows that nothing was rewritten",
        "2 checks passed, 0 failed, 1 noted for you to compare",
    ]
    code, out, _ = verify(home / "whole", *trusted(home))
    assert code == HELD
    assert out.endswith("3 checks passed, 0 failed, 0 noted for you to compare\n")


def test_without_a_policy_the_folders_own_is_used_and_that_is_noted(home: Path) -> None:
    code, out, _ = verify(home / "hashes")
    assert code == HELD
    assert "NOTED  policy: is the folder's own: compare its keys by other means\n" in out
    (home / "hashes/policy.txt").unlink()
    assert verify(home / "hashes", *trusted(home))[0] == HELD
    code, out, _ = verify(home / "hashes")
    assert (code, "there is no policy.txt" in out) == (FAILED, True)


def test_json_says_the_same(home: Path) -> None:
    code, out, _ = verify(home / "whole", *trusted(home), "--json")
    told = json.loads(out)
    assert (code, told["passed"]) == (HELD, True)
    assert [c["what"] for c in told["checks"]] == ["checkpoint", "tiles", "entries"]


def test_what_a_log_gives_out_by_http_needs_no_readme(home: Path) -> None:
    """Checkpoint and tiles, and the partial tiles of smaller trees, which a log keeps."""
    folder = home / "hashes"
    for name in ("README.txt", "receipt-key.jwk", "policy.txt"):
        (folder / name).unlink()
    for size in (44, 300):
        for path in tile_paths(size):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(published(size)[path])
    assert verify(folder, *trusted(home))[0] == HELD
    flip(folder / "tile/0/001.p/44", 40)
    named(home, "hashes", "tile/0/001.p/44")


# -- changed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL)
def test_a_flipped_byte_in_any_tile_or_bundle_fails_and_is_named(home: Path, path: str) -> None:
    data = published(SIZE)[path]
    for at in {0, 1, 2, 31, 32, len(data) // 2, len(data) - 1}:
        flip(home / "whole" / path, at)
        named(home, "whole", path)
        (home / "whole" / path).write_bytes(data)
    assert verify(home / "whole", *trusted(home))[0] == HELD


def test_every_flipped_byte_of_the_checkpoint_fails(home: Path) -> None:
    path = home / "hashes/checkpoint"
    whole = path.read_bytes()
    for at in range(len(whole)):
        flip(path, at)
        named(home, "hashes", "checkpoint")
        path.write_bytes(whole)


def test_every_flipped_byte_of_the_key_for_receipts_fails(home: Path) -> None:
    path = home / "hashes/receipt-key.jwk"
    whole = path.read_bytes()
    kid = json.loads(whole)["kid"].encode()
    for part in (kid, json.loads(whole)["x"].encode()):
        for at in range(0, len(part), 5):
            flip(path, whole.index(part) + at)
            named(home, "hashes", "receipt-key.jwk")
            path.write_bytes(whole)


@pytest.mark.parametrize("path", [*ALL, "checkpoint"])
def test_a_missing_file_fails_and_is_named(home: Path, path: str) -> None:
    (home / "whole" / path).unlink()
    named(home, "whole", path)


def test_a_folder_without_any_tile_fails(home: Path) -> None:
    shutil.rmtree(home / "hashes/tile")
    assert verify(home / "hashes", *trusted(home))[0] == FAILED
    (home / "hashes/tile").mkdir()
    named(home, "hashes", "tile/0/002.p/88")


SURPLUS: dict[str, Callable[[], bytes]] = {
    "notes.txt": lambda: b"Dear auditor",
    "tile/notes.txt": lambda: b"Dear auditor",
    "tile/0/.000.new": lambda: b"half",
    "tile/0/0000": lambda: published(SIZE)["tile/0/000"],
    "tile/0/003": lambda: bytes(8192),
    "tile/0/002.p/89": lambda: bytes(89 * 32),
    "tile/0/002": lambda: bytes(8192),
    "tile/0/002.p/87": lambda: bytes(87 * 32),
    "tile/0/001.p/7": lambda: published(SIZE)["tile/0/001"][:6],
    "tile/2/000.p/1": lambda: bytes(32),
    "tile/entries/003": lambda: b"\0\4leaf" * 256,
    "tile/entries/002.p/80": lambda: b"\0\4leaf" * 80,
}


@pytest.mark.parametrize("path", SURPLUS)
def test_a_file_that_nothing_vouches_for_fails_and_is_named(home: Path, path: str) -> None:
    target = home / "whole" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(SURPLUS[path]())
    named(home, "whole", path)


def test_entries_that_were_put_beside_hashes_are_not_taken_on_trust(home: Path) -> None:
    bundle = home / "hashes/tile/entries/000"
    bundle.parent.mkdir()
    bundle.write_bytes(published(SIZE)["tile/entries/000"])
    named(home, "hashes", "tile/entries/001")


def test_a_link_to_elsewhere_is_named(home: Path) -> None:
    (home / "hashes/elsewhere").symlink_to(home / "whole", target_is_directory=True)
    named(home, "hashes", "elsewhere")


def test_a_name_in_the_folder_cannot_steer_a_terminal(home: Path) -> None:
    (home / "hashes/\x1b[2J\nPASSED all").write_text("")
    _, out, _ = verify(home / "hashes", *trusted(home))
    assert "\x1b" not in out
    assert "\nPASSED all" not in out


# -- another policy, another history -------------------------------------------------------------


def test_another_ledger_too_few_witnesses_and_another_key_fail(home: Path) -> None:
    other = SmallLedger()
    for origin, seed in (("accord.example/brand", b"\x77"), ("accord.example/other", b"\x01")):
        other.log = LogSigner(origin, seed * 32)
        (home / "trusted.txt").write_text(other.policy_text())
        named(home, "hashes", "checkpoint")
    (home / "trusted.txt").write_bytes(policy())
    note = log().checkpoint(SIZE, cosigned_by=["auditor"])
    (home / "hashes/checkpoint").write_text(note)
    named(home, "hashes", "checkpoint")


@pytest.mark.parametrize("size", [1, 256, 599, 600])
def test_since_an_earlier_checkpoint_nothing_was_changed(home: Path, size: int) -> None:
    kept = home / "kept"
    kept.write_text(log().checkpoint(size))
    code, out, _ = verify(home / "hashes", *trusted(home), "--since", kept)
    assert code == HELD
    assert f"PASSED since: everything up to entry {size} is as it was\n" in out


def test_since_a_checkpoint_of_another_history_fails(home: Path) -> None:
    kept = home / "kept"
    forked = SmallLedger()
    for number in range(5):
        forked.append(event(source_event_id=f"other-{number}"))
    longer = log().checkpoint(SIZE + 1)
    for note in (forked.checkpoint(), longer, longer.replace("brand", "other"), "nonsense"):
        kept.write_text(note)
        code, out, _ = verify(home / "hashes", *trusted(home), "--since", kept)
        assert (code, "FAILED since: " in out) == (FAILED, True), note
    code, _, _ = verify(home / "hashes", *trusted(home), "--since", home / "none")
    assert code == USAGE
