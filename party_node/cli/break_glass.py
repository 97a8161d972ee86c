"""`accord break-glass`: two people in two roles let one job go on."""

from typing import Annotated

import typer

from party_node.cli import role_tokens
from party_node.cli.naming import whole
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    say,
    show_json,
    when,
)


def break_glass(
    job: Annotated[str, typer.Argument(help="The job, or how it begins.")],
    reason: Annotated[str, typer.Option(help="Why it cannot wait; no names, it stays for ever.")],
    hours: Annotated[int, typer.Option(min=1, max=24, help="How long the approval lasts.")] = 24,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Let one job go on although too few witnesses answer. Asks for an operator's and a compliance
    officer's token; nobody's no is overruled.
    """
    client = client_of(home)
    path = f"/v1/jobs/{whole(client, job)}/break-glass"
    found = client.post(path, {"reason": reason, "hours": hours}, role_tokens.both())
    if as_json:
        show_json(found)
        return
    say(f"approved by {' and '.join(found['approved_by'])} until {when(found['expires_ms'])}")
    say(f"it is entry {found['index']} of the consent ledger")
