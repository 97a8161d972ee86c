"""The command `accord-coordinator`."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError

from coordinator import observability, parties, server, settings, store
from coordinator.api.parties import software_version
from coordinator.clock import system_clock
from coordinator.command_line import AsJson, run
from coordinator.database import Database
from coordinator.errors import BadSetting, NotInitialised
from coordinator.settings import Settings
from coordinator.tables import JobRow, PartyRow, WitnessConflictRow
from coordinator.wire import PartyId
from coordinator.witness_key import create_key, load_witness

NAME = "accord-coordinator"

app = typer.Typer(
    name=NAME,
    help="Run a coordinator: it relays sealed messages between parties, and cannot read them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Home = Annotated[Path | None, typer.Option(help="Home folder of the coordinator.")]


@app.command()
def init(
    home: Home = None,
    name: Annotated[str | None, typer.Option(help="Name; it cannot change later.")] = None,
    url: Annotated[str | None, typer.Option(help="URL where parties reach it.")] = None,
    database_url: Annotated[str | None, typer.Option(help="Database, if not in the home.")] = None,
) -> None:
    """Make a home: settings file, witness key, database. Safe to repeat."""
    given: dict[str, Any] = {"name": name, "public_url": url, "database_url": database_url}
    chosen = settings.load(home=home, **given)
    _make_home(chosen, {key: value for key, value in given.items() if value is not None})
    with closing(Database(chosen.effective_database_url)) as database:
        version = database.migrate()
    witness = load_witness(chosen)
    typer.echo(f"home: {chosen.home}")
    typer.echo(f"schema: {version}")
    typer.echo(f"witness: {witness.vkey}")


@app.command()
def serve(
    home: Home = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Brings the schema up to date first."""
    chosen = settings.load(home=home, listen_host=host, listen_port=port)
    observability.configure(chosen)
    _initialised(chosen)
    with closing(Database(chosen.effective_database_url)) as database:
        database.migrate()
    asyncio.run(server.serve(chosen))


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the database to this program's schema version."""
    chosen = _initialised(settings.load(home=home))
    with closing(Database(chosen.effective_database_url)) as database:
        typer.echo(f"schema: {database.migrate()}")


@app.command()
def invite(
    party: Annotated[str, typer.Option(help="Id of the party, as brand or publisher-1.")],
    home: Home = None,
    days: Annotated[int | None, typer.Option(help="Days that it can be used.")] = None,
) -> None:
    """Print an invitation: one token, to be handed over on a trusted way. It works once."""
    chosen = _initialised(settings.load(home=home, invitation_days=days))
    if not _is_party_id(party):
        raise BadSetting(
            "a party id is lower-case letters, digits and hyphens, at most 63", "as in: brand"
        )
    vkey = load_witness(chosen).vkey
    with _ready(chosen) as database, database.writing() as session:
        secret = parties.invite(
            session, party, system_clock(), chosen.invitation_days, secrets.token_bytes
        )
    typer.echo(parties.token(chosen.effective_url, chosen.name, vkey, party, secret))


@app.command("parties")
def list_parties(home: Home = None, as_json: AsJson = False) -> None:
    """List enrolled parties."""
    with _ready(settings.load(home=home)) as database, database.reading() as session:
        _print([_party(row) for row in store.parties(session)], as_json)


@app.command("jobs")
def list_jobs(home: Home = None, as_json: AsJson = False) -> None:
    """List jobs, newest change first: who, which, where it is."""
    with _ready(settings.load(home=home)) as database, database.reading() as session:
        _print([_job(row) for row in store.all_jobs(session)], as_json)


@app.command()
def evidence(home: Home = None, as_json: AsJson = False) -> None:
    """List ledgers that showed the witness two histories, with both signed heads."""
    with _ready(settings.load(home=home)) as database, database.reading() as session:
        _print([_conflict(row) for row in store.conflicts(session)], as_json)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    found = {"version": software_version()}
    typer.echo(json.dumps(found) if as_json else found["version"])


def main() -> NoReturn:
    """Run the command; errors become two lines on stderr and an exit code."""
    run(app, NAME)


def _make_home(chosen: Settings, given: dict[str, Any]) -> None:
    chosen.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not chosen.witness_key_file.exists():
        create_key(chosen.witness_key_file)
    if not chosen.file.exists():
        chosen.file.touch(mode=0o600)
        chosen.file.write_text(json.dumps({"name": chosen.name} | given, indent=2) + "\n")


def _initialised(chosen: Settings) -> Settings:
    if not chosen.witness_key_file.exists():
        raise NotInitialised(
            f"{chosen.home} was not initialised", f"run: {NAME} init --home {chosen.home}"
        )
    return chosen


@contextmanager
def _ready(chosen: Settings) -> Iterator[Database]:
    with closing(Database(_initialised(chosen).effective_database_url)) as database:
        database.check_schema()
        yield database


def _is_party_id(text: str) -> bool:
    try:
        TypeAdapter(PartyId).validate_python(text)
    except ValidationError:
        return False
    return True


def _party(row: PartyRow) -> dict[str, Any]:
    return {"party": row.party, "name": row.name, "enrolled_ms": row.enrolled_ms}


def _job(row: JobRow) -> dict[str, Any]:
    return {
        "job": row.job,
        "state": row.state,
        "cause": row.cause,
        "requester": row.requester,
        "counterparties": row.counterparties.split(),
        "collaboration": row.collaboration,
        "updated_ms": row.updated_ms,
    }


def _conflict(row: WitnessConflictRow) -> dict[str, Any]:
    return {
        "origin": row.origin,
        "kind": row.kind,
        "seen_ms": row.seen_ms,
        "held": row.held.decode(),
        "offered": row.offered.decode(),
    }


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo("  ".join(str(value) for value in row.values()))
