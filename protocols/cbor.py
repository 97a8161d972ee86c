"""A strict reader for the part of CBOR that records use (RFC 8949, core deterministic encoding).

Unsigned and negative integers of at most 64 bits, byte and text strings, arrays, true, false and
null; definite lengths, shortest heads, no tags, no maps, no floats. General decoders run tag
decoders on a peer's bytes before anyone has looked at them, and some of those take quadratic time.
Here the work is linear in the bytes, and items and depth are bounded.
"""

from typing import Any

from protocols.errors import MalformedMessage

MAX_ITEMS = 100_000
MAX_DEPTH = 16

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _SIMPLE = 0, 1, 2, 3, 4, 7
"""Major types (RFC 8949 §3.1)."""
_SIMPLES: dict[int, bool | None] = {20: False, 21: True, 22: None}
_ONE_BYTE = 24
"""Smallest value that does not fit into the head itself; 24 to 27 announce 1, 2, 4 or 8 bytes."""


def read(data: bytes) -> Any:
    """Return the one value that `data` encodes.

    Raises: MalformedMessage for anything but exactly one such value in its one encoding.
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise MalformedMessage("bytes are left over after the record")
    return value


class _Reader:
    __slots__ = ("_data", "_items", "at")

    def __init__(self, data: bytes) -> None:
        self._data, self._items, self.at = data, 0, 0

    def value(self, depth: int) -> Any:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise MalformedMessage("the record is nested too deeply or has too many items")
        if self.at >= len(self._data):
            raise MalformedMessage("the record ends too early")
        first = self._data[self.at]
        self.at += 1
        major, argument = first >> 5, first & 0x1F
        if argument >= _ONE_BYTE and major <= _ARRAY:
            argument = self._long(argument)
        if major == _UNSIGNED:
            return argument
        if major == _TEXT:
            return self._text(argument)
        if major == _BYTES:
            return self._take(argument)
        if major == _ARRAY:
            inside, read = depth + 1, self.value
            return [read(inside) for _ in range(self._bounded(argument))]
        if major == _NEGATIVE:
            return -1 - argument
        return _simple(major, argument)

    def _long(self, announced: int) -> int:
        """Return the number that follows a head which has no room for it."""
        width = 1 << (announced - _ONE_BYTE)
        if width > 8:
            raise MalformedMessage("lengths are definite")
        value = int.from_bytes(self._take(width), "big")
        if value < (_ONE_BYTE if width == 1 else 1 << (4 * width)):
            raise MalformedMessage("a number is not in its shortest form")
        return value

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise MalformedMessage("the record ends too early")
        part = self._data[self.at : end]
        self.at = end
        return part

    def _text(self, count: int) -> str:
        try:
            return self._take(count).decode("utf-8")
        except UnicodeDecodeError as e:
            raise MalformedMessage("text is not UTF-8") from e

    def _bounded(self, count: int) -> int:
        if count > len(self._data) - self.at:  # every item has at least one byte
            raise MalformedMessage("an array is longer than the record")
        return count


def _simple(major: int, argument: int) -> bool | None:
    if major != _SIMPLE:
        raise MalformedMessage("records hold no maps and no tags")
    if argument not in _SIMPLES:
        raise MalformedMessage("records hold no floats and no other simple values")
    return _SIMPLES[argument]
