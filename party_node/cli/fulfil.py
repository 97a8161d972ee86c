"""What this node itself does about a request: `accord request erase`, `export`, `explain` …"""

from pathlib import Path
from typing import Annotated

import typer

from party_node.cli import role_tokens
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    require_new,
    say,
    show_json,
    usage_of,
    when,
)
from party_node.cli.request_words import Purposes, Request, step, whole
from party_node.durable_file import create_private


def erase(
    request: Request,
    hold: Annotated[
        str | None, typer.Option(help="Ground on which a law asks to keep payloads.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last day of the hold, as 2030-12-31.")] = None,
    purpose: Purposes = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Erase the person here, for good. Then have the other systems follow, and complete it."""
    with usage_of("the hold"):
        if (hold is None) != (until is None) or (hold is None and purpose):
            raise ValueError("give --hold and --until together; --purpose only with them")
    holds = [] if hold is None else [{"ground": hold, "until": until, "purposes": purpose or []}]
    client = client_of(home)
    found = client.post(f"/v1/requests/{whole(client, request)}/erase", {"holds": holds})
    if as_json:
        show_json(found)
        return
    erased = found["erased"]
    if erased["entry"] is None:
        say("nobody was left to erase")
        return
    say(f"erased: {erased['entries']:,} entries; it is entry {erased['entry']} of the ledger")
    if erased["held"]:
        say(f"held until {until}: {erased['held']:,} payloads, which take two roles to open")
    say("when the other systems have followed: `accord request complete`")


def export(
    request: Request,
    out: Annotated[Path, typer.Argument(help="Zip file to write.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write the file for a person who asks for access or for their data to take away."""
    require_new(out)
    client = client_of(home)
    content = client.download(f"/v1/requests/{whole(client, request)}/export", method="POST")
    with usage_of(str(out)), create_private(out) as file:
        file.write(content)
    if as_json:
        show_json({"file": str(out), "bytes": len(content)})
        return
    say(f"wrote {out} ({len(content):,} bytes); hand it over on a safe way, then delete it")


def explain(
    request: Request,
    job: Annotated[str | None, typer.Option(help="A job that was run: its 32 digits.")] = None,
    purpose: Annotated[str | None, typer.Option(help="A purpose, as it stands now.")] = None,
    recipient: Annotated[str, typer.Option(help="Party that may use the data.")] = "self",
    operation: Annotated[str | None, typer.Option(help="psi, activate, …; all if none.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Explain decisions to the person who asks, in words."""
    with usage_of("the decision"):
        if (job is None) == (purpose is None):
            raise ValueError("give --job or --purpose, one of the two")
    body = {"job": job} if job else {"purpose": purpose, "recipient": recipient}
    body |= {"operation": operation} if operation and not job else {}
    client = client_of(home)
    found = client.post(f"/v1/requests/{whole(client, request)}/explanation", body)
    if as_json:
        show_json(found)
        return
    for decision in found["decisions"]:
        say(decision["text"])
        say()
    if not found["decisions"]:
        say("the person was not asked about in this job: nothing was decided about them")


def lift(request: Request, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """End the restriction that a completed request brought. Tell the person before you do."""
    step(home, request, "lift", None, as_json=as_json)


def open_hold(
    request: Request, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Show what is held of an erased person. Asks for two tokens, and the ledger notes it."""
    client = client_of(home)
    path = f"/v1/requests/{whole(client, request)}/hold"
    found = client.post(path, None, role_tokens.both())
    if as_json:
        show_json(found)
        return
    for hold in found["holds"]:
        say(f"{hold['ground']}, until {when(hold['until_ms'])}:")
        for entry in hold["entries"]:
            said = ", ".join(f"{k}={v}" for k, v in entry["payload"].items() if k != "schema")
            say(f"  entry {entry['index']} {entry['type']} {when(entry['recorded_ms'])}: {said}")
