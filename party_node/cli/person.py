"""`accord person`: records of persons that turn out to be one."""

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
    usage_of,
)

app = group("person", "Merge records of persons.")


@app.command()
def merge(
    ground: Annotated[str, typer.Option(help="How it is known; it names nobody.")],
    keep_email: Annotated[str | None, typer.Option(help="E-mail of who is kept.")] = None,
    keep_phone: Annotated[str | None, typer.Option(help="Number of who is kept.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail of who is the same.")] = None,
    phone: Annotated[str | None, typer.Option(help="Number of who is the same.")] = None,
    by: Annotated[str, typer.Option(help="Who says so.")] = "operator",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make two records one person; what either did not permit stays forbidden until they choose."""
    body = {
        "keep": _person(keep_email, keep_phone, "--keep-email or --keep-phone"),
        "absorb": _person(email, phone, "--email or --phone"),
        "ground": ground,
        "by": by,
    }
    found = client_of(home).post("/v1/persons/merges", body)
    if as_json:
        show_json(found)
    elif found["merged_before"]:
        say("they are one person already")
    else:
        say(f"merged, as entry {found['index']} of the consent ledger says")


def _person(email: str | None, phone: str | None, options: str) -> dict[str, str]:
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError(f"give {options}, one of the two")
    return {"email": email} if email is not None else {"phone": str(phone)}
