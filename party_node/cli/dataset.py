"""`accord dataset`: the party's own files."""

from pathlib import Path
from typing import Annotated

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    table,
    when,
)

app = group("dataset", "Register the files that jobs may use.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name, as collaborations use it.")],
    path: Annotated[Path, typer.Argument(help="CSV or Parquet file on the node's machine.")],
    key: Annotated[str, typer.Option(help="Column of your own row key.")],
    email: Annotated[str | None, typer.Option(help="Column of the e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="Column of the telephone number.")] = None,
    idfa: Annotated[str | None, typer.Option(help="Column of Apple's advertising id.")] = None,
    gaid: Annotated[str | None, typer.Option(help="Column of Google's advertising id.")] = None,
    oaid: Annotated[str | None, typer.Option(help="Column of the MSA's device id.")] = None,
    imei: Annotated[str | None, typer.Option(help="Column of the IMEI.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Register a file, or take up a changed one. The data stays where it is."""
    body = {
        "dataset": name,
        "path": str(path.absolute()),
        "key_column": key,
        "email_column": email,
        "phone_column": phone,
        "idfa_column": idfa,
        "gaid_column": gaid,
        "oaid_column": oaid,
        "imei_column": imei,
    }
    found = client_of(home).post("/v1/datasets", body)
    if as_json:
        show_json(found)
        return
    say(f"{name}: {found['rows']:,} rows, {found['people']:,} people")
    say(f"new people: {found['new_people']:,}")
    say(f"further rows of the same person: {found['merged_duplicates']:,}")
    say(
        f"not usable: {found['missing']:,} rows without an identifier, "
        f"{found['ambiguous']:,} rows that fit two people"
    )
    unreadable = [f"{found['refused_emails']:,} addresses", f"{found['refused_phones']:,} numbers"]
    unreadable += [f"{count:,} of {kind}" for kind, count in found["refused_devices"].items()]
    say(f"unreadable: {', '.join(unreadable)}")
    if found["lineage"] != name:
        say(f"many of these people are in {found['lineage']}: one privacy budget for both")
    for kind, people in found["identified"].items():
        shared = found["shared"][kind]
        say(f"by {kind}: {people:,} people; {shared:,} values of several people are left out")


@app.command("list")
def list_datasets(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the registered datasets."""
    found = client_of(home).list("/v1/datasets")
    if as_json:
        show_json(found)
        return
    rows = [
        [d["dataset"], f"{d['report']['people']:,}", d["lineage"], when(d["registered_ms"]),
         d["path"]]
        for d in found
    ]  # fmt: skip
    heads = ["dataset", "people", "budget of", "registered", "file"]
    table(heads, rows, "no dataset is registered")
