"""`accord …` typed at a node in this process: what it prints, and its exit code."""

import io
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from tests.support.running_node import AUDIENCE, Node, Pair, running_pair

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

DONE, ERROR, USAGE, REFUSED, NOT_READY = 0, 1, 2, 3, 75


class Terminal:
    """Where the shop's operator types."""

    def __init__(
        self, pair: Pair, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.pair, self._capsys, self._patch = pair, capsys, patch
        self.err = ""
        """What the last command said beside its output."""

    @property
    def node(self) -> Node:
        return self.pair.shop

    def accord(self, *words: object, code: int = DONE, stdin: str = "") -> str:
        """Type a command a second later; require its exit code; return what it prints."""
        self.pair.world.clock.advance(seconds=1)
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        typed = [*map(str, words), "--home", str(self.node.services.home.path)]
        ended = cli.run(typed)
        captured = self._capsys.readouterr()
        self.err = captured.err
        assert ended == code, captured
        assert "Traceback" not in captured.err
        return captured.out

    def answer(self, *words: object, code: int = DONE, stdin: str = "") -> Any:
        """Type a command with `--json`; return what it answers."""
        return json.loads(self.accord(*words, "--json", code=code, stdin=stdin))

    def complains(self, *words: object, code: int = ERROR, stdin: str = "") -> tuple[str, str]:
        """Require an error and what to do about it, and nothing else; return both."""
        assert self.accord(*words, code=code, stdin=stdin) == ""
        error, hint = self.err.splitlines()
        assert error.startswith("accord: error: ")
        assert hint.startswith("accord: hint: ")
        assert not error.endswith(".")
        return error.removeprefix("accord: error: "), hint.removeprefix("accord: hint: ")


@contextmanager
def terminal_at(
    folder: Path,
    patch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    agreed: bool = False,
) -> Iterator[Terminal]:
    """Serve two enrolled nodes; the command finds the shop's by its home folder."""
    with capture_logs(), running_pair(folder, agreed=agreed) as pair:
        node = pair.shop

        def found(_home: Path) -> LocalClient:
            return LocalClient("http://shop.test", node.running.token, node.stranger._transport)

        patch.setattr(LocalClient, "of", found)
        yield Terminal(pair, capsys, patch)


def use(terminal: Terminal, job: str) -> int:
    """Let the shop's gate decide about its customers for the paper; return the use record."""
    node = terminal.node
    if not node.http.get("/v1/datasets").json():
        node.add_people("customers")
    asked = ("customers", AUDIENCE, "paper", ("psi",), "paper", 60_000)
    permission = node.services.gate.permit(job, b"h" * 32, *asked)
    return permission.grant.use_entry
