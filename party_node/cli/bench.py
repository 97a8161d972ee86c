"""`accord bench`: what is claimed about speed; `accord bench psi` and
`accord bench sums`: one protocol at one size.
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
