"""The command `accord-witness`."""

import asyncio
import dataclasses
import datetime
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from coordinator import observability, server, store
from coordinator.api.parties import software_version
from coordinator.clock import system_clock
from coordinator.command_line import AsJson, run
from coordinator.database import Database
from coordinator.errors import BadSetting
from coordinator.witness_node import evidence, home, logs, settings
from coordinator.witness_node.app import create_app
from coordinator.witness_node.home import NAME
from coordinator.witness_node.settings import WitnessSettings

app = typer.Typer(
    name=NAME,
    help="Run a witness: it cosigns ledgers that only grow, and keeps the proof of those that lie.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

HomeOption = Annotated[Path | None, typer.Option("--home", help="Home folder of the witness.")]


@app.command()
def init(
    name: Annotated[str, typer.Option(help="Name, as witness.example/w1; it never changes.")],
    home_folder: HomeOption = None,
    key_type: Annotated[
        str | None, typer.Option(help="ed25519 (default) or ml-dsa-44; it never changes.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="URL where ledgers reach it.")] = None,
    database_url: Annotated[str | None, typer.Option(help="Database, if not in the home.")] = None,
) -> None:
    """Make a home: settings file, key, database. Safe to repeat; brings the schema up to date."""
    given: dict[str, Any] = {
        "name": name,
        "key_type": key_type,
        "public_url": url,
        "database_url": database_url,
    }
    chosen = settings.load(home=home_folder, **given)
    if chosen.file.exists():
        _same_witness(settings.load(home=home_folder), name, key_type)
    home.make(chosen, {key: value for key, value in given.items() if value is not None})
    with closing(home.database_of(chosen)) as database:
        version = database.migrate()
    typer.echo(f"home: {chosen.home}")
    typer.echo(f"schema: {version}")
    typer.echo(f"key: {home.witness_of(chosen).vkey}")
    typer.echo(f"policy line: {_policy_line(chosen)}")


@app.command()
def serve(
    home_folder: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Brings the schema up to date first."""
    chosen = settings.load(home=home_folder, listen_host=host, listen_port=port)
    observability.configure(chosen)
    with closing(home.database_of(chosen)) as database, home.locked(chosen):
        database.migrate()
        asyncio.run(server.run(create_app(chosen), chosen.listen_host, chosen.listen_port))


@app.command("add-log")
def add_log(
    vkey: Annotated[str, typer.Argument(help="The ledger's verifier key.")],
    home_folder: HomeOption = None,
) -> None:
    """Trust a ledger's key: from now on its checkpoints are cosigned. Also while it serves."""
    key = logs.read_key(vkey)
    with _ready(settings.load(home=home_folder)) as database, database.writing() as session:
        fresh = logs.add(session, key, system_clock())
    typer.echo(f"{'trusted' if fresh else 'trusted already'}: {key.name}")


@app.command("remove-log")
def remove_log(
    log: Annotated[str, typer.Argument(help="Origin of the ledger, or one of its keys.")],
    home_folder: HomeOption = None,
) -> None:
    """Trust a ledger no more. Its last checkpoint stays: it must continue if it comes back."""
    with _ready(settings.load(home=home_folder)) as database, database.writing() as session:
        removed = logs.remove(session, log.strip())
    for vkey in removed:
        typer.echo(f"trusted no more: {vkey}")


@app.command()
def status(home_folder: HomeOption = None, as_json: AsJson = False) -> None:
    """Say who the witness is, which ledgers it trusts, and what it saw of them."""
    chosen = settings.load(home=home_folder)
    with _ready(chosen) as database, database.reading() as session:
        known, conflicts = logs.listed(session), logs.count_conflicts(session)
    found = {
        "name": chosen.name,
        "key_type": chosen.key_type,
        "vkey": home.witness_of(chosen).vkey,
        "policy_line": _policy_line(chosen),
        "logs": [dataclasses.asdict(log) for log in known],
        "conflicts": conflicts,
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"{chosen.name} ({chosen.key_type})")
    typer.echo(f"key: {found['vkey']}")
    typer.echo(f"policy line: {found['policy_line']}")
    for log in known:
        typer.echo(f"trusts {log.origin}: {_seen(log)}")
    typer.echo(f"{len(known)} keys trusted; {conflicts} conflicts (see: {NAME} conflicts)")


@app.command()
def conflicts(
    home_folder: HomeOption = None,
    export: Annotated[
        Path | None, typer.Option(help="Write both signed heads of each into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List ledgers that showed two histories; the evidence is both signed heads."""
    with _ready(settings.load(home=home_folder)) as database, database.reading() as session:
        rows = store.conflicts(session)
        found = [evidence.view(row) for row in rows]
        if export is not None:
            export.mkdir(mode=0o700, parents=True, exist_ok=True)
            for row, shown in zip(rows, found, strict=True):
                shown["files"] = evidence.export(row, export)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for shown in found:
        typer.echo(_conflict(shown))
    if not found:
        typer.echo("no conflicts")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    found = {"version": software_version()}
    typer.echo(json.dumps(found) if as_json else found["version"])


def main() -> NoReturn:
    """Run the command; errors become two lines on stderr and an exit code."""
    run(app, NAME)


def _same_witness(stored: WitnessSettings, name: str, key_type: str | None) -> None:
    """Refuse to make another witness of a home: a name has one key, and a key one memory."""
    if (stored.name, stored.key_type) != (name, key_type or stored.key_type):
        raise BadSetting(
            f"{stored.home} is the home of {stored.name} ({stored.key_type})",
            "name and key never change: give another witness another --home",
        )


@contextmanager
def _ready(chosen: WitnessSettings) -> Iterator[Database]:
    with closing(home.database_of(chosen)) as database:
        database.check_schema()
        yield database


def _policy_line(chosen: WitnessSettings) -> str:
    return f"witness {chosen.name} {home.witness_of(chosen).vkey} {chosen.effective_url}"


def _seen(log: logs.LogView) -> str:
    if log.size is None or log.seen_ms is None:
        return "nothing seen yet"
    return f"{log.size} entries, last cosigned {_when(log.seen_ms)}"


def _conflict(shown: dict[str, Any]) -> str:
    sizes = f"holds size {shown['held_size']}, was offered size {shown['offered_size']}"
    files = "".join(f"\n  {name}" for name in shown.get("files", ()))
    return f"{shown['origin']}  {shown['kind']}  {_when(shown['seen_ms'])}  {sizes}{files}"


def _when(ms: int) -> str:
    instant = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
