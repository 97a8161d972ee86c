"""`accord-verify` as an auditor runs it: words, exit codes, and ZIP files made to do harm."""

import json
import os
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.audit import Check, Outcome
from party_node.evidence import archive as evidence_zip
from party_node.evidence.archive import UnreadableBundle, read
from party_node.evidence.files import LEDGER, RunFile
from party_node.evidence.verifier import app, line
from tests.support.evidence import Evidence, exported, relisted, run, zipped
from tests.support.two_nodes import BRAND, PUBLISHER

ROOT = Path(__file__).resolve().parents[3]
HELD, FAILED, USAGE = 0, 1, 2
HEAVY = ("sqlalchemy", "sqlmodel", "httpx2", "fastapi", "duckdb", "party_node.settings")


@pytest.fixture(scope="module")
def proof() -> Evidence:
    return exported()


@pytest.fixture
def bundle(proof: Evidence, tmp_path: Path) -> Path:
    path = tmp_path / "evidence.zip"
    path.write_bytes(proof.zips[BRAND])
    return path


def verify(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


# -- words and codes -----------------------------------------------------------------------


def test_it_says_what_it_checked_and_what_is_left_to_compare(proof: Evidence, bundle: Path) -> None:
    code, out, _ = verify(bundle)
    assert code == HELD
    short = proof.overlap[:8]
    assert (
        f"PASSED run {short}: all parties signed the agreement: spring version 1, "
        "brand and publisher\n"
    ) in out
    assert "NOTED  policy: is the bundle's own: compare its keys by other means\n" in out
    fingerprint = proof.fingerprints()[PUBLISHER]
    assert f"NOTED  keys of publisher: fingerprint {fingerprint}: compare it" in out
    assert out.endswith(" checks passed, 0 failed, 4 noted for you to compare\n")


def test_with_policy_and_fingerprints_nothing_about_keys_is_left_open(
    proof: Evidence, bundle: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_bytes(proof.files()[LEDGER + "policy.txt"])
    known = [f"--party={p}={f.upper()}" for p, f in proof.fingerprints().items()]
    code, out, _ = verify(bundle, "--policy", policy, *known)
    assert code == HELD
    assert out.count("NOTED") == 1  # the run that broke off
    code, out, _ = verify(bundle, "--party", "publisher=" + "0" * 32)
    assert code == FAILED
    assert f"FAILED keys of publisher: fingerprint {proof.fingerprints()[PUBLISHER]}" in out


def test_json_says_the_same(bundle: Path) -> None:
    code, out, _ = verify(bundle, "--json")
    told = json.loads(out)
    assert (code, told["passed"]) == (HELD, True)
    assert {c["outcome"] for c in told["checks"]} == {"passed", "noted"}


def test_a_forged_file_ends_with_1(proof: Evidence, tmp_path: Path) -> None:
    files = proof.files()
    name = run(proof.overlap, RunFile.ACCEPTANCES)
    files[name] = files[run(proof.audience, RunFile.ACCEPTANCES)]
    code, out, _ = verify(zipped(relisted(files), tmp_path / "forged.zip"))
    assert code == FAILED
    assert f"FAILED run {proof.overlap[:8]}: every data owner accepted exactly this job" in out


@pytest.mark.parametrize(
    "words",
    [
        ("--party", "publisher"),
        ("--party", "publisher=123"),
        ("--party", "=" + "0" * 32),
        ("--party", "brand=" + "0" * 32, "--party", "brand=" + "1" * 32),
        ("--policy", "/nowhere/policy.txt"),
        ("--policy", "/dev/null"),
        ("--wrong",),
    ],
    ids=["no-fingerprint", "short", "no-name", "two", "no-policy", "empty-policy", "option"],
)
def test_wrong_use_ends_with_2(bundle: Path, words: tuple[str, ...]) -> None:
    assert verify(bundle, *words)[0] == USAGE
    assert verify("/nowhere/evidence.zip")[0] == USAGE


def test_a_file_that_is_no_bundle_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "letter.zip"
    path.write_text("Dear auditor")
    code, out, err = verify(path)
    assert (code, out) == (FAILED, "")
    assert err.startswith("accord-verify: error: letter.zip is not a readable ZIP file\n")
    assert "hint" in err


def test_an_empty_bundle_is_no_success(tmp_path: Path) -> None:
    code, out, _ = verify(zipped({}, tmp_path / "empty.zip"))
    assert code == FAILED
    assert "it is evidence of nothing" in out


def test_words_from_a_bundle_cannot_pass_for_words_of_the_verifier(tmp_path: Path) -> None:
    path = zipped({"\x1b[2J\nPASSED everything": b""}, tmp_path / "tricky.zip")
    _, out, _ = verify(path)
    assert "\x1b" not in out
    assert "\nPASSED everything" not in out
    assert line(Check("a\nb\u202e", Outcome.NOTED, "\x07")) == "NOTED  a?b?: ?"


def test_it_needs_no_node_no_database_and_no_network(bundle: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom party_node.evidence.verifier import app\n"
        "try:\n    app(sys.argv[1:])\nfinally:\n"
        f"    assert not [m for m in {HEAVY!r} if m in sys.modules]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bundle)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "LANG": os.environ.get("LANG", "C.UTF-8")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (HELD, "")
    assert " 0 failed" in done.stdout


# -- harmful ZIP files ---------------------------------------------------------------------


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.txt", "one")
        archive.writestr("README.txt", "other")
    with pytest.raises(UnreadableBundle, match="one name"):
        read(path)


def test_a_file_that_unpacks_out_of_proportion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBundle, match="larger"):
        read(zipped({"README.txt": bytes(4 * 1024 * 1024)}, tmp_path / "bomb.zip"))


@pytest.mark.parametrize(
    ("bound", "value"), [("MAX_TOTAL_BYTES", 19_999), ("MAX_FILES", 19), ("MAX_ZIP_BYTES", 1000)]
)
def test_many_files_that_are_large_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    path = zipped({f"file-{i}": os.urandom(1000) for i in range(20)}, tmp_path / "many.zip")
    assert len(read(path)) == 20
    monkeypatch.setattr(evidence_zip, bound, value)
    with pytest.raises(UnreadableBundle, match="larger"):
        read(path)


@pytest.mark.parametrize("claimed", [0, 10, 5 * 1024 * 1024])
def test_a_file_that_is_not_as_long_as_it_says_is_refused(tmp_path: Path, claimed: int) -> None:
    path = zipped({"README.txt": b"x" * 4 * 1024 * 1024}, tmp_path / "liar.zip")
    data = path.read_bytes()
    true, said = struct.pack("<L", 4 * 1024 * 1024), struct.pack("<L", claimed)
    assert true in data
    path.write_bytes(data.replace(true, said))
    with pytest.raises(UnreadableBundle):
        read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("README.txt", "words")
    with pytest.raises(UnreadableBundle, match="packed"):
        read(path)


def test_a_name_that_two_readers_read_differently_is_refused(tmp_path: Path) -> None:
    path = zipped({"READMEX.txt": b"words"}, tmp_path / "nul.zip")
    path.write_bytes(path.read_bytes().replace(b"READMEX.txt", b"README\0.txt"))
    with pytest.raises(UnreadableBundle):
        read(path)
