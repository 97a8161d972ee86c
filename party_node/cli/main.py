"""The command `accord`: its groups, and what becomes of an error."""

import functools
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import click
import typer

from consent.errors import ConsentError
from party_node.cli import (
    audience,
    bench,
    break_glass,
    budget,
    collaboration,
    consent,
    dataset,
    decide,
    job,
    ledger,
    model,
    node,
    notices,
    person,
    policies,
    reach,
    release,
    reports,
    request,
    role,
    rule,
    webhook,
)
from party_node.cli import (
    signal as signal,
)
from party_node.cli.output import ERROR, NAME, USAGE, JsonOption, complain, exit_code, group
from party_node.errors import NodeError
from party_node.hints import hint_for
from party_node.local_client import Refused
from party_node.version import software
from protocols.errors import DisclosureError, ProtocolError

app = group(NAME, "Ask questions about the people that two parties have in common; share nobody.")

for _group in (
    node,
    dataset,
    consent,
    collaboration,
    rule,
    job,
    audience,
    decide,
    person,
    ledger,
    policies,
    notices,
    webhook,
    signal,
    request,
    role,
    bench,
    release,
    reach,
    model,
):
    app.add_typer(_group.app)
app.command("budget")(budget.budget)
app.command("renew-budget")(budget.renew_budget)
app.command("answers")(budget.answers)
app.command("refresh-answer")(budget.refresh_answer)
app.command("audit")(reports.audit)
app.command("release")(release.release)
app.command("break-glass")(break_glass.break_glass)
app.command("enrol", hidden=True)(node.enrol)  # what one types first


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    found = {"version": software()}
    typer.echo(json.dumps(found) if as_json else found["version"])


@app.command()
def demo(
    as_json: JsonOption = False,
    rows: Annotated[int, typer.Option(min=0, help="People to make; 0: the demo's own.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="Leave everything in this folder.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the made-up people.")] = 1,
) -> None:
    """Run the main job with two made-up organisations in three processes."""
    from party_node.demo.command import run

    raise typer.Exit(run(json_output=as_json, rows=rows or None, keep=keep, seed=seed))


def main() -> NoReturn:
    """Run the command; an error becomes two lines on stderr and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run the command with these words; return its exit code."""
    try:
        code = _command()(words, prog_name=NAME, standalone_mode=False)
    except click.UsageError as e:
        path = e.ctx.command_path if e.ctx is not None else NAME
        return complain(e.format_message(), f"see: {path} --help", USAGE)
    except Refused as e:
        return complain(e.message, e.hint, exit_code(e.reason))
    except (NodeError, ProtocolError, DisclosureError, ConsentError) as e:
        return complain(str(e), hint_for(e), exit_code(e.code))
    except (click.Abort, KeyboardInterrupt):
        return complain("interrupted", "", ERROR)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away: nothing is left to say, nor anyone to say it to
        return ERROR
    except OSError as e:
        return complain(f"{e.strerror or 'input or output failed'}: {e.filename or ''}", "", ERROR)
    return code if isinstance(code, int) else 0


@functools.cache
def _command() -> click.Command:
    """Build the tree of commands once: typer would read two hundred signatures at each call."""
    return typer.main.get_command(app)
