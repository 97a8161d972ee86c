"""`accord consent import`: a file of what people said, followed until it is taken in."""

import secrets
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.wire import MAX_WAIT_SECONDS, Problem
from party_node.capture import mapping_file
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    require_new,
    say,
    show_json,
    table,
    usage_of,
)
from party_node.durable_file import create_private
from party_node.local_client import LocalClient, refused

_SHOWN = 20


def import_file(
    path: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet file.")],
    source: Annotated[str, typer.Option(help="Name of the system that it comes from.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN where the names differ.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file that says what the columns mean.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read everything and report; write nothing.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="New file for every refused line and reason.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take up a file of consents and withdrawals; what came before is not written twice."""
    with usage_of("--map"):
        pairs = _pairs(map_ or [])
        if pairs and mapping is not None:
            raise ValueError("a mapping file names the columns itself; give one of the two")
    require_new(rejects)
    body = {
        "path": str(path.absolute()),
        "source": source,
        "mapping": pairs or None,
        "mapping_text": None if mapping is None else mapping_file.read_text(mapping),
        "dry_run": dry_run,
        "rejects": None if rejects is None else f"rejects-{secrets.token_hex(8)}.csv",
        "wait": False,
    }
    client = client_of(home)
    started = client.post("/v1/consent/imports", body)
    found = _follow(client, started)
    if rejects is not None:
        with usage_of(str(rejects)):
            _fetch(Path(started["rejects_path"]), rejects)
    if as_json:
        show_json(found)
    else:
        _show(found, rejects)


def _follow(client: LocalClient, found: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end and return the report. Raises: Refused, NodeNotRunning."""
    where, on_terminal = f"/v1/consent/imports/{found['import']}", sys.stderr.isatty()
    try:
        while found["state"] == "running":
            found = client.get(where, wait=MAX_WAIT_SECONDS, known=found["rows"])
            if on_terminal:
                typer.echo(f"\\r{found['rows']:,} rows", nl=False, err=True)
    finally:
        if on_terminal:
            typer.echo("\\r\\x1b[K", nl=False, err=True)
    if found["state"] == "failed":
        raise refused(Problem.model_validate(found["problem"]))
    report: dict[str, Any] = found["report"]
    return report


def _fetch(written: Path, wanted: Path) -> None:
    """Move a file out of the node's folder, as the user who typed the command."""
    with written.open("rb") as source, create_private(wanted) as out:
        shutil.copyfileobj(source, out)
    written.unlink()


def _show(found: dict[str, Any], rejects: Path | None) -> None:
    dry = "dry run, nothing was written: " if found["dry_run"] else ""
    skipped = f", skipped {found['skipped']:,}" if found["skipped"] else ""
    say(
        f"{dry}accepted {found['accepted']:,}, known already {found['repeated']:,}, "
        f"refused {found['refused']:,}{skipped}"
    )
    if found["for_both"]:
        say(f"objections taken for two persons: {found['for_both']:,}")
    if found["refused"]:
        table(["reason", "rows"], found["reasons"].items(), "")
        _show_refused(found, rejects)
    if rejects is not None:
        say(f"every refused row: {rejects}")


def _show_refused(found: dict[str, Any], rejects: Path | None) -> None:
    """Print the first refused rows, and where the others are if there are more."""
    rows = found["refused_rows"][:_SHOWN]
    heads = ["line", "reason"]
    if any(row["event"] for row in rows):  # only rows of wide files have several
        heads.append("event")
    table(heads, [[row[head] for head in heads] for row in rows], "")
    more = found["refused"] - len(rows)
    if more and rejects is not None:
        say(f"and {more:,} more, which are in the file too")
    elif more:
        say(f"and {more:,} more: the same again with `--rejects FILE` writes all of them into it;")
        say("  what was taken in is not written twice, and `--dry-run` writes nothing")


def _pairs(pairs: list[str]) -> dict[str, str]:
    if any(not all(pair.partition("=")) for pair in pairs):
        raise ValueError("write it as FIELD=COLUMN")
    return dict(pair.split("=", 1) for pair in pairs)
