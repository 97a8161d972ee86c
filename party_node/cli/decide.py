"""`accord decide`: may these people be used, may this person be contacted, now?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from consent.words import ANY_CHANNEL, SELF
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    REFUSED,
    HomeOption,
    JsonOption,
    client_of,
    group,
    note,
    require_new,
    say,
    show_json,
    usage_of,
    when,
)
from party_node.key_lists import write_keys

app = group("decide", "Ask whether people may be used or contacted now.")

Purpose = Annotated[str, typer.Option(help="Purpose, as joint-audience.")]
Recipient = Annotated[str, typer.Option(help="Party that may use the data; self for this one.")]


@app.command()
def keys(
    dataset: Annotated[str, typer.Argument(help="Registered dataset that the row keys are of.")],
    purpose: Purpose,
    operation: Annotated[str, typer.Option(help="psi, dp.stat, activate, …")],
    list_: Annotated[
        Path | None, typer.Option("--keys", help="File with one row key a line; else everybody.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="New file for the keys that may be used.")
    ] = None,
    recipient: Recipient = SELF,
    channel: Annotated[str, typer.Option(help="Channel, as email; * for every one.")] = ANY_CHANNEL,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say which row keys may be used now, and why the others may not; the ledger records it."""
    body: dict[str, Any] = {"dataset": dataset, "purpose": purpose, "operation": operation}
    body |= {"recipient": recipient, "channel": channel}
    if list_ is not None:
        body["keys_path"] = str(list_.absolute())
    require_new(out)
    found = client_of(home).post("/v1/decisions/bulk", body)
    if out is not None:  # by whoever typed it: the node writes nowhere but in its own home
        write_keys(out, found["keys"])
        found["keys"] = None
    if as_json:
        show_json(found)
        return
    if out is None:
        typer.echo("".join(f"{key}\n" for key in found["keys"]), nl=False)
    denied = sum(found["denied"].values())
    note(f"{found['asked'] - denied:,} of {found['asked']:,} people may be used")
    for reason, people in found["denied"].items():
        note(f"  {reason}: {people:,}")


@app.command()
def contact(
    purpose: Purpose,
    channel: Annotated[str, typer.Option(help="Channel, as email.")],
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The person's telephone number.")] = None,
    topic: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    recipient: Recipient = SELF,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say whether a person may be contacted now; nothing is set aside. Exit code 3 for no."""
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError("give --email or --phone, one of the two")
    body: dict[str, Any] = {"purpose": purpose, "channel": channel, "recipient": recipient}
    body |= {"email": email} if email is not None else {"phone": phone}
    found = client_of(home).post(
        "/v1/decisions/contact", body | {"topic": topic, "reserve_seconds": 0}
    )
    if as_json:
        show_json(found)
    else:
        later = found["not_before_ms"]
        say(f"{found['decision']}: {found['words']}")
        if later is not None:
            say(f"not before {when(later)}")
    raise typer.Exit(DONE if found["decision"].startswith("allow") else REFUSED)
