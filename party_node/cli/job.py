"""`accord job`: ask, follow, decide, read."""

import getpass
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.wire import MAX_WAIT_SECONDS
from party_node import job_words
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    HomeOption,
    JsonOption,
    client_of,
    complain,
    exit_code,
    exit_of_job,
    group,
    note,
    require_new,
    say,
    show_json,
    table,
    usage_of,
    when,
)
from party_node.cli.release import ChartOption, CsvOption, print_table, write_chart
from party_node.hints import hint_of
from party_node.local_client import LocalClient

app = group("job", "Ask for jobs, decide about them, read what they brought.")

PROGRESS_SECONDS = 5
"""How often a job that is being matched is looked at."""

Collaboration = Annotated[str, typer.Argument(help="Collaboration to ask under.")]
Job = Annotated[str, typer.Argument(help="The job: 32 hexadecimal digits, or how they begin.")]
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
By = Annotated[str, typer.Option("--by", help="Who decides; your login name by default.")]


@app.command()
def overlap(
    collaboration: Collaboration,
    purpose: Purpose = "",
    identifier: Identifier = None,
    per_person: PerPerson = 0,
    minimum_size: Minimum = 0,
    rho: Cost = "0.005",
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


@app.command()
def audience(
    collaboration: Collaboration,
    purpose: Purpose = "",
    identifier: Identifier = None,
    minimum_size: Minimum = 0,
    rho: Cost = "0.005",
    strict: Strict = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask for a joint audience: the receiver learns which of its own people match."""
    body = _body(collaboration, "audience", purpose, identifier, minimum_size, rho, strict)
    _ask(client_of(home), body, dry_run, wait, as_json)


@app.command()
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
    with usage_of(str(query)):
        question = query.read_text(encoding="utf-8")
    body = _body(collaboration, "insight", purpose, identifier, minimum_size, "0.005", strict)
    body |= {"question": question, "per_person": per_person, "route": route}
    _ask(client_of(home), body, dry_run, wait, as_json)


@app.command()
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
    with usage_of(str(query)):
        question = query.read_text(encoding="utf-8")
    body = _body(collaboration, "lookalike", purpose, identifier, minimum_size, "0.005", strict)
    body |= {"question": question, "route": route}
    _ask(client_of(home), body, dry_run, wait, as_json)


@app.command()
def joint(
    collaboration: Collaboration,
    query: Query,
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
    with usage_of(str(query)):
        question = query.read_text(encoding="utf-8")
    body = _body(collaboration, "joint", purpose, identifier, minimum_size, "0.005", strict=False)
    body |= {"question": question, "route": route}
    _ask(client_of(home), body, dry_run, wait, as_json)


@app.command()
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
    with usage_of(str(query)):
        question = query.read_text(encoding="utf-8")
    body = _body(collaboration, "federated", purpose, None, minimum_size, "0.005", strict=False)
    _ask(client_of(home), body | {"question": question}, dry_run, wait, as_json)


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
    """Show a job: state, who learns what, what all sides said before."""
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
    found = _follow(client, whole(client, job), seconds)
    if as_json:
        show_json(found)
    else:
        say(f"job {found['job']}: {job_words.stage(found)}")
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
    _lines(job_words.result(found))


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


def _ask(
    client: LocalClient, body: dict[str, Any], dry_run: bool, wait: bool, as_json: bool
) -> None:
    """Look ahead, say it, then ask; a refusal that is known now is not asked for."""
    ahead = client.post("/v1/jobs", body | {"dry_run": True})
    refusal = ahead["preflight"]["refusal"]
    if not as_json:
        _lines(job_words.preflight(ahead, ahead["preflight"], ahead["estimate"]))
        if ahead["forecast"] is not None:
            _lines(job_words.forecast(ahead["forecast"]))
    if dry_run or refusal:
        if as_json:
            show_json(ahead)
        if not refusal:
            raise typer.Exit(DONE)
        said = ahead["preflight"]
        why = f"this side would refuse the job: {refusal}; it costs rho {ahead['rho']}"
        left = f"{why}, and {said['rho_before']} is left"
        raise typer.Exit(complain(left, hint_of(refusal), exit_code(refusal)))
    asked = client.post("/v1/jobs", body)
    if not as_json:
        say(f"job {asked['job']}")
    if wait:
        _finish(client, asked["job"], as_json)
    elif as_json:
        show_json(asked)


def _finish(client: LocalClient, job: str, as_json: bool) -> None:
    found = _follow(client, job, 0)
    code = exit_of_job(found)
    brought = client.get(f"/v1/jobs/{job}/result") if code == DONE else None
    if as_json:
        show_json(found | {"result": brought})
    elif brought is not None:
        _lines(job_words.result(brought))
    raise typer.Exit(code)


def _follow(client: LocalClient, job: str, seconds: int) -> dict[str, Any]:
    """Return the job when it has ended, or after `seconds` of waiting; say each phase on stderr."""
    found, known, waited = client.get(f"/v1/jobs/{job}"), "", 0
    told: tuple[str, int] | None = None
    while True:
        known = found["stage"]
        if _far(found) != told:
            told = _far(found)
            note(job_words.stage(found))
        if found["ended"] or 0 < seconds <= waited:
            return found
        under_way = found["progress"] is not None or found.get("training") is not None
        most = PROGRESS_SECONDS if under_way else MAX_WAIT_SECONDS
        turn = min(most, seconds - waited) if seconds else most
        found = client.get(f"/v1/jobs/{job}", wait=turn, until="changed", known=known)
        waited += turn if found["stage"] == known else 1  # a change cuts a turn short


def _far(found: dict[str, Any]) -> tuple[str, int]:
    """Return what a new line is worth: another place, or another hundredth of the rows."""
    far = found["progress"]
    percent = -1 if far is None else 100 * far["rows_done"] // max(1, far["rows"])
    return job_words.place(found), percent


def _decide(
    client: LocalClient, job: str, what: str, body: dict[str, Any] | None, as_json: bool
) -> None:
    found = client.post(f"/v1/jobs/{whole(client, job)}/{what}", body)
    if as_json:
        show_json(found)
        return
    say(f"job {found['job']}: {found['state']}")


def whole(client: LocalClient, job: str) -> str:
    """Return the one job that begins like this."""
    return job if len(job) == 32 else whole_of(job, (j["job"] for j in client.list("/v1/jobs")))


def whole_of(job: str, known: Iterable[str]) -> str:
    """Return the one of these jobs that begins like this."""
    fitting = [one for one in known if one.startswith(job)]
    if len(fitting) != 1:
        found = "no job begins" if not fitting else f"{len(fitting)} jobs begin"
        raise typer.BadParameter(f"{found} with {job}")
    return fitting[0]


def _show(found: dict[str, Any]) -> None:
    say(f"job {found['job']}: {job_words.stage(found)}")
    say(f"{found['kind']} for {found['purpose']}, asked by {found['requester']}")
    for one in found["who_learns"]:
        say(f"  {one['who']}: {one['what']}")
    for said in found["preflights"].values():
        say(f"pre-flight of {said['party']}:")
        _lines(f"  {line}" for line in list(job_words.preflight(found, said))[-3:])
    if found["estimate"] is not None:
        say(f"at this side: {job_words.takes(found['estimate'])}")
    if found["accepted_by"]:
        say(f"accepted by {found['accepted_by']}")
    elif found["waits_for_us"]:
        say(f"waits for you: `accord job approve {found['job'][:12]}`, or decline")


def _standing(job: dict[str, Any]) -> str:
    return "waits for you" if job["waits_for_us"] else job_words.stage(job)


def _lines(lines: Iterator[str]) -> None:
    for line in lines:
        say(line)
