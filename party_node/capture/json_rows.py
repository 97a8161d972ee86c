"""JSON Lines: one object on a line, read strictly, and the cells that a mapping wants of it.

Numbers stay as they are written, as they do in a CSV file. A key that stands twice, a number that
JSON does not have, and an object where a word is expected make the row malformed.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from party_node.capture.refusals import Refusal
from party_node.capture.said import Cell
from party_node.capture.unpack import MAX_ROW, ends


def whole_lines(pieces: Iterator[str]) -> Iterator[tuple[int, str | Refusal]]:
    """Return lines with their numbers; one that is too long is dropped to its end."""
    line = 0
    for text in pieces:
        line += 1
        if len(text) < MAX_ROW:
            yield line, text
            continue
        while text and not ends(text):
            text = next(pieces, "")
        yield line, Refusal.TOO_LARGE


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(_text: str) -> None:
    raise ValueError("JSON has no such number")


_decode = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_int=str, parse_float=str, parse_constant=_no_number
).decode


def cells_of(
    text: str, paths: Sequence[tuple[str, ...]], arrays: Sequence[bool]
) -> tuple[Cell, ...] | Refusal:
    """Return what stands at these paths; `arrays` says which may lead to a list of words."""
    try:
        row = _decode(text)
    except (ValueError, RecursionError):
        return Refusal.MALFORMED_ROW
    if type(row) is not dict:
        return Refusal.MALFORMED_ROW
    cells: list[Cell] = []
    for path, array in zip(paths, arrays, strict=True):
        value = row.get(path[0])
        for step in path[1:]:
            value = _inside(value, step)
        if type(value) is str:
            cells.append(value)
        elif value is None:
            cells.append("")
        elif type(value) is bool:
            cells.append("true" if value else "false")
        elif array and type(value) is list and all(type(item) is str for item in value):
            cells.append(tuple(value))
        else:
            return Refusal.MALFORMED_ROW
    return tuple(cells)


def _inside(value: Any, step: str) -> Any:
    """Return what is at a key of an object or at a number of an array; None if there is nothing."""
    if type(value) is dict:
        return value.get(step)
    if type(value) is list and step.isascii() and step.isdigit() and len(step) < 6:
        return value[int(step)] if int(step) < len(value) else None
    return None
