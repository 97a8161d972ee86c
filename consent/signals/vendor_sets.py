"""Sets of vendors as the TC string writes them: a bit for each, or ranges, whichever is shorter.

A section is MaxVendorId (16 bits), IsRangeEncoding (1), then MaxVendorId bits or a list of ranges.
A list of ranges is NumEntries (12) and entries of IsARange (1), first id (16), last id (16, only in
a range). Ranges may be out of order or overlap: they are joined, and it is noted.
"""

import itertools

from consent.signals.bits import BitReader, BitWriter
from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids

MAX_ENTRIES = (1 << 12) - 1
"""A list of ranges counts its entries in 12 bits."""

Run = tuple[int, int]


def read_entries(reader: BitReader) -> list[Run]:
    """Return a list of ranges as it stands.

    Raises: MalformedSignal if one ends before it starts, or has the id 0.
    """
    runs = []
    for _ in range(reader.number(12)):
        is_range = reader.flag()
        start = reader.number(16)
        end = reader.number(16) if is_range else start
        if not 0 < start <= end:
            raise MalformedSignal("a range of vendors is empty or starts at 0")
        runs.append((start, end))
    return runs


def is_unsorted(runs: list[Run]) -> bool:
    """Whether a range starts before the one in front of it."""
    return any(a[0] > b[0] for a, b in itertools.pairwise(runs))


def is_overlapping(runs: list[Run]) -> bool:
    """Whether an id is named twice."""
    ordered = sorted(runs)
    return sum(end - start + 1 for start, end in runs) > len(Ids.joined(ordered))


def write_entries(writer: BitWriter, runs: tuple[Run, ...]) -> None:
    """Append a list of at most 4 095 ranges."""
    writer.number(len(runs), 12)
    for start, end in runs:
        writer.flag(end > start)
        writer.number(start, 16)
        if end > start:
            writer.number(end, 16)


def read_vendors(reader: BitReader) -> tuple[Ids, list[Run]]:
    """Return a section: its vendors, and its ranges as they stood (none for a bit field).

    Raises: MalformedSignal, also if a range goes beyond MaxVendorId.
    """
    most = reader.number(16)
    if not reader.flag():
        return reader.bitfield(most), []
    runs = read_entries(reader)
    ids = Ids.joined(runs)
    if ids.highest > most:
        raise MalformedSignal("a range of vendors goes beyond MaxVendorId")
    return ids, runs


def write_vendors(writer: BitWriter, ids: Ids) -> None:
    """Append a section; MaxVendorId is the highest vendor, ranges only where they are shorter."""
    writer.number(ids.highest, 16)
    as_ranges = 12 + sum(17 if start == end else 33 for start, end in ids.runs) < ids.highest
    writer.flag(as_ranges)
    if as_ranges:
        write_entries(writer, ids.runs)
    else:
        writer.bitfield(ids, ids.highest)
