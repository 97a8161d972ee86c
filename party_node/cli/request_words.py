"""Naming a request by how it begins, and telling of one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import client_of, say, show_json, when
from party_node.local_client import LocalClient

Request = Annotated[str, typer.Argument(help="The request, or how it begins.")]
Purposes = Annotated[
    list[str] | None, typer.Option("--purpose", help="Only this purpose; may be repeated.")
]
_WHOLE = 32


def step(
    home: Path, request: str, what: str, body: dict[str, Any] | None, *, as_json: bool
) -> None:
    client = client_of(home)
    found = client.post(f"/v1/requests/{whole(client, request)}/{what}", body)
    tell(found, as_json=as_json)


def whole(client: LocalClient, beginning: str) -> str:
    """Return the one request that begins like this."""
    if len(beginning) == _WHOLE:
        return beginning
    known = client.list("/v1/requests", ended="true", limit=1000)
    fitting = [r["request"] for r in known if r["request"].startswith(beginning)]
    if len(fitting) != 1:
        found = "no request begins" if not fitting else f"{len(fitting)} requests begin"
        raise typer.BadParameter(f"{found} with {beginning}")
    return str(fitting[0])


def tell(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    again = " (opened before)" if found.get("repeated") else ""
    say(f"request {found['request']}: {found['type']}, {found['status']}{again}")
    late = " OVERDUE" if found["overdue"] else ""
    say(f"due {when(found['due_ms'])} by {found['regime']}{late}")
    if found["subject"] is None and not found["fulfilled_ms"]:
        say("nothing is known here of the person")
    if found["reason"]:
        say(f"reason: {found['reason']}")
    for result in found["results"]:
        detail = f" ({result['detail']})" if result.get("detail") else ""
        say(f"  {result['system']}: {result['outcome']}{detail}")
    for hold in found["holds"]:
        gone = "destroyed" if hold["destroyed"] else f"until {when(hold['until_ms'])}"
        say(f"  held: {hold['entries']:,} payloads, {hold['ground']}, {gone}")
    if found["possible"]:
        say(f"possible now: {', '.join(found['possible'])}")
