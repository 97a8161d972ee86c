"""`accord model`: models that jobs have made at this party, and the scores of joint jobs."""

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli import tracking
from party_node.cli.naming import whole, whole_of
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    require_new,
    say,
    say_all,
    show_json,
    table,
)
from party_node.key_lists import write_new
from party_node.scoring import cards

app = group("model", "Score this party's people by the models that jobs have made.")

app.command()(tracking.track)

Job = Annotated[str, typer.Argument(help="Job that made the model, or how its number begins.")]
Dataset = Annotated[
    str, typer.Option(help="Another dataset that this party offers in the agreement.")
]


@app.command("list")
def list_models(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the models."""
    found = client_of(home).list("/v1/models")
    if as_json:
        show_json(found)
        return
    rows = [[m["job"][:12], m["kind"], *cards.in_short(m["kind"], m["card"])] for m in found]
    nothing = "no job has left a model here; that of a lookalike is kept by the partner"
    table(["job", "kind", "scores people for", "how good"], rows, nothing)


@app.command()
def show(job: Job, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show what is said of a model: how good it is, what it goes by, what it is not for."""
    client = client_of(home)
    found = client.list("/v1/models")
    if not any(m["job"].startswith(job) for m in found):
        tracking.show(client, job, as_json=as_json)
        return
    one = client.get(f"/v1/models/{whole_of(job, (m['job'] for m in found))}")
    if as_json:
        show_json(one)
        return
    say_all(cards.everything[one["kind"]](one["card"]))
    say_all(cards.stands(one))


@app.command()
def audience(
    job: Job,
    size: Annotated[int, typer.Option(min=1, help="People in the audience.")],
    without: Annotated[
        Path | None, typer.Option(help="File with row keys of people to leave out, one a line.")
    ] = None,
    dataset: Dataset = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make the job's audience anew, of the people who score best now. Consent is asked again."""
    client = client_of(home)
    known = whole(client, job)
    body: dict[str, Any] = {"size": size, "dataset": dataset or None}
    if without is not None:
        body["without_path"] = str(without.absolute())
    found = client.post(f"/v1/models/{known}/audience", body)
    if as_json:
        show_json(found)
        return
    say(f"the audience of job {known[:12]} has the best {found['people']:,} people")
    say(f"{found['scored']:,} were scored; consent does not cover {found['withheld']:,}")
    if without is not None:
        say(f"left out by the list: {found['left_out']:,} people")
        say(f"keys of the list that no row has: {found['unknown_keys']:,}")


@app.command()
def scores(
    job: Job,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write, for its owner only.")
    ] = None,
    dataset: Dataset = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write row keys with scores as CSV, best first. Consent is asked again each time."""
    require_new(out)
    client = client_of(home)
    known = whole(client, job)
    of = {"dataset": dataset} if dataset else {}
    found = client.download(f"/v1/models/{known}/scores", method="POST", **of)
    if out is not None and not as_json:
        write_new(out, found)  # as it is: a row key may hold anything that a line may end with
        say(f"wrote the scores of job {known[:12]} to {out}")
        return
    text = found.decode()
    if as_json:
        show_json(list(csv.DictReader(io.StringIO(text, newline=""))))
    else:
        typer.echo(text, nl=False)
