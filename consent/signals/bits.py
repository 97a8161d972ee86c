"""Bits in text: what TCF and GPP call base64url, six bits a character, without padding characters.

A text of n characters is 6·n bits. Fields stand one after the other, the highest bit first, and the
rest of the last characters is zero. Bits are held as a string of `0` and `1`: at most six times
`MAX_CHARS`, searched and cut by the standard library in C.
"""

import re

from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids

MAX_CHARS = 1 << 16
"""No signal, and no part of one, is longer. The fullest TC string has about half of it."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BITS = {char: f"{value:06b}" for value, char in enumerate(_ALPHABET)}
_CHARS = {bits: char for char, bits in _BITS.items()}
_ONES = re.compile("1+")


def to_bits(text: str) -> str:
    """Return the bits of a text.

    Raises: MalformedSignal if it is empty, too long, or has a character outside the alphabet.
    """
    if not 0 < len(text) <= MAX_CHARS:
        raise MalformedSignal(f"expected 1 to {MAX_CHARS} characters")
    try:
        return "".join([_BITS[char] for char in text])
    except KeyError:
        raise MalformedSignal("a character is outside A-Z a-z 0-9 - _") from None


def to_text(bits: str, *multiples: int) -> str:
    """Return the text of bits, filled up with zeros to each of `multiples` in turn, then to 6.

    Raises: MalformedSignal if it is too long.
    """
    for multiple in (*multiples, 6):
        bits += "0" * (-len(bits) % multiple)
    if len(bits) > 6 * MAX_CHARS:
        raise MalformedSignal(f"expected at most {MAX_CHARS} characters")
    return "".join([_CHARS[bits[i : i + 6]] for i in range(0, len(bits), 6)])


class BitReader:
    """Reads fields from the front; every read that goes past the end raises MalformedSignal."""

    __slots__ = ("_bits", "_position")

    def __init__(self, text: str) -> None:
        self._bits = to_bits(text)
        self._position = 0

    @property
    def left(self) -> int:
        """How many bits have not been read."""
        return len(self._bits) - self._position

    def take(self, count: int) -> str:
        """Return the next `count` bits as they stand."""
        if count > self.left:
            raise MalformedSignal("the text ends inside a field")
        start, self._position = self._position, self._position + count
        return self._bits[start : self._position]

    def number(self, width: int) -> int:
        """Return an unsigned integer of `width` bits, at least 1."""
        return int(self.take(width), 2)

    def flag(self) -> bool:
        """Return one bit: 1 is true. (The type table of GPP prints it the other way round.)"""
        return self.take(1) == "1"

    def letters(self) -> str:
        """Return two letters of six bits each, A = 0, in upper case."""
        values = [self.number(6), self.number(6)]
        if max(values) > 25:
            raise MalformedSignal("expected a letter")
        return "".join(chr(ord("A") + value) for value in values)

    def bitfield(self, width: int) -> Ids:
        """Return the ids of the bits that are set; the first bit is id 1."""
        return Ids(tuple((m.start() + 1, m.end()) for m in _ONES.finditer(self.take(width))))

    def until_11(self, limit: int) -> str:
        """Return the bits up to and with the next two ones; at most `limit` bits."""
        end = self._bits.find("11", self._position, self._position + limit)
        if end < 0:
            raise MalformedSignal("a Fibonacci number does not end, or is too large")
        return self.take(end + 2 - self._position)

    def finish(self, most: int | None = None) -> None:
        """Return if nothing but zeros is left, and with `most` no more than so many."""
        if most is not None and self.left > most:
            raise MalformedSignal("there is more padding than any writer makes")
        if "1" in self.take(self.left):
            raise MalformedSignal("there are bits after the last field")


class BitWriter:
    """Collects fields; values are checked by the types that hold them, and once more here."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, bits: str) -> None:
        """Append bits as they stand."""
        self._parts.append(bits)

    def number(self, value: int, width: int) -> None:
        """Append an unsigned integer.

        Raises: MalformedSignal if it does not fit.
        """
        if not 0 <= value < 1 << width:
            raise MalformedSignal(f"expected a number of {width} bits")
        self._parts.append(f"{value:0{width}b}")

    def flag(self, value: bool) -> None:
        """Append one bit."""
        self._parts.append("1" if value else "0")

    def letters(self, value: str) -> None:
        """Append two upper-case letters."""
        if re.fullmatch("[A-Z]{2}", value) is None:
            raise MalformedSignal("expected two upper-case letters")
        for char in value:
            self.number(ord(char) - ord("A"), 6)

    def bitfield(self, ids: Ids, width: int) -> None:
        """Append `width` bits; the bits of `ids` are set."""
        if ids.highest > width:
            raise MalformedSignal(f"expected ids from 1 to {width}")
        last = 0
        for start, end in ids.runs:
            self._parts.append("0" * (start - last - 1) + "1" * (end - start + 1))
            last = end
        self._parts.append("0" * (width - last))

    def bits(self) -> str:
        """Return everything that was added."""
        return "".join(self._parts)
