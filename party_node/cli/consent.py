"""`accord consent`: what people said, and why somebody may be used or not."""

from pathlib import Path
from typing import Annotated, Any

import typer

from consent.words import ANY_CHANNEL, SELF
from party_node.cli import preferring
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    REFUSED,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    table,
    usage_of,
    when,
)
from party_node.cli.person import Email, Phone, person
from party_node.cli.saying import Channel, Purpose, Recipient, saying

app = group("consent", "Record what people said, and explain decisions.")


@app.command("import")
def import_file(
    path: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet file.")],
    source: Annotated[str, typer.Option(help="Name of the system that it comes from.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN where the names differ.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take up a file of consents and withdrawals; what came before is not written twice."""
    with usage_of("--map"):
        mapping = _mapping(map_ or [])
    body = {"path": str(path.absolute()), "source": source, "mapping": mapping or None}
    found = client_of(home).post("/v1/consent/imports", body)
    if as_json:
        show_json(found)
        return
    say(
        f"accepted {found['accepted']:,}, known already {found['repeated']:,}, "
        f"refused {found['refused']:,}"
    )
    refused = [[row["line"], row["reason"]] for row in found["refused_rows"][:20]]
    if refused:
        table(["line", "reason"], refused, "")


app.command("give", help="Record that a person gave consent.")(saying("given", yes=True))
app.command("refuse", help="Record that a person was asked and said no.")(
    saying("refused", yes=False)
)
app.command(
    "withdraw", help="Record that a person takes consent back; it counts from the next decision on."
)(saying("withdrawn", yes=False))
app.command("prefer")(preferring.prefer)
app.command("preferences")(preferring.preferences)


@app.command()
def explain(
    purpose: Purpose,
    operation: Annotated[str, typer.Option(help="psi, dp.stat, activate, …")],
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    channel: Channel = ANY_CHANNEL,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say whether a person may be used now, and which ledger entry decides. Exit code 3 for no."""
    asked = {"purpose": purpose, "operation": operation, "recipient": recipient}
    asked["channel"] = channel
    found = client_of(home).post("/v1/consent/explanations", asked | person(email, phone))
    if as_json:
        show_json(found)
    else:
        _explain(found)
    raise typer.Exit(DONE if found["decision"] == "allow" else REFUSED)


def _explain(found: dict[str, Any]) -> None:
    say(f"{'permitted' if found['decision'] == 'allow' else 'not permitted'}: {found['reason']}")
    entry = found["deciding_entry"]
    if entry is None:
        say(f"no entry says otherwise; looked at all {found['tree_size']:,} entries")
    else:
        say(f"decided by entry {entry['index']} of {when(entry['recorded_ms'])}")


def _mapping(pairs: list[str]) -> dict[str, str]:
    if any(not all(pair.partition("=")) for pair in pairs):
        raise ValueError("write it as FIELD=COLUMN")
    return dict(pair.split("=", 1) for pair in pairs)
