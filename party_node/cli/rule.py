"""`accord rule`: what is approved without asking a person."""

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
)
from party_node.job_kinds import KINDS

app = group("rule", "Standing approvals for jobs that the other party asks for.")

Name = Annotated[str, typer.Argument(help="Name of the rule.")]


@app.command()
def add(
    name: Name,
    collaboration: Annotated[str, typer.Option(help="Collaboration that it is about.")],
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")],
    purpose: Annotated[str, typer.Option(help="Purpose that it is about.")],
    max_rho: Annotated[str, typer.Option(help="The most that one job may cost.")],
    allow_reveal: Annotated[
        bool, typer.Option("--allow-reveal", help="Also where the receiver learns who matches.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Add a rule, or replace the one of that name."""
    body = {
        "collaboration": collaboration,
        "kind": kind,
        "purpose": purpose,
        "max_rho": max_rho,
        "allow_reveal": allow_reveal,
    }
    found = client_of(home).put(f"/v1/rules/{name}", body)
    if as_json:
        show_json(found)
        return
    say(f"rule {name}: {kind} for {purpose} under {collaboration}, up to rho {found['max_rho']}")


@app.command("list")
def list_rules(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the rules."""
    found = client_of(home).list("/v1/rules")
    if as_json:
        show_json(found)
        return
    rows = [
        [r["name"], r["collaboration"], r["kind"], r["purpose"], r["max_rho"], _yes(r)]
        for r in found
    ]
    heads = ["rule", "collaboration", "job", "purpose", "up to rho", "may reveal"]
    table(heads, rows, "there is no rule: every job waits for a person")


@app.command()
def remove(name: Name, home: HomeOption = DEFAULT_HOME) -> None:
    """Remove a rule; what it has approved stays approved."""
    client_of(home).delete(f"/v1/rules/{name}")
    say(f"rule {name} is removed")


def _yes(rule: dict[str, object]) -> str:
    return "yes" if rule["allow_reveal"] else "no"
