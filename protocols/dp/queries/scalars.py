"""The smallest parts of a written question: text, whole and fixed-point numbers, lists, mappings.

An error says where and what was expected, and repeats nothing of what stood there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from typing_extensions import override

from protocols.errors import InvalidParameter

T = TypeVar("T")

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"
"""A document taken apart: text, lists, and mappings by text."""

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_FIXED = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,18}))?", re.ASCII)


class InvalidQuery(InvalidParameter):
    """The question cannot be read."""

    code = "invalid-query"


@contextmanager
def refused_as_query(*also: type[Exception]) -> Iterator[None]:
    """Say of parameters that a question cannot have, and of `also`, that the question is wrong.

    Raises: InvalidQuery.
    """
    refused: tuple[type[Exception], ...] = (InvalidParameter, *also)
    try:
        yield
    except InvalidQuery:
        raise
    except refused as e:
        raise InvalidQuery(str(e)) from None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document something stands."""

    path: str

    def under(self, key: str | int) -> "Place":
        """Return the place of a key, or of an item by its number from 1."""
        step = f"[{key}]" if isinstance(key, int) else key
        joined = f"{self.path}{'' if isinstance(key, int) else '.'}{step}"
        return Place(joined if self.path else str(step))

    def wrong(self, rule: str) -> InvalidQuery:
        """Return the error that says what is expected here."""
        return InvalidQuery(f"{self.path or 'the question'}: {rule}")

    @override
    def __str__(self) -> str:
        return self.path


def read_text(plain: Plain, at: Place) -> str:
    """Return a word. Raises: InvalidQuery."""
    if not isinstance(plain, str) or not plain:
        raise at.wrong("a word is expected")
    return plain


def read_int(plain: Plain, at: Place) -> int:
    """Return a whole number. Raises: InvalidQuery."""
    if not isinstance(plain, str) or _WHOLE.fullmatch(plain) is None:
        raise at.wrong("a whole number is expected")
    return int(plain)


def read_fixed(plain: Plain, at: Place, decimals: int) -> int:
    """Return a decimal in units of its last of `decimals` places. Raises: InvalidQuery."""
    found = _FIXED.fullmatch(plain) if isinstance(plain, str) else None
    if found is None:
        raise at.wrong("a decimal number is expected")
    sign, whole, part = found[1], found[2], (found[3] or "").rstrip("0")
    if len(part) > decimals:
        raise at.wrong(f"a number with at most {decimals} decimals is expected")
    units: int = int(whole + decimals * "0") + int(part.ljust(decimals, "0") or "0")
    return -units if sign else units


def read_list(plain: Plain, at: Place, item: Callable[[Plain, Place], T]) -> list[T]:
    """Return a list, not an empty one. Raises: InvalidQuery."""
    if not isinstance(plain, list) or not plain:
        raise at.wrong("a list is expected")
    return [item(value, at.under(n)) for n, value in enumerate(plain, 1)]


def mapping(plain: Plain, at: Place, allowed: tuple[str, ...] | None) -> Mapping[str, Plain]:
    """Return a mapping that has no key but these; None allows all.

    Raises: InvalidQuery, with the first key that is not known.
    """
    if not isinstance(plain, dict):
        raise at.wrong("keys and values are expected")
    if allowed is not None:
        unknown = next((key for key in plain if key not in allowed), None)
        if unknown is not None:
            known = ", ".join(allowed)
            named = unknown[:40] if unknown.isprintable() else "?"
            raise at.wrong(f"{named} is not a key here; there are: {known}")
    return plain


def due(found: Mapping[str, Plain], key: str, at: Place = Place("")) -> Plain:  # frozen
    """Return the value of a key that must be there. Raises: InvalidQuery."""
    if key not in found:
        raise at.under(key).wrong("is missing")
    return found[key]
