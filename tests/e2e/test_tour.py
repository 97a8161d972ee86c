"""`docs/tour.md`, typed as a reader would type it: every command, in order, real processes."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "docs" / "tour.md"
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "accord-tour-step"
MINUTES = 5

CHANGING = re.compile(r"\b[0-9a-f]{8,}\b|\d[\d,]*")
COUNT = "accord job overlap"
DIFFERENT, REFUSED = 1, 3
"""Exit codes of `diff` for two files that differ, and of an explanation that says no."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the tour, and what it did."""

    command: str
    code: int
    output: str


def commands_of(text: str) -> list[tuple[str, list[str]]]:
    """Return what is typed, each with what the tour says is seen; files become commands."""
    typed: list[tuple[str, list[str]]] = []
    for file, language, body in BLOCK.findall(text):
        if file:
            typed.append((f"cat > {shlex.quote(file)} <<'END'\n{body}END", []))
        if language == "console":
            for line in body.splitlines():
                if line.startswith("$ "):
                    typed.append((line[2:], []))
                elif line.startswith("> "):
                    command, seen = typed.pop()
                    typed.append((f"{command}\n{line[2:]}", seen))
                elif line != "…":
                    typed[-1][1].append(line)
    return typed


def alike(line: str) -> str:
    """Return a line without what differs each time: ids, numbers, times."""
    return " ".join(CHANGING.sub("#", line).split())


def install_commands(folder: Path) -> None:
    """Write the distribution's commands, for trees that are not installed."""
    folder.mkdir()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, target in scripts.items():
        module, function = target.split(":")
        line = f"import sys; from {module} import {function}; sys.exit({function}())"
        command = folder / name
        command.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c '{line}' \"$@\"\n")
        command.chmod(0o755)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def take(commands: Sequence[str], folder: Path, environment: dict[str, str]) -> list[Step]:
    """Type the commands into one shell; return what each did."""
    script = "".join(
        f'{command}\necho "{MARK} {number} $?"\n' for number, command in enumerate(commands)
    )
    shell = subprocess.Popen(
        ["bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = shell.communicate(script, timeout=MINUTES * 60)
    finally:
        # What the tour leaves running in the background, should it stop half-way.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    parts = re.split(rf"^{MARK} \d+ (\d+)\n", printed, flags=re.MULTILINE)
    return [
        Step(command, int(code), output)
        for command, output, code in zip(commands, parts[::2], parts[1::2], strict=False)
    ]


@pytest.mark.e2e
@pytest.mark.slow
def test_the_tour_works_as_it_is_written(tmp_path: Path) -> None:
    install_commands(tmp_path / "bin")
    hub, brand, publisher = free_ports(3)
    text = TOUR.read_text(encoding="utf-8")
    for written, used in (("8400", hub), ("8401", brand), ("8402", publisher)):
        text = text.replace(written, str(used))
    tour = commands_of(text)
    steps = take(
        [command for command, _ in tour],
        tmp_path,
        {
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ACCORD_COORDINATOR_LISTEN_PORT": str(hub),
        },
    )
    told = "\n".join(f"$ {s.command}\n{s.output}[{s.code}]" for s in steps)
    assert len(steps) == len(tour), told
    failed = [(s.command, s.code) for s in steps if s.code != 0]
    assert [code for _, code in failed] == [DIFFERENT, REFUSED], told
    said = {s.command: s.output for s in steps}
    counted = next(out for c, out in said.items() if c.startswith(COUNT) and "--wait" in c)
    assert "±" in counted, told
    assert said["wc -l first.txt"].split()[0] == "155", told
    assert said["diff first.txt second.txt"].split() == ["1d0", "<", "m101"], told
    assert failed[1][0].startswith("accord consent explain"), told
    for step, (_, seen) in zip(steps, tour, strict=True):
        printed = {alike(line) for line in step.output.splitlines()}
        assert [line for line in seen if alike(line) not in printed] == [], told
