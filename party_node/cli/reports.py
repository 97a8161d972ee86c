"""`accord audit`: what was done."""

from typing import Annotated

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    show_json,
    table,
    when,
)


def audit(
    job: Annotated[str, typer.Option(help="Only the uses of this job.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 100,
    before: Annotated[
        int | None, typer.Option(min=0, help="Only uses recorded before this entry.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show every use of people's data: who asked what, what was withheld, what it cost."""
    older = {} if before is None else {"before": before}
    found = client_of(home).list("/v1/audit", job=job, limit=limit, **older)
    if as_json:
        show_json(found)
        return
    rows = [
        [
            u["entry"],
            when(u["recorded_ms"]),
            u["job"][:12],
            f"{u['requested_by']} → {u['recipient']}",
            u["purpose"],
            f"{u['allowed']:,} of {u['asked']:,}",
            ", ".join(f"{reason} {count:,}" for reason, count in u["denied"].items()) or "nobody",
            u["rho"],
            u["cause"] or u["outcome"] or "not yet",
        ]
        for u in found
    ]
    heads = ["entry", "when", "job", "asked by → for", "purpose", "permitted", "withheld", "rho"]
    heads.append("ended")
    table(heads, rows, "no data has been used yet")
