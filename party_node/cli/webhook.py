"""`accord webhook`: tell other systems what happens at this node."""

from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    table,
    when,
)

app = group("webhook", "Tell other systems of yours when a state of consent changes.")

Name = Annotated[str, typer.Argument(help="Name of the webhook.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Event type that is wanted; all if none.")
]
Loopback = Annotated[
    bool, typer.Option("--loopback", help="The receiver is on this machine; http is allowed.")
]


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where to send: https://…")],
    event: Events = None,
    loopback: Loopback = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Set up a webhook. Its secret is shown this once: give it to the receiver."""
    body = {"name": name, "url": url, "events": event or [], "loopback": loopback}
    found = client_of(home).post("/v1/webhooks", body)
    if as_json:
        show_json(found)
        return
    say(f"webhook {name} is told {_wanted(found)} from now on")
    say(f"secret: {found['secret']}")
    say("it is not shown again; `accord webhook test` sends a first message")


@app.command("list")
def list_webhooks(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the webhooks and how they are doing."""
    found = client_of(home).list("/v1/webhooks")
    if as_json:
        show_json(found)
        return
    rows = [
        [w["webhook"], _state(w), f"{w['waiting']:,}", f"{w['failed']:,}", _wanted(w), w["url"]]
        for w in found
    ]
    table(["webhook", "state", "wait", "failed", "events", "receiver"], rows, "there is no webhook")


@app.command()
def show(name: Name, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show a webhook: where it goes, what it is told, how deliveries stand."""
    _tell(client_of(home).get(f"/v1/webhooks/{name}"), as_json=as_json)


@app.command()
def update(
    name: Name,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    event: Events = None,
    every_event: Annotated[
        bool, typer.Option("--every-event", help="Tell it every type of event.")
    ] = False,
    loopback: Annotated[
        bool | None, typer.Option(help="Whether the receiver is on this machine.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Change where a webhook goes or what it is told; secret, state and queue stay."""
    client = client_of(home)
    known = client.get(f"/v1/webhooks/{name}")
    body = {
        "url": known["url"] if url is None else url,
        "events": [] if every_event else (event or known["events"]),
        "loopback": known["loopback"] if loopback is None else loopback,
    }
    _tell(client.put(f"/v1/webhooks/{name}", body), as_json=as_json)


@app.command()
def pause(name: Name, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Stop sending; what happens meanwhile is kept, for thirty days."""
    _tell(client_of(home).post(f"/v1/webhooks/{name}/pause"), as_json=as_json)


@app.command()
def resume(name: Name, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Send again after a pause, or after the node has disabled the webhook."""
    _tell(client_of(home).post(f"/v1/webhooks/{name}/resume"), as_json=as_json)


@app.command()
def rotate(
    name: Name,
    overlap_hours: Annotated[
        int, typer.Option(min=0, help="So long the old secret signs too; 0 ends it now.")
    ] = 24,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Draw a new secret, shown this once; the old one signs too for a while."""
    body = {"overlap_hours": overlap_hours}
    found = client_of(home).post(f"/v1/webhooks/{name}/rotate", body)
    if as_json:
        show_json(found)
        return
    say(f"secret: {found['secret']}")
    until = found["previous_secret_until_ms"]
    say(f"the one before signs too until {when(until)}" if until else "the one before is gone")


@app.command()
def remove(name: Name, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Remove a webhook, with its secret and everything that waits for it."""
    client_of(home).delete(f"/v1/webhooks/{name}")
    if as_json:
        show_json({"webhook": name, "removed": True})
        return
    say(f"webhook {name} is removed")


@app.command("test")
def send_test(name: Name, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Send a test message now and say what came of it. Exit code 1 if it was not taken."""
    found = client_of(home).post(f"/v1/webhooks/{name}/test")
    if as_json:
        show_json(found)
    elif found["delivered"]:
        say(f"taken: status {found['status']} after {found['took_ms']} ms")
    else:
        say(f"not taken: {_outcome(found)} after {found['took_ms']} ms")
    raise typer.Exit(DONE if found["delivered"] else ERROR)


@app.command()
def deliveries(
    name: Name,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List messages with how often they were tried and what came of it."""
    query = {"limit": limit} | ({"state": state} if state else {})
    found = client_of(home).list(f"/v1/webhooks/{name}/deliveries", **query)
    if as_json:
        show_json(found)
        return
    rows = [
        [d["message"], d["type"], d["state"], d["attempts"], _outcome(d), when(d["happened_ms"])]
        for d in found
    ]
    heads = ["message", "type", "state", "attempts", "last answer", "happened"]
    table(heads, rows, "there is no such delivery")


@app.command()
def retry(
    name: Name,
    message: Annotated[
        str | None, typer.Option(help="Id of one message; all that failed if none.")
    ] = None,
    overtaken: Annotated[
        bool, typer.Option("--overtaken", help="Also what something newer may have overtaken.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Send once more what was given up, in its old order."""
    body = {"message": message, "overtaken": overtaken}
    found = client_of(home).post(f"/v1/webhooks/{name}/retry", body)
    if as_json:
        show_json(found)
        return
    say(f"queued again: {found['queued']:,}")
    if found["overtaken"]:
        say(f"left, because the receiver may have something newer: {found['overtaken']:,}")


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    say(f"{found['webhook']}: {_state(found)}")
    say(f"receiver: {found['url']}")
    say(f"told: {_wanted(found)}")
    say(f"wait: {found['waiting']:,}; failed: {found['failed']:,}")
    if found["oldest_waiting_ms"]:
        say(f"the oldest that waits happened at {when(found['oldest_waiting_ms'])}")
    if found["delivered_ms"]:
        say(f"last delivered at {when(found['delivered_ms'])}")
    if found["failing_since_ms"]:
        said = {"status": found["last_status"], "cause": found["last_cause"]}
        say(f"failing since {when(found['failing_since_ms'])}: {_outcome(said)}")


def _state(found: dict[str, Any]) -> str:
    return f"{found['state']} ({found['reason']})" if found["reason"] else str(found["state"])


def _wanted(found: dict[str, Any]) -> str:
    return ", ".join(found["events"]) or "every event"


def _outcome(found: dict[str, Any]) -> str:
    said = [str(found["cause"])] if found["cause"] else []
    return ", ".join([*said, *([f"status {found['status']}"] if found["status"] else [])])
