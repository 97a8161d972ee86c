"""What is wrong with a policy file: every fault with its line, its place and what to do."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
Fault = tuple[int, str]
"""(line, place in the document and what to do)."""


class Wrong(Exception):  # never leaves the reader: `reading.py` turns it into InvalidPolicy
    """Some part of the document cannot be used."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} faults")


def wrong(line: int, path: str, what: str) -> Wrong:
    """Return one fault."""
    return Wrong([(line, f"{path}: {what}" if path else what)])


def all_of(readings: Iterable[Callable[[], T]]) -> list[T]:
    """Do every reading and return what they found.

    Raises: Wrong with the faults of all of them.
    """
    found: list[T] = []
    faults: list[Fault] = []
    for reading in readings:
        try:
            found.append(reading())
        except Wrong as e:
            faults += e.faults
    if faults:
        raise Wrong(faults)
    return found
