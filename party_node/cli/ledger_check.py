"""`accord ledger fsck`: everything about the ledger that can be checked, and what does not fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.wire import MAX_WAIT_SECONDS, Problem
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    client_of,
    home_of,
    progress_line,
    say,
    show_json,
    table,
)
from party_node.local_client import LocalClient, refused


def fsck(
    offline: Annotated[
        bool, typer.Option("--offline", help="Open the home itself; no node may serve it.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Check all of the ledger and say what does not fit, and where: exit code 1 if anything."""
    with progress_line("entries") as show:
        found = _offline(home, show) if offline else _online(client_of(home), show)
    if as_json:
        show_json(found)
    else:
        _say(found)
    raise typer.Exit(DONE if found["sound"] else ERROR)


def _online(client: LocalClient, show: Callable[[int, int], None]) -> dict[str, Any]:
    """Let the node check; return what it found. Raises: Refused, NodeNotRunning."""
    found = client.post("/v1/ledger/fsck", {"wait": False})
    where = f"/v1/ledger/fsck/{found['fsck']}"
    while found["state"] == "running":
        found = client.get(where, wait=MAX_WAIT_SECONDS, known=found["entries"])
        show(found["entries"], found["size"])
    if found["state"] == "failed":
        raise refused(Problem.model_validate(found["problem"]))
    report: dict[str, Any] = found["report"]
    return report


def _offline(home: Path, show: Callable[[int, int], None]) -> dict[str, Any]:
    from party_node.api.fsck import found_view
    from party_node.home import Home
    from party_node.ledger.offline import fsck_offline

    return found_view(fsck_offline(Home.open(home_of(home)), lambda entries: show(entries, 0)))


def _say(found: dict[str, Any]) -> None:
    if found["sound"]:
        say(f"nothing is wrong: {found['entries']:,} entries and all that belongs to them")
        return
    table(["where", "what is wrong"], [(f["where"], f["what"]) for f in found["findings"]], "")
    more = found["total"] - len(found["findings"])
    if more:
        say(f"and {more:,} more")
    say(f"{found['total']:,} findings in {found['entries']:,} entries: the ledger is NOT sound")
