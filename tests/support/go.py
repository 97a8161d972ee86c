"""Building a small Go program on Debian's golang-golang-x-mod-dev. No network is used."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SOURCES = Path("/usr/share/gocode/src")
GO = shutil.which("go")


def require_go() -> None:
    """Skip, and say why, where Go or its library is not installed."""
    if GO is None or not (SOURCES / "golang.org/x/mod/sumdb/tlog").exists():
        pytest.skip("NOT CHECKED AGAINST GO: install golang-go and golang-golang-x-mod-dev")


def ask(folder: Path, program: str, question: Mapping[str, object]) -> str:
    """Build `program` once in `folder`, give it the question as JSON, and return what it prints."""
    binary = folder / "check"
    if not binary.exists():
        source = folder / "src" / "check"
        source.mkdir(parents=True)
        (source / "main.go").write_text(program, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GOPATH": f"{folder}:{SOURCES.parent}",
            "GO111MODULE": "off",
            "GOCACHE": str(folder / "cache"),
            "GOFLAGS": "-p=1",
        }
        subprocess.run([str(GO), "build", "-o", str(binary), "check"], check=True, env=environment)
    done = subprocess.run(
        [str(binary)], input=json.dumps(question), capture_output=True, text=True, check=False
    )
    return done.stdout
