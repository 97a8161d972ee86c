"""`accord node`: make a node, enrol it, serve it, ask how it is."""

import gc
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    NOT_READY,
    HomeOption,
    JsonOption,
    client_of,
    group,
    home_of,
    say,
    show_json,
    table,
)

app = group("node", "Make, enrol and run the party node.")


@app.command()
def create(
    party: Annotated[str, typer.Option(help="Name of the party, as brand; it never changes.")],
    home: HomeOption = DEFAULT_HOME,
    name: Annotated[str, typer.Option(help="Name that people read; the party's by default.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8400,
    database_url: Annotated[str, typer.Option(help="PostgreSQL URL; SQLite if empty.")] = "",
    region: Annotated[str, typer.Option(help="Country of national phone numbers.")] = "GB",
    as_json: JsonOption = False,
) -> None:
    """Make a node: a folder with fresh keys, a ledger key and a token."""
    from party_node.home import Home

    made = Home.create(
        home_of(home),
        party,
        name or party,
        host,
        port,
        database_url or None,
        rng=secrets.token_bytes,
        default_region=region,
    )
    fingerprint = made.keys.public().fingerprint()
    if as_json:
        show_json({"home": str(made.path), "party": party, "fingerprint": fingerprint})
        return
    say(f"made a node for {party} in {made.path}")
    say(f"fingerprint: {fingerprint}")
    say("back up this folder: its keys cannot be made again")


@app.command()
def enrol(
    token: Annotated[str, typer.Argument(help="The invitation, or - to read it from stdin.")],
    authority: Annotated[
        Path | None, typer.Option(help="File with the certificate that the coordinator's is from.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Use an invitation of a coordinator's operator; then serve the node."""
    from party_node import enrolment
    from party_node.clock import system_clock
    from party_node.coordinator_client import CoordinatorClient
    from party_node.home import Home
    from party_node.home_lock import locked

    opened = Home.open(home_of(home), environ={})
    text = sys.stdin.read() if token == "-" else token  # noqa: S105 - a dash is no password
    with locked(opened.path):
        if authority is not None:
            stated = {"coordinator_authority": str(authority.absolute())}
            opened.save(opened.settings.model_copy(update=stated))
        used = enrolment.enrol(
            opened,
            text,
            lambda url: CoordinatorClient(url, None, system_clock, authority=opened.authority),
        )
    fingerprint = opened.keys.public().fingerprint()
    if as_json:
        known = {"coordinator": used.coordinator, "url": used.url, "party": used.party}
        show_json(known | {"fingerprint": fingerprint})
        return
    say(f"{used.party} is enrolled with {used.coordinator} ({used.url})")
    say(f"fingerprint: {fingerprint}")
    say("read it out to the other party over the telephone; theirs must match what you see")


@app.command()
def serve(home: HomeOption = DEFAULT_HOME) -> None:
    """Run the node until SIGTERM or Ctrl-C."""
    from party_node import observability
    from party_node.home import Home

    opened = Home.open(home_of(home))
    observability.configure()
    from party_node.serve import serve as run

    gc.freeze()  # what was imported stays: the collector need not look at it after each import
    run(opened)
    # All is closed and on disk. Threads of native libraries may still run: leave without them.
    logging.shutdown()
    os._exit(DONE)


@app.command()
def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Say who the node is, whether it can work, and what waits."""
    found = client_of(home).get("/v1/status")
    ready = all(check["ok"] for check in found["checks"])
    if as_json:
        show_json(found)
    else:
        _show(found, ready=ready)
    raise typer.Exit(DONE if ready else NOT_READY)


def _show(found: dict[str, Any], *, ready: bool) -> None:
    say(f"{found['name']} ({found['party']}), {'ready' if ready else 'NOT ready'}")
    say(f"fingerprint: {found['fingerprint']}")
    say(f"coordinator: {found['coordinator']['name']} ({found['coordinator']['url']})")
    jobs, ledger = found["jobs"], found["ledger"]
    say(f"jobs: {jobs['running']} under way, {jobs['waiting_for_approval']} wait for your approval")
    say(f"consent ledger: {ledger['size']:,} entries; datasets: {found['datasets']}")
    _show_webhooks(found["webhooks"])
    wrong = [check for check in found["checks"] if not check["ok"]]
    if wrong:
        table(["check", "error", "what to do"], [list(_cells(c)) for c in wrong], "")


def _show_webhooks(found: dict[str, Any]) -> None:
    if found["active"] or found["paused"] or found["disabled"]:
        say(
            f"webhooks: {found['active']} active, {found['paused']} paused; "
            f"{found['waiting']:,} messages wait, {found['failed']:,} failed"
        )
    for each in found["disabled"]:
        say(f"webhook {each['webhook']} is DISABLED: {each['reason']}")


def _cells(check: dict[str, Any]) -> tuple[str, str, str]:
    return check["name"], check["code"], check["hint"]
