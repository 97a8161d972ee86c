"""`accord model track`: how a model does by what became of people later."""

from pathlib import Path
from typing import Annotated, Any

import click
import typer

from party_node import job_words
from party_node.cli import asking
from party_node.cli.following import follow
from party_node.cli.naming import whole
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    HomeOption,
    JsonOption,
    client_of,
    exit_of_job,
    say,
    say_all,
    show_json,
    usage_of,
)
from party_node.job_kinds import LOOKALIKE
from party_node.local_client import LocalClient
from party_node.tracking import words
from protocols.dp.queries.scalars import InvalidQuery
from protocols.verdict import Verdict

Job = Annotated[str, typer.Argument(help="Job that made the model, or how its number begins.")]
OutcomesOption = Annotated[
    Path | None, typer.Option("--outcomes", help="File that says who has the outcome.")
]
Rho = Annotated[str, typer.Option(help="What to pay, in rho; in place of the file's price.")]
Show = Annotated[bool, typer.Option("--show", help="Ask nothing: show what is known already.")]
Retrain = Annotated[
    bool,
    typer.Option("--retrain", help="If it is worse, ask for the model again, at its price."),
]


def track(
    job: Job,
    outcomes: OutcomesOption = None,
    rho: Rho = "",
    route: asking.Route = "",
    show_only: Show = False,
    retrain: Retrain = False,
    dry_run: asking.DryRun = False,
    wait: asking.Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Compare a model with later outcomes of one's own people: as good as it was, or worse?"""
    if show_only == (outcomes is not None):
        raise click.UsageError("name a file with --outcomes, or look with --show")
    client = client_of(home)
    made = client.get(f"/v1/jobs/{whole(client, job)}")
    if retrain and made["kind"] == LOOKALIKE and not (show_only or wait):
        raise click.UsageError("--retrain needs a verdict: say --wait too")
    if outcomes is None:
        found = client.get(f"/v1/models/{made['job']}/tracking")
    else:
        with usage_of(str(outcomes)):
            text = outcomes.read_text(encoding="utf-8")
        found = _compared(client, made, text, rho, route, dry_run, wait, as_json)
    if not as_json:
        say_all((words.reach if made["kind"] == LOOKALIKE else words.scores)(found))
    if retrain and _verdict(found) == Verdict.WORSE:
        path = f"/v1/models/{made['job']}/anew"
        found |= {"anew": asking.ask_at(client, path, {}, dry_run=False, as_json=as_json)}
    if as_json:
        show_json(found)


def show(client: LocalClient, job: str, *, as_json: bool) -> None:
    """Show the card of a model that the other party keeps, and what became of it."""
    found = client.get(f"/v1/models/{whole(client, job)}/tracking")
    if as_json:
        show_json(found)
        return
    say_all(job_words.model(found["card"]))
    say_all(words.reach(found))


def _compared(
    client: LocalClient,
    made: dict[str, Any],
    text: str,
    rho: str,
    route: str,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> dict[str, Any]:
    """Return a model beside outcomes: of a lookalike after a job, of others at once."""
    if made["kind"] != LOOKALIKE:
        if dry_run or rho or route:
            raise click.UsageError("nothing is asked of a partner here, and nothing is charged: "
                                   "leave --dry-run, --rho and --route out")  # fmt: skip
        return client.post(f"/v1/models/{made['job']}/tracking", {"outcomes": text})
    body = _question(made, text, rho) | {"route": route}
    asked = asking.ask_at(client, "/v1/jobs", body, dry_run, as_json)
    if not wait:
        if as_json:
            show_json(asked)
        else:
            say(f"when it has ended: accord model track {made['job'][:12]} --show")
        raise typer.Exit(DONE)
    ended = follow(client, asked["job"], 0)
    if code := exit_of_job(ended):
        raise typer.Exit(code)
    return client.get(f"/v1/models/{made['job']}/tracking")


def _question(made: dict[str, Any], text: str, rho: str) -> dict[str, Any]:
    """Return what asks how high the partner's model ranks one's own people with the outcome."""
    from party_node.tracking import asking  # brings the protocols, which no other command needs

    try:
        return asking.reach_job(made, text, rho)
    except InvalidQuery as e:
        raise click.UsageError(str(e)) from e


def _verdict(found: dict[str, Any]) -> str:
    if "tracked" not in found:
        return str(found["verdict"])
    return str(found["tracked"][0]["verdict"]) if found["tracked"] else ""
