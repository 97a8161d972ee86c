"""`accord job`: ask, follow, decide, read."""

import getpass
from typing import Annotated, Any

import typer

from party_node import asked_words, endings, job_words
from party_node.cli import asking
from party_node.cli.following import follow
from party_node.cli.naming import whole
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    exit_of_job,
    group,
    require_new,
    say,
    say_all,
    show_json,
    table,
    when,
)
from party_node.cli.release import ChartOption, CsvOption, print_table, write_chart
from party_node.local_client import LocalClient

app = group("job", "Ask for jobs, decide about them, read what they brought.")

Job = Annotated[str, typer.Argument(help="The job: 32 hexadecimal digits, or how they begin.")]
By = Annotated[str, typer.Option("--by", help="Who decides; your login name by default.")]


for _command in (
    asking.overlap,
    asking.audience,
    asking.insight,
    asking.lookalike,
    asking.joint,
    asking.federated,
):
    app.command()(_command)


@app.command("list")
def list_jobs(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List all jobs, newest first."""
    found = client_of(home).list("/v1/jobs")
    if as_json:
        show_json(found)
        return
    rows = [
        [
            j["job"][:12],
            j["kind"],
            j["purpose"],
            j["requester"],
            _standing(j),
            when(j["created_ms"]),
        ]
        for j in found
    ]
    heads = ["job", "kind", "purpose", "asked by", "state", "created"]
    table(heads, rows, "there is no job yet")


@app.command()
def show(job: Job, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show a job: state, what is asked, who learns what, what all sides said before."""
    client = client_of(home)
    found = client.get(f"/v1/jobs/{whole(client, job)}")
    if as_json:
        show_json(found)
        return
    _show(found)


@app.command("wait")
def wait_for(
    job: Job,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
    seconds: Annotated[int, typer.Option(min=0, help="Wait this long at most; 0: for ever.")] = 0,
) -> None:
    """Follow a job to its end. The exit code says how it ended; 75: it has not."""
    client = client_of(home)
    found = follow(client, whole(client, job), seconds)
    if as_json:
        show_json(found)
    else:
        say(f"job {found['job']}: {job_words.stage(found)}")
        say_all(endings.lines(found["why"]))
    raise typer.Exit(exit_of_job(found))


@app.command()
def approve(
    job: Job, by: By = "", home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Say yes to a job that the other party asks for."""
    _decide(client_of(home), job, "approve", {"by": by or getpass.getuser()}, as_json)


@app.command()
def decline(
    job: Job, by: By = "", home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Say no to a job that the other party asks for."""
    _decide(client_of(home), job, "decline", {"by": by or getpass.getuser()}, as_json)


@app.command()
def cancel(job: Job, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """End a job that has not ended."""
    _decide(client_of(home), job, "cancel", None, as_json)


@app.command()
def result(
    job: Job,
    as_csv: CsvOption = False,
    chart: ChartOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Print what a job brought: the answer, what was withheld and why, what it cost."""
    require_new(chart)
    client = client_of(home)
    path = f"/v1/jobs/{whole(client, job)}/result"
    write_chart(client, path, chart)
    if as_csv:
        print_table(client, path)
        return
    found = client.get(path)
    if as_json:
        show_json(found)
        return
    say_all(job_words.result(found))


def _decide(
    client: LocalClient, job: str, what: str, body: dict[str, Any] | None, as_json: bool
) -> None:
    found = client.post(f"/v1/jobs/{whole(client, job)}/{what}", body)
    if as_json:
        show_json(found)
        return
    say(f"job {found['job']}: {found['state']}")


def _show(found: dict[str, Any]) -> None:
    say(f"job {found['job']}: {job_words.stage(found)}")
    say_all(endings.lines(found["why"]))
    say(f"asked by {found['requester']}")
    if found["outdated"]:
        say(f"  by {found['protocol']}, which this version of Accord does not run: what it brought")
        say("  stays; to ask again, agree on a new version of the collaboration")
    say_all(asked_words.asked(found))
    for said in found["preflights"].values():
        say(f"pre-flight of {said['party']}:")
        say_all(f"  {line}" for line in job_words.of_side(found, said))
    if found["estimate"] is not None:
        say(f"at this side: {job_words.takes(found['estimate'])}")
    if found["accepted_by"]:
        say(f"accepted by {found['accepted_by']}")
    elif found["waits_for_us"]:
        say(f"waits for you: `accord job approve {found['job'][:12]}`, or decline")


def _standing(job: dict[str, Any]) -> str:
    return "waits for you" if job["waits_for_us"] else job_words.stage(job)
