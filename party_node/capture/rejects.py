"""The list of everything that was refused, as a CSV file: line, event, reason. Never a value.

It is written beside its place and moved there when the import has ended, so that a list which is
there is whole.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from party_node.capture.errors import RejectsUnwritable
from party_node.capture.report import RowNote

HEADER = ("line", "event", "reason")

Write = Callable[[Iterable[RowNote]], None]


@contextmanager
def rejects_file(path: Path | None) -> Iterator[Write]:
    """Return what adds rows to the list; without a path, nothing is kept.

    Raises: RejectsUnwritable.
    """
    if path is None:
        yield lambda _notes: None
        return
    path = path.absolute()
    if path.exists() or path.is_symlink():
        raise RejectsUnwritable(f"{path} exists already")
    part = path.with_name(path.name + ".part")
    with _in_our_words(path):
        # What an import that was killed has left is overwritten.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        out = os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8", newline="")
    rows = csv.writer(out, lineterminator="\n")

    def write(notes: Iterable[RowNote]) -> None:
        with _in_our_words(path):
            rows.writerows((note.line, note.event, note.reason) for note in notes)

    try:
        rows.writerow(HEADER)
        yield write
        with _in_our_words(path):
            out.close()
            part.replace(path)
    finally:
        with suppress(OSError):
            out.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise RejectsUnwritable(f"{path}: {e.strerror}") from None
