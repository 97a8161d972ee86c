"""Asking for the tokens of people in roles: typed unseen, or one a line on stdin. Never arguments:
those can be read by other users of the machine.
"""

import sys

import click
import typer

OPERATOR, COMPLIANCE = "Accord-Operator-Token", "Accord-Compliance-Token"


def ask(whose: str) -> str:
    """Return one token."""
    if sys.stdin.isatty():
        found: str = typer.prompt(f"token of {whose}", hide_input=True)
    else:
        found = sys.stdin.readline()
    if not found.strip():
        raise click.UsageError(f"the token of {whose} is missing: give it on stdin")
    return found.strip()


def both() -> dict[str, str]:
    """Return the headers that show two people's tokens: the operator's comes first on stdin."""
    return {OPERATOR: ask("the operator"), COMPLIANCE: ask("the compliance officer")}
