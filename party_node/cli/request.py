"""`accord request`: what people ask for beyond consent, and by when it must be answered."""

import secrets
from typing import Annotated, Any

import typer

from party_node.cli import fulfil
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    show_json,
    table,
    usage_of,
    when,
)
from party_node.cli.request_words import Purposes, Request, step, tell, whole

app = group("request", "Answer what people ask for: access, erasure, objection and the rest.")

Reason = Annotated[str, typer.Option(help="Why; no names, it stays in the ledger for ever.")]


@app.command("open")
def open_request(
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            help="access, rectify, erase, restrict, port, object, explain-decision, withdraw, "
            "opt-out-of-sale.",
        ),
    ],
    channel: Annotated[
        str,
        typer.Option(
            help="preference-centre, web-form, mobile-app, e-mail, letter, phone, in-person."
        ),
    ],
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The person's telephone number.")] = None,
    relation: Annotated[str, typer.Option(help="Who asks: subject, guardian, agent.")] = "subject",
    received: Annotated[
        str | None, typer.Option(help="The day on which it came in, as 2026-11-20; now if none.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="Where the person lives, as DE or US-CA.")
    ] = None,
    purpose: Purposes = None,
    key: Annotated[
        str | None, typer.Option(help="Your own name of it; the same is opened once.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take a request in. From now on it has a number and a day by which it must be answered."""
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError("give --email or --phone, one of the two")
    person = {"email": email} if email is not None else {"phone": phone}
    body: dict[str, Any] = {"type": kind, "channel": channel, "relation": relation}
    stated = {"received_on": received, "place": place, "purposes": purpose}
    body |= person | {name: value for name, value in stated.items() if value is not None}
    headers = {"Idempotency-Key": key or secrets.token_hex(16)}
    found = client_of(home).post("/v1/requests", body, headers)
    tell(found, as_json=as_json)


@app.command("list")
def list_requests(
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List requests, what is due first comes first."""
    query: dict[str, Any] = {"limit": limit} | ({"ended": "true"} if ended else {})
    found = client_of(home).list("/v1/requests", **query)
    if as_json:
        show_json(found)
        return
    rows = [
        [
            r["request"][:8],
            r["type"],
            r["status"],
            when(r["due_ms"]),
            "OVERDUE" if r["overdue"] else "",
            r["regime"],
            "known" if r["subject"] else "",
        ]
        for r in found
    ]
    heads = ["request", "type", "status", "due", "", "regime", "person"]
    table(heads, rows, "no request is open")


@app.command()
def show(request: Request, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show a request: where it stands, what was done, and what is possible now."""
    client = client_of(home)
    tell(client.get(f"/v1/requests/{whole(client, request)}"), as_json=as_json)


@app.command()
def verify(
    request: Request,
    method: Annotated[str, typer.Option(help="How it is known: passport shown, call back, …")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Note that the person themself asks. Nothing is fulfilled without that."""
    step(home, request, "verify", {"method": method}, as_json=as_json)


@app.command()
def extend(
    request: Request,
    reason: Reason,
    days: Annotated[
        int | None, typer.Option(min=1, help="By how many days; as many as the law allows.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Put the answer off, once. Tell the person why."""
    body = {"reason": reason} | ({} if days is None else {"days": days})
    step(home, request, "extend", body, as_json=as_json)


@app.command()
def refuse(
    request: Request, reason: Reason, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Say no. Tell the person the reason, and where they can complain."""
    step(home, request, "refuse", {"reason": reason}, as_json=as_json)


@app.command()
def cancel(
    request: Request,
    reason: Annotated[str | None, typer.Option(help="Why; no names.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """End a request that is none any more: it was taken back, or came in twice."""
    step(home, request, "cancel", {"reason": reason}, as_json=as_json)


@app.command()
def complete(
    request: Request,
    result: Annotated[
        list[str] | None,
        typer.Option(help="What another system did, as crm=erased; may be repeated."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Do what is left of this node's part, note what every system did, and end the request."""
    results = [_result(one) for one in result or []]
    step(home, request, "complete", {"results": results}, as_json=as_json)


app.command("erase")(fulfil.erase)
app.command("export")(fulfil.export)
app.command("explain")(fulfil.explain)
app.command("lift")(fulfil.lift)
app.command("open-hold")(fulfil.open_hold)


def _result(text: str) -> dict[str, str]:
    system, _, outcome = text.partition("=")
    with usage_of("--result"):
        if not system or not outcome:
            raise ValueError("write SYSTEM=OUTCOME, as crm=erased")
    return {"system": system, "outcome": outcome}
