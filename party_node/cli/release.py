"""`accord release` and `accord releases`: statistics of this party's own people, with noise."""

from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    require_new,
    say,
    show_json,
    table,
    usage_of,
)
from party_node.local_client import LocalClient

app = group("releases", "Look at statistics that this node has released.")

Release = Annotated[str, typer.Argument(help="The release: 32 hexadecimal digits.")]
QueryOption = Annotated[Path, typer.Option("--query", help="File with the question.")]
PurposeOption = Annotated[str, typer.Option(help="Purpose that people must have agreed to.")]
CollaborationOption = Annotated[
    str, typer.Option(help="Tell a party under this agreement; without it, everybody.")
]
To = Annotated[str, typer.Option(help="The party, where the agreement has several others.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print the answer as CSV.")]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Write a chart, an SVG, here.")]


def release(
    query: QueryOption,
    purpose: PurposeOption,
    collaboration: CollaborationOption = "",
    to: To = "",
    dry_run: DryRun = False,
    as_csv: CsvOption = False,
    chart: ChartOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Release statistics about this party's own people, with noise, charged first."""
    require_new(chart)
    with usage_of(str(query)):
        text = query.read_text(encoding="utf-8")
    body: dict[str, Any] = {"query": text, "purpose": purpose, "dry_run": dry_run}
    body |= {"collaboration": collaboration} if collaboration else {}
    body |= {"to": to} if to else {}
    client = client_of(home)
    found = client.post("/v1/releases", body)
    if dry_run:
        _ahead(found, as_json)
        return
    _show(client, found, as_json, as_csv, chart)


@app.command()
def show(
    release: Release,
    as_csv: CsvOption = False,
    chart: ChartOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show a release again; that costs nothing."""
    require_new(chart)
    client = client_of(home)
    _show(client, client.get(f"/v1/releases/{release}"), as_json, as_csv, chart)


@app.command("list")
def list_releases(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the releases, newest first."""
    found = client_of(home).list("/v1/releases")
    if as_json:
        show_json(found)
        return
    rows = [
        [r["release"][:12], r["query"], r["dataset"], r["purpose"], r["recipient"], len(r["rows"]),
         r["cost"]["rho"]]
        for r in found
    ]  # fmt: skip
    heads = ["release", "query", "dataset", "purpose", "for", "cells", "rho"]
    table(heads, rows, "nothing has been released")


def _show(
    client: LocalClient, found: dict[str, Any], as_json: bool, as_csv: bool, chart: Path | None
) -> None:
    path = f"/v1/releases/{found['release']}"
    write_chart(client, path, chart)
    if as_json:
        show_json(found)
    elif as_csv:
        print_table(client, path)
    else:
        _tell(found)


def write_chart(client: LocalClient, path: str, chart: Path | None) -> None:
    """Write the chart of the answer at `path`, if a file is named for it."""
    if chart is not None:
        with usage_of(str(chart)), chart.open("xb") as file:
            file.write(client.download(f"{path}/chart"))


def print_table(client: LocalClient, path: str) -> None:
    """Print the answer at `path` as CSV."""
    typer.echo(client.download(f"{path}/table").decode(), nl=False)


def _tell(found: dict[str, Any]) -> None:
    rows = [[*row["key"], *_value(row)] for row in found["rows"]]
    table([*found["keys"], "value", "95 %"], rows, "nothing passes the threshold")
    for hidden in found["hidden"]:
        say(hidden["text"])
    for text in found["notes"]:
        say(f"note: {text}")
    cost, own = found["cost"], found["own"]
    further = f", and delta {cost['further_delta']} more" if cost["further_delta"] else ""
    say(f"cost: rho {cost['rho']}{further}; for {_whom(found['recipient'])}")
    if found["earlier"] is not None:
        say(f"this is the answer of {found['earlier']['release'][:12]}, given again: it is free")
    say(f"own people: {own['permitted']:,} of {own['asked']:,} permitted (not for others)")
    say(f"release: {found['release']}, use record: {found['provenance']['ledger']['use_entry']}")


def _value(row: dict[str, Any]) -> list[str]:
    if row["value"] is None:
        return [f"hidden: {row['hidden']}", ""]
    between = "" if row["low"] is None else f"{_number(row['low'])} to {_number(row['high'])}"
    return [_number(row["value"]), between]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _whom(recipient: str) -> str:
    return "everybody" if recipient == "*" else recipient


def _ahead(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    enough = "enough" if found["affordable"] else "not enough"
    say(f"cost: rho {found['rho']} of {found['left']} left, {enough}; {found['cells']:,} cells")
    say(f"that is epsilon {found['epsilon_alone']} alone, at delta {found['delta']}")
    say(
        f"{found['questions_left']:,} questions left at ±{found['half_width']} people before, "
        f"{found['questions_after']:,} after"
    )
    for part in found["noise"]["parts"]:
        say(f"noise of {part['of']}: scale {part['sigma']:,}")
