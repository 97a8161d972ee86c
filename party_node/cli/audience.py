"""`accord audience`: joint audiences at this party."""

import os
from pathlib import Path
from typing import Annotated

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    note,
    say,
    show_json,
    table,
    usage_of,
    when,
)

app = group("audience", "Use the joint audiences that jobs brought.")


@app.command("list")
def list_audiences(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the audiences."""
    found = client_of(home).list("/v1/audiences")
    if as_json:
        show_json(found)
        return
    rows = [[a["job"], a["dataset"], when(a["created_ms"])] for a in found]
    table(["job", "dataset", "made"], rows, "no job has brought an audience")


@app.command()
def export(
    job: Annotated[str, typer.Argument(help="Job that brought the audience.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write, for its owner only.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write the row keys that may be used now, one a line. Consent is asked again each time."""
    found = client_of(home).post(f"/v1/audiences/{job}/activations", {"format": "json"})
    if as_json:
        show_json(found)
        return
    lines = "".join(f"{key}\n" for key in found["keys"])
    if out is None:
        typer.echo(lines, nl=False)
    else:
        with usage_of(str(out)):
            _write(out, lines)
        say(f"wrote {len(found['keys']):,} keys of {found['people']:,} people to {out}")
    note(f"left out because consent no longer covers them: {found['left_out']:,}")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
