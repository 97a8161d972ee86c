"""A US section of GPP: the national one or a state's, by the tables in `us_layouts`.

The text is the core subsection and, where the section has one, a second after a dot: that of Global
Privacy Control (two bits of type, 1; one bit of value), or that of sensitive data (its values and
nothing else). Both are filled up with zeros, by the specification to 6 bits, by the reference
libraries first to 8. Both are read, the second is written.
"""

import dataclasses
import enum
from collections.abc import Iterator, Mapping, Sequence

from consent.signals.bits import BitReader, BitWriter, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.us_layouts import (
    VALUE_BITS,
    VERSION_BITS,
    Field,
    Layout,
    layout_of,
    layouts_of,
)

MAX_PADDING = 23
"""Zeros that a writer may add: some fill up to whole groups of four characters."""

GPC_SUBSECTION = 1
_UNDEFINED = 3
_YES, _NO = 1, 2


class Use(enum.StrEnum):
    """What a person may opt out of."""

    SALE = "SaleOptOut"
    SHARING = "SharingOptOut"
    TARGETED_ADVERTISING = "TargetedAdvertisingOptOut"


class Choice(enum.StrEnum):
    """What a section says of a use; only NOT_OPTED_OUT lets it go on."""

    OPTED_OUT = "opted-out"
    NOT_OPTED_OUT = "not-opted-out"
    NOT_SAID = "not-said"


@dataclasses.dataclass(frozen=True, slots=True)
class UsSection:
    """The values of a section, in the order of its layout, each a tuple of numbers from 0 to 3.

    `gpc` is the value of the Global Privacy Control subsection, `apart` are those of the subsection
    of sensitive data; None without one. `raw` is the text it was read from; it is not compared.

    Raises: MalformedSignal for values that do not fit the layout.
    """

    layout: Layout
    values: tuple[tuple[int, ...], ...]
    gpc: bool | None = None
    apart: tuple[int, ...] | None = None
    raw: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        if [len(v) for v in self.values] != [field.count for field in self.layout.fields]:
            raise MalformedSignal(f"the fields of {self.layout.prefix} have other lengths")
        if any(not 0 <= number <= _UNDEFINED for _, value in self.items() for number in value):
            raise MalformedSignal("a value is a number of two bits")
        if self.apart is not None and len(self.apart) != _width(self.layout.apart):
            raise MalformedSignal(f"{self.layout.prefix} has no such subsection")
        if self.gpc is not None and not self.layout.has_gpc:
            raise MalformedSignal(f"{self.layout.prefix} has no subsection for GPC")

    @property
    def section_id(self) -> int:
        """The number of the section in a GPP header."""
        return self.layout.section_id

    def numbers(self, name: str) -> tuple[int, ...] | None:
        """Return the values of a field, None if the section has no such field."""
        return next((value for field, value in self.items() if field.name == name), None)

    def items(self) -> Iterator[tuple[Field, tuple[int, ...]]]:
        """Return every field that is there, with its values."""
        yield from zip(self.layout.fields, self.values, strict=True)
        if self.layout.apart is not None and self.apart is not None:
            yield self.layout.apart, self.apart

    def undefined_fields(self) -> tuple[str, ...]:
        """Return the fields with a value that the specification does not define."""
        return tuple(
            field.name
            for field, value in self.items()
            if not all(_is_defined(field, number) for number in value)
        )

    def choice(self, use: Use) -> Choice:
        """Return what the person chose about a use.

        Opted out: the field says so, or the browser did (GPC). Not opted out: the field says so
        and notice was given. Everything else is not said.
        """
        if self.gpc or self.numbers(use) == (_YES,):
            return Choice.OPTED_OUT
        if self.numbers(use) == (_NO,) and self.numbers(f"{use}Notice") == (_YES,):
            return Choice.NOT_OPTED_OUT
        return Choice.NOT_SAID


def us_section(
    prefix: str, fields: Mapping[str, int | Sequence[int]], *, gpc: bool | None = None
) -> UsSection:
    """Return a section in its newest layout; fields that are not given are 0, not applicable.

    Raises: MalformedSignal for an unknown section, field or value, and without
    MspaCoveredTransaction, which has no 0. A field that has a subsection to itself and is not given
    is left out with it.
    """
    layout = layout_of(prefix)
    given = {n: (v,) if isinstance(v, int) else tuple(v) for n, v in fields.items()}
    known = () if layout is None else layout.fields
    apart = None if layout is None or layout.apart is None else given.pop(layout.apart.name, None)
    if layout is None or not given.keys() <= {field.name for field in known}:
        raise MalformedSignal("there is no such section, or it has no such field")
    values = tuple(given.get(field.name, (0,) * field.count) for field in known)
    section = UsSection(layout, values, gpc, apart)
    if section.undefined_fields():
        raise MalformedSignal("a field has a value that is not defined")
    return section


def parse_us_section(section_id: int, text: str) -> UsSection | None:
    """Read a section; None if there is no table for its id or its version.

    Raises: MalformedSignal.
    """
    known = layouts_of(section_id)
    if not known:
        return None
    core, *subsections = text.split(".", 2)
    reader = BitReader(core)
    version, left = reader.number(VERSION_BITS), reader.left + VERSION_BITS
    layouts = [layout for layout in known if layout.version == version]
    if not layouts:
        return None
    fitting = [layout for layout in layouts if layout.width <= left]
    if not fitting:
        raise MalformedSignal(f"the core of {known[0].prefix} is too short")
    layout = fitting[-1]
    values = tuple(_read_values(reader, field) for field in layout.fields)
    reader.finish(MAX_PADDING)
    if len(subsections) > 1 or (subsections and not layout.has_gpc and layout.apart is None):
        raise MalformedSignal(f"{layout.prefix} has a subsection too many")
    gpc, apart = None, None
    if subsections and layout.apart is not None:
        apart = _read_apart(layout.apart, subsections[0])
    elif subsections:
        gpc = _read_gpc(subsections[0])
    return UsSection(layout, values, gpc, apart, text)


def encode_us_section(section: UsSection) -> str:
    """Return the one text of a section."""
    writer = BitWriter()
    writer.number(section.layout.version, VERSION_BITS)
    for value in section.values:
        _write_values(writer, value)
    texts = [to_text(writer.bits(), 8)]
    if section.gpc is not None:
        writer = BitWriter()
        writer.number(GPC_SUBSECTION, 2)
        writer.flag(section.gpc)
        texts.append(to_text(writer.bits(), 8))
    if section.apart is not None:
        writer = BitWriter()
        _write_values(writer, section.apart)
        texts.append(to_text(writer.bits(), 8))
    return ".".join(texts)


def _read_values(reader: BitReader, field: Field) -> tuple[int, ...]:
    return tuple(reader.number(VALUE_BITS) for _ in range(field.count))


def _write_values(writer: BitWriter, value: tuple[int, ...]) -> None:
    for number in value:
        writer.number(number, VALUE_BITS)


def _read_gpc(text: str) -> bool:
    reader = BitReader(text)
    if reader.number(2) != GPC_SUBSECTION:
        raise MalformedSignal("the subsection is not one for GPC")
    value = reader.flag()
    reader.finish(MAX_PADDING)
    return value


def _read_apart(field: Field, text: str) -> tuple[int, ...]:
    reader = BitReader(text)
    value = _read_values(reader, field)
    reader.finish(MAX_PADDING)
    return value


def _width(field: Field | None) -> int | None:
    return None if field is None else field.count


def _is_defined(field: Field, number: int) -> bool:
    return field.lowest <= number < _UNDEFINED
