"""The GPP string: a header that lists sections, and the sections, joined by tildes (GPP 1).

The header is a type (6 bits, 3), a version (6 bits, 1) and the section ids as Range(Fibonacci). It
is filled up with zeros, by the specification to 6 bits, by the reference libraries first to 8. Both
are read, the second is written. Sections stand in the order of their ids.

`tcfeuv2` and the US sections with a table are decoded. Every other section is opaque: kept as it
stands, so that nothing is guessed and nothing is lost.
"""

import dataclasses
import re

from consent.signals.bits import BitReader, BitWriter, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.fibonacci import read_ranges, write_ranges
from consent.signals.ids import Ids
from consent.signals.tc_string import TcString
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.us_layouts import layouts_of
from consent.signals.us_section import MAX_PADDING, UsSection, encode_us_section, parse_us_section

TYPE, VERSION = 3, 1
TCFEUV2, HEADER = 2, 3
MAX_TEXT = 1 << 20
MAX_SECTIONS = 64
MAX_SECTION_CHARS = 4096
"""For sections that are not `tcfeuv2`, which has its own limit."""

SECTION_NAMES = (
    "tcfeuv1", "tcfeuv2", "header", "integrity", "tcfcav1", "uspv1", "usnat", "usca", "usva",
    "usco", "usut", "usct", "usfl", "usmt", "usor", "ustx", "usde", "usia", "usne", "usnh", "usnj",
    "ustn", "usmn", "usmd", "usin", "usky", "usri",
)  # fmt: skip
"""The sections by id, from 1: the client-side prefixes of the specification."""

_OPAQUE = re.compile(f"[A-Za-z0-9_.-]{{1,{MAX_SECTION_CHARS}}}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class OpaqueSection:
    """A section that is carried and not read; 1 to 4 096 of A-Z a-z 0-9 - _ and the dot."""

    raw: str

    def __post_init__(self) -> None:
        if _OPAQUE.fullmatch(self.raw) is None:
            raise MalformedSignal(
                "a section is empty, too long, or not made of URL-safe characters"
            )


Section = TcString | UsSection | OpaqueSection


@dataclasses.dataclass(frozen=True, slots=True)
class Gpp:
    """A GPP string: section ids, rising, each with its section; `raw` is not compared.

    Raises: MalformedSignal if a section stands under an id that is not its own.
    """

    sections: tuple[tuple[int, Section], ...]
    raw: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        ids = [section_id for section_id, _ in self.sections]
        if ids != sorted(set(ids)) or len(ids) > MAX_SECTIONS or HEADER in ids:
            raise MalformedSignal("sections rise by their ids, and the header is none")
        for section_id, section in self.sections:
            if not _belongs(section_id, section):
                raise MalformedSignal("a section stands under an id that is not its own")

    def section(self, section_id: int) -> Section | None:
        """Return a section by its id."""
        return dict(self.sections).get(section_id)

    @property
    def tcf(self) -> TcString | None:
        """The TC string, if there is one."""
        found = self.section(TCFEUV2)
        return found if isinstance(found, TcString) else None

    @property
    def us_sections(self) -> tuple[UsSection, ...]:
        """The US sections that could be read."""
        return tuple(s for _, s in self.sections if isinstance(s, UsSection))

    @property
    def opaque_ids(self) -> tuple[int, ...]:
        """The ids of the sections that could not be read: what they say is unknown."""
        return tuple(i for i, s in self.sections if isinstance(s, OpaqueSection))


def parse_gpp(text: str) -> Gpp:
    """Read a GPP string.

    Raises: MalformedSignal if the header or a section that has a table is not well formed.
    """
    if len(text) > MAX_TEXT or text.count("~") > MAX_SECTIONS:
        raise MalformedSignal("a GPP string is too long or has too many sections")
    header, *parts = text.split("~")
    ids = parse_header(header)
    if len(ids) != len(parts):
        raise MalformedSignal("the header lists another number of sections than there are")
    sections = tuple((i, _parse_section(i, part)) for i, part in zip(ids, parts, strict=True))
    return Gpp(sections, text)


def encode_gpp(gpp: Gpp) -> str:
    """Return the one text of a GPP string."""
    ids = Ids.of(section_id for section_id, _ in gpp.sections)
    return "~".join([encode_header(ids), *(_encode_section(s) for _, s in gpp.sections)])


def parse_header(text: str) -> Ids:
    """Read a header: the ids of the sections.

    Raises: MalformedSignal.
    """
    reader = BitReader(text)
    if (reader.number(6), reader.number(6)) != (TYPE, VERSION):
        raise MalformedSignal("this is not a GPP string of version 1")
    ids = read_ranges(reader)
    reader.finish(MAX_PADDING)
    return ids


def encode_header(ids: Ids) -> str:
    """Return the one text of a header."""
    writer = BitWriter()
    writer.number(TYPE, 6)
    writer.number(VERSION, 6)
    write_ranges(writer, ids)
    return to_text(writer.bits(), 8)


def _belongs(section_id: int, section: Section) -> bool:
    match section:
        case TcString():
            return section_id == TCFEUV2
        case UsSection():
            return section_id == section.section_id
        case OpaqueSection():
            # What is opaque here must be opaque to a reader too: one value, one text.
            return isinstance(_parse_section(section_id, section.raw), OpaqueSection)


def _parse_section(section_id: int, text: str) -> Section:
    if section_id == TCFEUV2:
        return parse_tc_string(text)
    OpaqueSection(text)
    if not layouts_of(section_id):
        return OpaqueSection(text)
    return parse_us_section(section_id, text) or OpaqueSection(text)


def _encode_section(section: Section) -> str:
    match section:
        case TcString():
            return encode_tc_string(section)
        case UsSection():
            return encode_us_section(section)
        case OpaqueSection():
            return section.raw
