"""How the demo speaks: numbered steps in plain words, a spinner while something takes long, one
verdict.

With `--json` everything that is told goes to standard error, so that standard output holds one
object.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Teller:
    """Tells the story of the demo on a terminal."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
        self._step = 0

    def title(self, text: str) -> None:
        """Say what this is about."""
        self._console.print(f"[bold]{escape(text)}[/bold]")

    def step(self, text: str) -> None:
        """Begin the next numbered step."""
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}.[/bold cyan] [bold]{escape(text)}[/bold]")

    def say(self, text: str) -> None:
        """Tell one fact."""
        self._console.print(f"   {escape(text)}")

    def verdict(self, text: str, *, right: bool) -> None:
        """Tell whether something is as it should be: in words, not by colour alone."""
        word = "[green]agrees[/green]" if right else "[red]DIFFERS[/red]"
        self._console.print(f"   {word}: {escape(text)}")

    def table(self, headings: list[str], rows: list[list[str]]) -> None:
        """Show a small table."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for heading in headings:
            table.add_column(heading, justify="left" if heading == headings[0] else "right")
        for row in rows:
            table.add_row(*[escape(cell) for cell in row])
        self._console.print("")
        self._console.print(table)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something is going on."""
        with self._console.status(f"   {escape(text)}"):
            yield
