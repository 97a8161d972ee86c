"""The TC string of TCF v2 as text: segments joined by dots, the core first (TCF, through 2.3).

Read: any order of segments, any ranges, any amount of zeros at the end. Written: core,
DisclosedVendors, then what else there is by segment id; each set of vendors in the shorter of its
two encodings; each segment filled up with zeros to 24 bits, as the reference library does.
"""

from collections.abc import Container, Iterable

from consent.signals.bits import MAX_CHARS, BitReader, BitWriter, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids
from consent.signals.publisher import PublisherTc, Restriction, RestrictionType
from consent.signals.tc_issues import Issue
from consent.signals.tc_string import TcString
from consent.signals.vendor_sets import (
    MAX_ENTRIES,
    Run,
    is_overlapping,
    is_unsorted,
    read_entries,
    read_vendors,
    write_entries,
    write_vendors,
)

VERSION = 2
DISCLOSED, ALLOWED, PUBLISHER = 1, 2, 3
"""Segment ids. The core has none: its first three bits, the start of its version, are 0."""

MAX_TEXT = 4 * MAX_CHARS + 3


def parse_tc_string(text: str, *, cmps: Container[int] | None = None) -> TcString:
    """Read a TC string; `cmps` are the ids of the CMPs in IAB Europe's list that are not deleted.

    Raises: MalformedSignal for anything that is not a TC string of version 2.
    """
    if len(text) > MAX_TEXT or text.count(".") > PUBLISHER:
        raise MalformedSignal("a TC string has at most four segments")
    core, *others = text.split(".")
    noted: set[Issue] = set()
    segments: dict[int, Ids | PublisherTc] = {}
    for segment in others:
        reader = BitReader(segment)
        kind = reader.number(3)
        if kind in segments or not DISCLOSED <= kind <= PUBLISHER:
            raise MalformedSignal("a segment is unknown, or is there twice")
        segments[kind] = (
            _read_publisher(reader) if kind == PUBLISHER else _read_noted(reader, noted)
        )
        reader.finish()
    return _read_core(BitReader(core), text, segments, noted, cmps)


def encode_tc_string(tc: TcString) -> str:
    """Return the one text of a TC string.

    Raises: MalformedSignal if a number does not fit its field.
    """
    writer = BitWriter()
    _write_core(writer, tc)
    parts = [writer]
    for kind, vendors in ((DISCLOSED, tc.disclosed_vendors), (ALLOWED, tc.allowed_vendors)):
        if vendors is not None:
            parts.append(BitWriter())
            parts[-1].number(kind, 3)
            write_vendors(parts[-1], vendors)
    if tc.publisher is not None:
        parts.append(BitWriter())
        _write_publisher(parts[-1], tc.publisher)
    return ".".join(to_text(part.bits(), 24) for part in parts)


def _read_core(
    reader: BitReader,
    text: str,
    segments: dict[int, Ids | PublisherTc],
    noted: set[Issue],
    cmps: Container[int] | None,
) -> TcString:
    version = reader.number(6)
    if version != VERSION:
        raise MalformedSignal(f"this is version {version} of the TC string; only 2 is in use")
    disclosed, allowed, publisher = (segments.get(k) for k in (DISCLOSED, ALLOWED, PUBLISHER))
    tc = TcString(
        created_ms=reader.number(36) * 100,
        last_updated_ms=reader.number(36) * 100,
        cmp_id=(cmp_id := reader.number(12)),
        cmp_version=reader.number(12),
        consent_screen=reader.number(6),
        consent_language=reader.letters(),
        vendor_list_version=reader.number(12),
        policy_version=reader.number(6),
        is_service_specific=reader.flag(),
        use_non_standard_texts=reader.flag(),
        special_feature_opt_ins=reader.bitfield(12),
        purposes_consent=reader.bitfield(24),
        purposes_legitimate_interest=reader.bitfield(24),
        purpose_one_treatment=reader.flag(),
        publisher_country=reader.letters(),
        vendor_consents=_read_noted(reader, noted),
        vendor_legitimate_interests=_read_noted(reader, noted),
        restrictions=_read_restrictions(reader, noted),
        disclosed_vendors=disclosed if isinstance(disclosed, Ids) else None,
        allowed_vendors=allowed if isinstance(allowed, Ids) else None,
        publisher=publisher if isinstance(publisher, PublisherTc) else None,
        raw=text,
        noted=frozenset(
            noted | ({Issue.UNKNOWN_CMP} if cmps is not None and cmp_id not in cmps else set())
        ),
    )
    reader.finish()
    return tc


def _note_order(runs: list[Run], noted: set[Issue]) -> None:
    if is_unsorted(runs):
        noted.add(Issue.UNSORTED_RANGES)
    if is_overlapping(runs):
        noted.add(Issue.OVERLAPPING_RANGES)


def _read_noted(reader: BitReader, noted: set[Issue]) -> Ids:
    ids, runs = read_vendors(reader)
    _note_order(runs, noted)
    return ids


def _read_restrictions(reader: BitReader, noted: set[Issue]) -> tuple[Restriction, ...]:
    """Return the restrictions by purpose and type; what is written in pieces is joined."""
    found: dict[tuple[int, RestrictionType], list[Run]] = {}
    for _ in range(reader.number(12)):
        key = reader.number(6), RestrictionType(reader.number(2))
        runs = read_entries(reader)
        _note_order(runs, noted)
        if key in found:
            noted.add(Issue.REPEATED_RESTRICTION)
        found.setdefault(key, []).extend(runs)
    return tuple(
        Restriction(purpose, kind, Ids.joined(runs))
        for (purpose, kind), runs in sorted(found.items())
        if runs
    )


def _read_publisher(reader: BitReader) -> PublisherTc:
    return PublisherTc(
        purposes_consent=reader.bitfield(24),
        purposes_legitimate_interest=reader.bitfield(24),
        custom_purposes=(custom := reader.number(6)),
        custom_purposes_consent=reader.bitfield(custom),
        custom_purposes_legitimate_interest=reader.bitfield(custom),
    )


def _write_core(writer: BitWriter, tc: TcString) -> None:
    writer.number(VERSION, 6)
    writer.number(tc.created_ms // 100, 36)
    writer.number(tc.last_updated_ms // 100, 36)
    writer.number(tc.cmp_id, 12)
    writer.number(tc.cmp_version, 12)
    writer.number(tc.consent_screen, 6)
    writer.letters(tc.consent_language)
    writer.number(tc.vendor_list_version, 12)
    writer.number(tc.policy_version, 6)
    writer.flag(tc.is_service_specific)
    writer.flag(tc.use_non_standard_texts)
    writer.bitfield(tc.special_feature_opt_ins, 12)
    writer.bitfield(tc.purposes_consent, 24)
    writer.bitfield(tc.purposes_legitimate_interest, 24)
    writer.flag(tc.purpose_one_treatment)
    writer.letters(tc.publisher_country)
    write_vendors(writer, tc.vendor_consents)
    write_vendors(writer, tc.vendor_legitimate_interests)
    pieces = [(r, runs) for r in tc.restrictions for runs in _in_pieces(r.vendors.runs)]
    writer.number(len(pieces), 12)
    for restriction, runs in pieces:
        writer.number(restriction.purpose, 6)
        writer.number(restriction.type, 2)
        write_entries(writer, runs)


def _in_pieces(runs: tuple[Run, ...]) -> Iterable[tuple[Run, ...]]:
    """Cut a list of ranges where its count would not fit into 12 bits."""
    return (runs[i : i + MAX_ENTRIES] for i in range(0, len(runs), MAX_ENTRIES))


def _write_publisher(writer: BitWriter, publisher: PublisherTc) -> None:
    writer.number(PUBLISHER, 3)
    writer.bitfield(publisher.purposes_consent, 24)
    writer.bitfield(publisher.purposes_legitimate_interest, 24)
    writer.number(publisher.custom_purposes, 6)
    writer.bitfield(publisher.custom_purposes_consent, publisher.custom_purposes)
    writer.bitfield(publisher.custom_purposes_legitimate_interest, publisher.custom_purposes)
