"""Fibonacci numbers as bits, and the ranges that GPP builds of them ("Range(Fibonacci)").

A number is the sum of Fibonacci numbers 1, 2, 3, 5, 8, …, no two neighbours: one bit for each, the
smallest first, and a final 1. So every code ends at its first `11`: 1 is 11, 2 is 011, 4 is 1011.
"""

from consent.signals.bits import BitReader, BitWriter
from consent.signals.errors import MalformedSignal
from consent.signals.ids import MAX_ID, Ids

_NUMBERS = [1, 2]
while len(_NUMBERS) < 23:
    _NUMBERS.append(_NUMBERS[-2] + _NUMBERS[-1])
"""The 23 Fibonacci numbers up to 46 368: enough for every id."""


def read_fibonacci(reader: BitReader) -> int:
    """Return the next number, from 1 to 65 535.

    Raises: MalformedSignal.
    """
    code = reader.until_11(len(_NUMBERS) + 1)
    value = sum(n for n, bit in zip(_NUMBERS, code[:-1], strict=False) if bit == "1")
    if value > MAX_ID:
        raise MalformedSignal("a Fibonacci number is too large")
    return value


def write_fibonacci(writer: BitWriter, value: int) -> None:
    """Append a number from 1 to 65 535."""
    if not 1 <= value <= MAX_ID:
        raise MalformedSignal(f"expected a number from 1 to {MAX_ID}")
    bits: list[str] = []
    for n in reversed(_NUMBERS):
        if value >= n:
            bits.append("1")
            value -= n
        elif bits:
            bits.append("0")
    writer.add("".join(reversed(bits)) + "1")


def read_ranges(reader: BitReader) -> Ids:
    """Return a Range(Fibonacci): a count (12 bits), then items that rise by themselves.

    An item is a flag, its distance from the id before, and with the flag set how far it reaches.
    """
    runs = []
    last = 0
    for _ in range(reader.number(12)):
        is_range = reader.flag()
        start = last + read_fibonacci(reader)
        last = start + read_fibonacci(reader) if is_range else start
        runs.append((start, last))
    return Ids.joined(runs)


def write_ranges(writer: BitWriter, ids: Ids) -> None:
    """Append ids as ranges; two neighbours are already a range, as in the reference library."""
    writer.number(len(ids.runs), 12)
    last = 0
    for start, end in ids.runs:
        writer.flag(end > start)
        write_fibonacci(writer, start - last)
        if end > start:
            write_fibonacci(writer, end - start)
        last = end
