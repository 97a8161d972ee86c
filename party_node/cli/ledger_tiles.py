"""`accord ledger tiles`: the published ledger as a folder of static files, for an auditor."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    progress_line,
    say,
    show_json,
    usage_of,
)


def tiles(
    folder: Annotated[Path, typer.Argument(help="Folder to write, or to bring up to date.")],
    with_entries: Annotated[
        bool, typer.Option("--with-entries", help="Write the entries too, for who may read them.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write the published ledger as tiles; `accord-verify FOLDER` checks them without this node.

    An export that was interrupted goes on where it stopped.
    """
    from party_node.evidence.tile_export import TileExport

    client = client_of(home)
    prefix = "/v1/ledger/with-entries" if with_entries else "/v1/ledger"
    policy = client.get("/v1/ledger/policy")["text"].encode()
    key = json.dumps(client.get("/v1/ledger/receipt-key"), sort_keys=True).encode() + b"\n"
    export = TileExport(
        lambda path: client.download(f"{prefix}/{path}"), folder, with_entries=with_entries
    )
    with usage_of(str(folder)), progress_line("files") as show:
        done = export.run(policy, key, show)
    if as_json:
        show_json({"folder": str(folder), **dataclasses.asdict(done)})
        return
    new = f"{done.fetched:,} of them new"
    say(f"{done.origin}: {done.size:,} entries in {done.files:,} files, {new}")
    say(f"check it with `accord-verify {folder}`")
