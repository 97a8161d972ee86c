"""`accord ledger policy`: whose cosignatures the consent ledger needs."""

from pathlib import Path
from typing import Annotated, Any

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
    usage_of,
    when,
)

app = group("policy", "Show and change the trust policy: who witnesses the ledger.")


@app.command()
def show(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show the trust policy in force, what each witness said last, and all alarms there were."""
    found = client_of(home).get("/v1/ledger/policy")
    if as_json:
        show_json(found)
        return
    say(found["text"].rstrip("\n"))
    say()
    _show_witnesses(found["witnesses"])
    for alarm in found["alarms"]:
        say(
            f"{when(alarm['raised_ms'])}: alarm of {alarm['witness_key_name']}, {alarm['kind']}, "
            f"at {alarm['size']:,} entries: {alarm['answer']}"
        )


@app.command("set")
def change(
    file: Annotated[Path, typer.Argument(help="Policy file (C2SP tlog-policy).")],
    despite: Annotated[
        list[str] | None,
        typer.Option(help="Leave this witness out although it raised an alarm; may be repeated."),
    ] = None,
    two_roles: Annotated[
        bool,
        typer.Option("--two-roles", help="Ask for an operator's and a compliance officer's token."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Put another trust policy in force, if its witnesses publish the ledger as it stands. One that
    asks for less, or leaves out a witness, wants --two-roles.
    """
    with usage_of(str(file)):
        text = file.read_text(encoding="utf-8")
    body = {"text": text, "despite": despite or []}
    shown = role_tokens.both() if two_roles else None
    found = client_of(home).put("/v1/ledger/policy", body, shown)
    if as_json:
        show_json(found)
        return
    say("the policy is in force; the ledger is published under it")
    _show_witnesses(found["witnesses"])


def _show_witnesses(witnesses: list[dict[str, Any]]) -> None:
    table(
        ["witness", "needed", "last said", "about", "has seen", "when"],
        [
            (
                w["witness"],
                "always" if w["required"] else "",
                w["alarm"] or w["said"] or "nothing yet",
                w["detail"],
                f"{w['seen']:,}",
                when(w["said_ms"]) if w["said_ms"] else "",
            )
            for w in witnesses
        ],
        "no witness",
    )
