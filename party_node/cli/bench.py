"""`accord bench`: what is claimed about speed; `psi` and `sums` measure one protocol at one size,
`lookalike` how good lookalikes, joint scores and federated models are, and what they cost.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from party_node.cli.output import DONE, ERROR, JsonOption, group, say, show_json, table
from party_node.surface_errors import BenchmarksMissing, BenchRefused

app = group("bench", "Measure what is claimed about speed, on this machine.")


@app.callback(invoke_without_command=True)
def bench(context: typer.Context, as_json: JsonOption = False) -> None:
    """Measure what is claimed about speed, on this machine."""
    if context.invoked_subcommand is not None:
        return
    if importlib.util.find_spec("benchmarks") is None:
        raise BenchmarksMissing
    words = [sys.executable, "-m", "benchmarks.run", *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.run(words, check=False).returncode)


@app.command()
def psi(
    sizes: Annotated[str, typer.Option(help="Items of the receiver x items of the sender.")],
    protocol: Annotated[str, typer.Option(help="Registered name, or psi-dh, psi-ot.")] = "psi-dh",
    through: Annotated[str, typer.Option(help="relay, direct or both.")] = "both",
    common: Annotated[float, typer.Option(help="Part of the smaller set in both.")] = 0.4,
    backend: Annotated[str, typer.Option(help="auto, multibuffer or pynacl.")] = "auto",
    keep: Annotated[Path | None, typer.Option(help="Leave everything in this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a matching protocol: two processes, through a coordinator and directly."""
    from party_node.bench import asking, words
    from party_node.bench.psi import measure

    asked = asking.read(sizes, protocol, through, common)
    with _folder(keep) as folder:
        found = measure(folder, asked, backend)
    if as_json:
        show_json(found)
    else:
        say(words.heading(found))
        table(["figure", *words.columns(found)], words.rows(found), "nothing was measured")
    raise typer.Exit(DONE if found["exact"] else ERROR)


@app.command()
def sums(
    rows: Annotated[int, typer.Option(help="Aligned rows.")],
    columns: Annotated[int, typer.Option(help="Columns of the matrix; there is one vector.")],
    route: Annotated[str, typer.Option(help="How the sums are computed.")] = "bfv",
    entries: Annotated[
        str, typer.Option(help="one-hot (ten codes a feature) or dense.")
    ] = "one-hot",
    bound: Annotated[int, typer.Option(help="Of dense entries.")] = 100,
    receiver: Annotated[
        str, typer.Option(help="Who learns the sums: vectors or matrix.")
    ] = "vectors",
    keep: Annotated[Path | None, typer.Option(help="Leave everything in this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure aligned sums: two processes and a direct connection."""
    from party_node.bench import sums as measuring

    asked = measuring.read(rows, columns, route, entries, bound, receiver)
    with _folder(keep) as folder:
        found = measuring.measure(folder, asked)
    if as_json:
        show_json(found)
    else:
        say(measuring.heading(found))
        table(["figure", "value"], measuring.words(found), "nothing was measured")
    raise typer.Exit(DONE if found["exact"] else ERROR)


@app.command()
def lookalike(
    data: Annotated[Path | None, typer.Option(help="CSV or Parquet file; else made-up.")] = None,
    label: Annotated[str, typer.Option(help="Column that says who is wanted.")] = "",
    value: Annotated[str | None, typer.Option(help="Value of the label that is wanted.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Column to leave out.")] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(help="Column of numbers that are codes.")
    ] = None,
    made_up: Annotated[str, typer.Option(help="plain, together or hard.")] = "together",
    seeds: Annotated[str, typer.Option(help="Numbers of seeds, with commas.")] = "500,2000",
    repeats: Annotated[int, typer.Option(min=1, help="Seeds of randomness.")] = 5,
    rho: Annotated[str, typer.Option(help="Price of training and evaluation.")] = "0.01721",
    part: Annotated[
        str, typer.Option(help="one, scale, joint or federated; all of them: all.")
    ] = "one",
    rows: Annotated[
        int | None,
        typer.Option(min=0, help="People made up by scale and joint; 0: joint is not timed."),
    ] = None,
    ours: Annotated[
        list[str] | None, typer.Option(help="Column that the brand of a joint score has.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Leave everything in this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure lookalikes, joint scores and federated training: how good, and at what cost."""
    from party_node.bench import lookalike as measuring
    from party_node.bench import lookalike_data, lookalike_parts
    from protocols.dp.budget import Rho

    if (data is None) != (label == ""):
        raise BenchRefused("--data and --label go together", hint="give both, or neither")
    try:
        numbers = tuple(int(n) for n in seeds.split(","))
    except ValueError as e:
        raise BenchRefused("--seeds are whole numbers with commas between them") from e
    parts = lookalike_parts.read(part)
    asked = measuring.Asked(numbers, repeats, Rho.parse(rho).nano)
    if data is None:
        people = lookalike_data.make_up(made_up)
    else:
        codes = tuple(categorical or ())
        people = lookalike_data.read(data, label, value, tuple(without or ()), codes)
    with _folder(keep) as folder:
        of = lookalike_parts.Measured(people, asked, rows, folder, tuple(ours or ()))
        found = {each.value: lookalike_parts.measure(each, of) for each in parts}
    if as_json:
        show_json(found if part == "all" else found[part])
    else:
        for each in parts:
            for heading, columns, lines in lookalike_parts.tables(each, found[each]):
                say(heading)
                table(columns, list(lines), "nothing was measured")
    exact = all(lookalike_parts.exact(each, found[each]) for each in parts)
    raise typer.Exit(DONE if exact else ERROR)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="accord-bench-") as made:
            yield Path(made)
        return
    if keep.exists() and any(keep.iterdir()):
        raise BenchRefused(f"{keep} is not empty", hint="name an empty folder with --keep")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()
