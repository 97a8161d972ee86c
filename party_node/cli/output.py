"""What every command group shares: the home option, printing for people or as JSON, exit codes.

0 done   1 error   2 usage   3 refused by consent, disclosure or the data owner
4 the other party failed   75 not ready yet: try again
"""

import datetime
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.wire import JobState
from party_node.local_client import LocalClient
from protocols import errors as protocol_errors

NAME = "accord"
DONE, ERROR, USAGE, REFUSED, PEER_FAILED, NOT_READY = 0, 1, 2, 3, 4, 75

_PIPED_WIDTH = 240
"""Columns of a table that no terminal cuts."""

_NOT_READY = frozenset(
    {
        "node-not-running",
        "already-served",
        "coordinator-unreachable",
        "clock-skewed",
        "clock-skew",
        "database-unreachable",
        "quorum-missed",
        "not-published",
    }
)
_REFUSED = frozenset(
    {
        "consent-denied",
        "permission-refused",
        "permission-expired",
        "declined-by-owner",
        "not-your-role",
        "two-roles-needed",
        "job-refused",
        "small-cohort",
        "budget-exceeded",
        "delta-exceeded",
        "disclosure-refused",
    }
)

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="ACCORD_NODE_HOME", help="Folder of the party node.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_HOME = Path("~/.accord-node")


def home_of(path: Path) -> Path:
    """Return the home folder with `~` filled in."""
    return path.expanduser()


def client_of(path: Path) -> LocalClient:
    """Find the running node of a home. Raises: HomeMissing, NodeNotRunning."""
    return LocalClient.of(home_of(path))


def group(name: str, text: str) -> typer.Typer:
    """Return an empty command group in the house's manner."""
    return typer.Typer(
        name=name,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def exit_code(code: str) -> int:
    """Return the exit code for an error code."""
    if code in _NOT_READY:
        return NOT_READY
    if code in _REFUSED:
        return REFUSED
    return PEER_FAILED if code in _peer_codes() else ERROR


def exit_of_job(job: dict[str, Any]) -> int:
    """Return the exit code for how a job stands."""
    if not job["ended"]:
        return NOT_READY
    if job["state"] == JobState.COMPLETED:
        return DONE
    if job["state"] == JobState.DECLINED:
        return REFUSED
    return exit_code(job["cause"])


def _peer_codes() -> frozenset[str]:
    found = protocol_errors.PeerError.__subclasses__()
    return frozenset({"ended-by-peer", *(kind.code for kind in found)})


def say(text: str = "") -> None:
    """Print one line for people."""
    typer.echo(text)


def say_all(lines: Iterable[str]) -> None:
    """Print lines to stdout."""
    for line in lines:
        say(line)


def note(text: str) -> None:
    """Print one line beside the output: progress, on stderr."""
    typer.echo(text, err=True)


def show_json(found: object) -> None:
    """Print the answer as JSON."""
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> None:
    """Print a table, or the sentence `nothing`; what stands in it is text, never markup."""
    lines = [[Text(str(cell)) for cell in row] for row in rows]
    if not lines:
        say(nothing)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        shown.add_column(head, overflow="fold")
    for line in lines:
        shown.add_row(*line)
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    console = Console(file=sys.stdout, highlight=False, width=width)
    console.print(shown)


@contextmanager
def progress_line(things: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many of how many are done; 0 where nobody knows how many.

    At the end nothing of it is left.
    """
    on_terminal = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if on_terminal:
            of = f" of {total:,}" if total else ""
            typer.echo(f"\r{done:,}{of} {things}", nl=False, err=True)

    try:
        yield show
    finally:
        if on_terminal:
            typer.echo("\r\x1b[K", nl=False, err=True)


def when(ms: int) -> str:
    """Return an instant for people, in UTC."""
    instant = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def complain(message: str, hint: str, code: int) -> int:
    """Print an error and what to do about it; return the exit code."""
    text = " ".join(message.split()).rstrip(".: ")
    # The first word of a name or a code stays as it is.
    if text[1:2].islower() or text[1:2] == " ":
        text = text[:1].lower() + text[1:]
    typer.echo(f"{NAME}: error: {text}", err=True)
    if hint:
        typer.echo(f"{NAME}: hint: {' '.join(hint.split()).rstrip('.')}", err=True)
    return code


def require_new(path: Path | None) -> None:
    """Refuse a file that is there, or that no folder is for, before the node is asked and writes
    down what it hands out.
    """
    if path is None:
        return
    if path.exists():
        raise click.UsageError(f"{path} is there already: name a new file")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {path.parent}")


@contextmanager
def usage_of(what: str) -> Iterator[None]:
    """Turn a value that cannot be read into a usage error."""
    try:
        yield
    except UnicodeDecodeError as e:
        raise click.UsageError(f"{what}: this is no text in UTF-8") from e
    except (ValueError, OSError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise click.UsageError(f"{what}: {reason}") from e
