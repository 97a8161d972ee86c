"""`accord ledger`: the consent ledger and its evidence."""

from pathlib import Path
from typing import Annotated

import typer

from party_node.cli import policy
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    usage_of,
    when,
)

app = group("ledger", "Look at, verify and export the consent ledger.")
app.add_typer(policy.app)


@app.command()
def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Say how long the ledger is, up to where it is published, and what its witnesses say."""
    found = client_of(home).get("/v1/ledger")
    if as_json:
        show_json(found)
        return
    say(f"{found['origin']}: {found['size']:,} entries")
    say(f"root: {found['root']}")
    published = found["published"]
    if published is None:
        say("no checkpoint is published yet")
    else:
        say(f"published up to entry {published['size']:,} at {when(published['signed_ms'])}")
        say(f"cosigned by {', '.join(published['cosigned_by'])}")
    for witness in found["witnesses"]:
        if witness["alarm"]:
            say(f"ALARM of witness {witness['witness']}: {witness['alarm']}, {witness['detail']}")


@app.command()
def verify(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Recompute the ledger from its entries and compare it with every checkpoint."""
    found = client_of(home).post("/v1/ledger/verify")
    if as_json:
        show_json(found)
        return
    say(
        f"the ledger is whole: {found['size']:,} entries, {found['checkpoints']:,} checkpoints, "
        f"{found['published']:,} of them published"
    )


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Zip file to write.")],
    job: Annotated[str | None, typer.Option(help="Only the evidence about this job.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write the evidence for an auditor; `accord-verify FILE` checks it without this node."""
    query = {} if job is None else {"job": job}
    content = client_of(home).download("/v1/ledger/export", **query)
    with usage_of(str(out)):
        out.write_bytes(content)
    if as_json:
        show_json({"file": str(out), "bytes": len(content)})
        return
    say(f"wrote {out} ({len(content):,} bytes); check it with `accord-verify {out}`")
