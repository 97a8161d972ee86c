"""`accord role`: who is an operator and who a compliance officer."""

from typing import Annotated

import typer

from party_node.cli import role_tokens
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

app = group("role", "Give people roles, each with a token of their own, and take them away.")

Name = Annotated[str, typer.Argument(help="Name of a function, as dpo: it stays in the ledger.")]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="operator or compliance.")],
    share_holds: Annotated[
        bool,
        typer.Option(
            "--share-holds",
            help="Let them open what somebody of their role can: asks for that person's token.",
        ),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Put somebody in a role. Their token is shown this once: hand it over on a safe way."""
    body = {"name": name, "role": role}
    if share_holds:
        body["share_holds_of"] = role_tokens.ask(f"somebody who is in the role {role} already")
    found = client_of(home).post("/v1/roles", body)
    if as_json:
        show_json(found)
        return
    say(f"{name} has the role {role}")
    say(f"token: {found['token']}")
    say(
        "it is not shown again, and nobody can restore it; it opens the API, and the node's console"
    )


@app.command("list")
def list_roles(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List who has which role."""
    found = client_of(home).list("/v1/roles")
    if as_json:
        show_json(found)
        return
    rows = [[r["name"], r["role"], when(r["added_ms"]), r["added_by"]] for r in found]
    table(["name", "role", "since", "added by"], rows, "nobody has a role yet")


@app.command()
def revoke(
    name: Name,
    strand_holds: Annotated[
        bool,
        typer.Option("--strand-holds", help="Even if nobody could open some holds any more."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take somebody's role. Their token is worth nothing from now on."""
    query = {"strand_holds": "true"} if strand_holds else {}
    found = client_of(home).take_away(f"/v1/roles/{name}", **query)
    if as_json:
        show_json(found)
        return
    say(f"{name} has no role any more")
