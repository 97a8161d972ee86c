"""`accord job overlap`, `audience` and the rest: look ahead, say it, then ask."""

import json
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from party_node import endings, job_words
from party_node.cli.following import follow
from party_node.cli.naming import whole
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    HomeOption,
    JsonOption,
    client_of,
    complain,
    exit_code,
    exit_of_job,
    say,
    say_all,
    show_json,
    usage_of,
)
from party_node.hints import hint_of
from party_node.local_client import LocalClient

RHO = "0.005"
"""What is paid where nothing else is said."""

Collaboration = Annotated[str, typer.Argument(help="Collaboration to ask under.")]
Purpose = Annotated[str, typer.Option(help="Purpose, where the collaboration has several.")]
Identifier = Annotated[
    list[str] | None,
    typer.Option(
        help="Match by email, phone, idfa, gaid, oaid or imei; again for the next in order.",
        show_default="email",
    ),
]
PerPerson = Annotated[
    int, typer.Option(min=0, help="Identifiers of one person at most; 0: as many as types.")
]
Route = Annotated[
    str, typer.Option(help="How it is added up: bfv (little traffic) or cot (little computing).")
]
Query = Annotated[Path, typer.Option("--query", help="File with the question.")]
Minimum = Annotated[int, typer.Option(min=0, help="Smallest group to speak of, if larger.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Hide every bit of an item; always so up to 10,000.")
]
Cost = Annotated[str, typer.Option(help="What to pay, in rho: more buys a sharper answer.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only the pre-flight; ask nothing.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow the job and print its result.")]


def overlap(
    collaboration: Collaboration,
    purpose: Purpose = "",
    identifier: Identifier = None,
    per_person: PerPerson = 0,
    minimum_size: Minimum = 0,
    rho: Cost = RHO,
    strict: Strict = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask how many people all parties have: a noisy count, never who."""
    body = _body(collaboration, "overlap", purpose, identifier, minimum_size, rho, strict)
    body["per_person"] = per_person
    _ask(client_of(home), body, dry_run, wait, as_json)


def audience(
    collaboration: Collaboration,
    purpose: Purpose = "",
    identifier: Identifier = None,
    minimum_size: Minimum = 0,
    rho: Cost = RHO,
    strict: Strict = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask for a joint audience: the receiver learns which of its own people match."""
    body = _body(collaboration, "audience", purpose, identifier, minimum_size, rho, strict)
    _ask(client_of(home), body, dry_run, wait, as_json)


def insight(
    collaboration: Collaboration,
    query: Query,
    purpose: Purpose = "",
    identifier: Identifier = None,
    per_person: PerPerson = 0,
    minimum_size: Minimum = 0,
    route: Route = "",
    strict: Strict = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask about the partner's columns over people of both: statistics with noise, never who."""
    body = _question(query, collaboration, "insight", purpose, identifier, minimum_size, strict)
    body |= {"per_person": per_person, "route": route}
    _ask(client_of(home), body, dry_run, wait, as_json)


def lookalike(
    collaboration: Collaboration,
    query: Query,
    purpose: Purpose = "",
    identifier: Identifier = None,
    minimum_size: Minimum = 0,
    route: Route = "",
    strict: Strict = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask for people like seeds: the partner scores its own people, nobody learns who is a seed."""
    body = _question(query, collaboration, "lookalike", purpose, identifier, minimum_size, strict)
    _ask(client_of(home), body | {"route": route}, dry_run, wait, as_json)


def joint(
    collaboration: Collaboration,
    query: Annotated[Path | None, typer.Option(help="File with the question.")] = None,
    by: Annotated[str, typer.Option(help="Instead: score by the model of this earlier job.")] = "",
    rho: Annotated[str, typer.Option(help="With --by: what to pay; else as then.")] = "",
    purpose: Purpose = "",
    identifier: Identifier = None,
    minimum_size: Minimum = 0,
    route: Route = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask for a joint score: one number for each of one's own people whom the partner has too."""
    if (query is None) == (not by) or (rho and not by):
        raise click.UsageError("give --query, or --by and if need be --rho")
    if by and route:
        raise click.UsageError("with --by nothing is added up: leave --route out")
    client = client_of(home)
    if query is None:
        again = {"by_job": whole(client, by)} | ({"price": {"rho": rho}} if rho else {})
        body = _body(collaboration, "joint", purpose, identifier, minimum_size, RHO, strict=False)
        body["question"] = json.dumps(again)
    else:
        body = _question(query, collaboration, "joint", purpose, identifier, minimum_size)
    _ask(client, body | {"route": route}, dry_run, wait, as_json)


def federated(
    collaboration: Collaboration,
    query: Query,
    purpose: Purpose = "",
    minimum_size: Minimum = 0,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask for one model of all partners' people, trained in rounds: nobody sees another's rows."""
    body = _question(query, collaboration, "federated", purpose, None, minimum_size)
    _ask(client_of(home), body, dry_run, wait, as_json)


def _body(
    collaboration: str,
    kind: str,
    purpose: str,
    identifiers: list[str] | None,
    minimum_size: int,
    rho: str,
    strict: bool,
) -> dict[str, Any]:
    return {
        "collaboration": collaboration,
        "kind": kind,
        "purpose": purpose,
        "identifiers": identifiers or ["email"],
        "minimum_size": minimum_size,
        "rho": rho,
        "strict": strict,
    }


def _question(
    query: Path,
    collaboration: str,
    kind: str,
    purpose: str,
    identifiers: list[str] | None,
    minimum_size: int,
    strict: bool = False,
) -> dict[str, Any]:
    """Return what asks the question of a file, which states its own price."""
    with usage_of(str(query)):
        question = query.read_text(encoding="utf-8")
        if not question.strip():
            raise ValueError("the file is empty: docs/reference/queries.md has examples")
    body = _body(collaboration, kind, purpose, identifiers, minimum_size, RHO, strict)
    return body | {"question": question}


def _ask(
    client: LocalClient, body: dict[str, Any], dry_run: bool, wait: bool, as_json: bool
) -> None:
    """Look ahead, say it, then ask, and wait for it if wanted."""
    asked = ask_at(client, "/v1/jobs", body, dry_run, as_json)
    if wait:
        _finish(client, asked["job"], as_json)
    elif as_json:
        show_json(asked)


def ask_at(
    client: LocalClient, path: str, body: dict[str, Any], dry_run: bool, as_json: bool
) -> dict[str, Any]:
    """Look ahead, say it, then ask; return the job. A refusal that is known now is not asked for,
    and after a dry run this does not return.
    """
    ahead = client.post(path, body | {"dry_run": True})
    refusal = ahead["preflight"]["refusal"]
    if not as_json:
        say_all(job_words.preflight(ahead, ahead["preflight"], ahead["estimate"]))
    if dry_run or refusal:
        if as_json:
            show_json(ahead)
        if not refusal:
            raise typer.Exit(DONE)
        said = ahead["preflight"]
        why = f"this side would refuse the job: {refusal}; it costs rho {ahead['rho']}"
        left = f"{why}, and {said['rho_before']} is left"
        raise typer.Exit(complain(left, hint_of(refusal), exit_code(refusal)))
    asked: dict[str, Any] = client.post(path, body)
    if not as_json:
        say(f"job {asked['job']}")
    return asked


def _finish(client: LocalClient, job: str, as_json: bool) -> None:
    found = follow(client, job, 0)
    code = exit_of_job(found)
    brought = client.get(f"/v1/jobs/{job}/result") if code == DONE else None
    if as_json:
        show_json(found | {"result": brought})
    elif brought is not None:
        say_all(job_words.result(brought))
    else:
        say_all(endings.lines(found["why"]))
    raise typer.Exit(code)
