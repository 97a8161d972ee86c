"""An auditor's machine: `accord-verify` in a process of its own, with nothing but the files.

An empty home, another folder, no node and no database, and no network: any attempt to reach one is
written down and fails, and where the system can do it there is none.
"""

import dataclasses
import functools
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from party_node.evidence import bundle as evidence
from party_node.evidence.tile_export import TileExport
from tests.support.tile_folder import files_in, flip
from tests.support.two_nodes import Node, email, two_nodes

pytestmark = pytest.mark.e2e
VERIFY = Path(sys.executable).with_name("accord-verify")
HELD, FAILED = 0, 1
BEGINNING = """\
import os, socket, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect"}:
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(event + "\\n")
        raise OSError("there is no network and no database here")

sys.addaudithook(refuse)
"""
KINDS = ("evidence.zip", "tiles", "whole", "receipt")


@dataclasses.dataclass
class Handed:
    """What the auditor was given, and where they sit."""

    files: Path
    desk: Path

    def words(self, kind: str, policy: str = "trusted.txt") -> list[str]:
        trusted = ["--policy", str(self.files / policy)]
        if kind == "receipt":
            key = ["--key", str(self.files / "receipt-key.jwk")]
            return ["receipt", str(self.files / "1.receipt.json"), *key, *trusted]
        return [str(self.files / kind), *trusted]

    def verify(self, words: Sequence[str], before: Sequence[str] = ()) -> tuple[int, str]:
        """Run it where nothing can be reached; require that nothing was tried or left behind."""
        home, start, attempts = (self.desk / name for name in ("home", "start", "attempts"))
        done = subprocess.run(
            [*before, str(VERIFY), *words],
            cwd=self.desk / "elsewhere",
            env={
                "HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                "PYTHONPATH": str(start), "ATTEMPTS": str(attempts),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert not attempts.exists(), attempts.read_text()
        assert files_in(home) == files_in(self.desk / "elsewhere") == {}
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a real job between two nodes, export everything, and take the nodes down."""
    folder = tmp_path_factory.mktemp("handed")
    with two_nodes() as world:
        job = world.brand.ask("overlap")
        world.settle(job)
        _export(world.brand, folder)
    return folder


def _export(node: Node, folder: Path) -> None:
    parts = node.services
    (folder / "evidence.zip").write_bytes(evidence.bundle(parts))
    policy = parts.witnessing.trust.text.encode()
    (folder / "trusted.txt").write_bytes(policy)
    key = json.dumps(parts.consent_receipts.jwk()).encode()
    (folder / "receipt-key.jwk").write_bytes(key)

    def fetch(path: str, *, with_entries: bool) -> bytes:
        if path == "checkpoint":
            return parts.publishing.checkpoint().encode()
        given = parts.publishing.entries if with_entries else parts.publishing.tile
        return given(path.removeprefix("tile/"))

    for name, with_entries in (("tiles", False), ("whole", True)):
        reading = functools.partial(fetch, with_entries=with_entries)
        export = TileExport(reading, folder / name, with_entries=with_entries)
        export.run(policy, key, lambda done, total: None)
    person = parts.identity.find("email", email(0))
    assert person is not None
    (first, *_) = parts.consent_receipts.issue(person, "ann").receipts
    (folder / "1.receipt.json").write_bytes(first.receipt.encode())


@pytest.fixture
def handed(exported: Path, tmp_path: Path) -> Iterator[Handed]:
    for name in ("home", "elsewhere", "start"):
        (tmp_path / name).mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(BEGINNING)
    before = files_in(exported)
    yield Handed(exported, tmp_path)
    assert files_in(exported) == before


def test_what_forbids_the_network_would_notice(handed: Handed) -> None:
    program = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(handed.desk / "start"), "ATTEMPTS": str(handed.desk / "attempts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there is no network" in done.stderr
    assert "socket." in (handed.desk / "attempts").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_verifies_on_a_machine_that_has_nothing_else(handed: Handed, kind: str) -> None:
    code, out = handed.verify(handed.words(kind))
    assert (code, " 0 failed" in out) == (HELD, True), out


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_verifies_where_there_is_no_network_at_all(handed: Handed, kind: str) -> None:
    for apart in (["unshare", "-n"], ["unshare", "-r", "-n"]):
        try:
            able = subprocess.run([*apart, "true"], capture_output=True, check=False).returncode
        except FileNotFoundError:
            continue
        if able == 0:
            break
    else:
        pytest.skip("NOT TESTED: this system cannot run a process apart from its network")
    code, out = handed.verify(handed.words(kind), apart)
    assert (code, " 0 failed" in out) == (HELD, True), out


@pytest.mark.parametrize(
    ("kind", "damaged"),
    [
        ("evidence.zip", "evidence.zip"),
        ("tiles", "tiles/checkpoint"),
        ("whole", "whole/tile/entries/*.p/*"),
        ("receipt", "1.receipt.json"),
    ],
)
def test_damaged_evidence_fails_there_too(handed: Handed, kind: str, damaged: str) -> None:
    (path,) = handed.files.glob(damaged)
    whole = path.read_bytes()
    flip(path, _middle(path))
    try:
        code, said = handed.verify(handed.words(kind))
    finally:
        path.write_bytes(whole)
    assert code == FAILED, said
    assert "FAILED" in said or "error: " in said


def _middle(path: Path) -> int:
    """Return a place that is content: in an archive, amid the largest of its members.

    What lies between members, as the time at which one was packed, says nothing and may change.
    """
    if not zipfile.is_zipfile(path):
        return path.stat().st_size // 2
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.compress_size)
    header = largest.header_offset
    name, extra = struct.unpack("<HH", path.read_bytes()[header + 26 : header + 30])
    return int(header + 30 + name + extra + largest.compress_size // 2)
