"""What the commands of this package share: how they end, and how an error looks."""

import os
import sys
from typing import Annotated, NoReturn

import click
import typer

from coordinator.errors import SetupError

USAGE_ERROR = 2

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run a command; errors become two lines on stderr and an exit code."""
    os.umask(0o077)  # whatever it writes is for its owner
    try:
        code = app(standalone_mode=False)
    except click.UsageError as e:
        sys.exit(_complain(name, e.format_message(), f"see: {name} --help", USAGE_ERROR))
    except SetupError as e:
        sys.exit(_complain(name, str(e), e.hint, e.exit_code))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_complain(name, "interrupted", "", 1))
    except OSError as e:
        reason = f"{e.strerror or 'input or output failed'}: {e.filename or ''}"
        sys.exit(_complain(name, reason, "", 1))
    sys.exit(code if isinstance(code, int) else 0)


def _complain(name: str, message: str, hint: str, code: int) -> int:
    text = message.strip().rstrip(".:")
    typer.echo(f"{name}: error: {text[:1].lower()}{text[1:]}", err=True)
    if hint:
        typer.echo(f"{name}: hint: {hint}", err=True)
    return code
