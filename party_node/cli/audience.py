"""`accord audience`: joint audiences at this party."""

from pathlib import Path
from typing import Annotated

import typer

from party_node.cli.naming import whole
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    note,
    require_new,
    say,
    show_json,
    table,
    when,
)
from party_node.key_lists import write_keys

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
    job: Annotated[
        str, typer.Argument(help="Job that brought the audience, or how its number begins.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write, for its owner only.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write the row keys that may be used now, one a line. Consent is asked again each time."""
    require_new(out)
    client = client_of(home)
    found = client.post(f"/v1/audiences/{whole(client, job)}/activations", {"format": "json"})
    if as_json:
        show_json(found)
        return
    if out is None:
        typer.echo("".join(f"{key}\n" for key in found["keys"]), nl=False)
    else:
        write_keys(out, found["keys"])
        say(f"wrote {len(found['keys']):,} keys of {found['people']:,} people to {out}")
    note(f"left out because consent no longer covers them: {found['left_out']:,}")
