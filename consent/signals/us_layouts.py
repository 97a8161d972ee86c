"""The fields of the US sections of GPP, in the order they are written: tables, nothing else.

Each table stands both in the section's specification (IAB Tech Lab, Global-Privacy-Platform,
`Sections/US-National` and `Sections/US-States`) and in its reference libraries (iabgpp-es 3.2.0,
iabgpp-java 4.x), and they agree. For Maryland, Indiana, Kentucky and Rhode Island only iabgpp-es
has one: it writes what their drafts of October 2025 list, without the section header that the
drafts put in front (which cannot be written: it names the core 0, and Fibonacci numbers begin at
1). A text with such a header starts with the section's id where these have the version, so no
reader takes one for the other.
"""

import dataclasses

VERSION_BITS = 6
VALUE_BITS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """Two bits for each of `count` values: 0 not applicable, 1 yes or opted out or no consent,
    2 no or did not opt out or consent. `lowest` is the lowest value that is defined.
    """

    name: str
    count: int = 1
    lowest: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """One layout of a section; `has_gpc` says if it may have the GPC subsection.

    `apart` is the field that has a subsection to itself, where a section has one: it may be absent.
    """

    section_id: int
    prefix: str
    version: int
    fields: tuple[Field, ...]
    has_gpc: bool = True
    apart: Field | None = None

    @property
    def width(self) -> int:
        """How many bits the core has."""
        return VERSION_BITS + VALUE_BITS * sum(field.count for field in self.fields)


_MSPA = (
    Field("MspaCoveredTransaction", lowest=1),
    Field("MspaOptOutOptionMode"),
    Field("MspaServiceProviderMode"),
)
_SALE_AND_ADVERTISING = (Field("SaleOptOut"), Field("TargetedAdvertisingOptOut"))
_THEIR_NOTICES = (Field("SaleOptOutNotice"), Field("TargetedAdvertisingOptOutNotice"))


def _sensitive(categories: int, children: int) -> tuple[Field, ...]:
    return (
        Field("SensitiveDataProcessing", categories),
        Field("KnownChildSensitiveDataConsents", children),
    )


def _national(version: int, categories: int, children: int) -> Layout:
    names = (
        "SharingNotice",
        "SaleOptOutNotice",
        "SharingOptOutNotice",
        "TargetedAdvertisingOptOutNotice",
        "SensitiveDataProcessingOptOutNotice",
        "SensitiveDataLimitUseNotice",
        "SaleOptOut",
        "SharingOptOut",
        "TargetedAdvertisingOptOut",
    )
    fields = tuple(Field(name) for name in names)
    sensitive = _sensitive(categories, children)
    return Layout(7, "usnat", version, (*fields, *sensitive, Field("PersonalDataConsents"), *_MSPA))


def _state(
    section_id: int,
    prefix: str,
    categories: int,
    children: int,
    *,
    notice: str = "ProcessingNotice",
    extra_notice: str = "",
    additional_consent: bool = True,
    has_gpc: bool = True,
) -> Layout:
    """Return the shape that all states but California share."""
    fields = (
        Field(notice),
        *_THEIR_NOTICES,
        *((Field(extra_notice),) if extra_notice else ()),
        *_SALE_AND_ADVERTISING,
        *_sensitive(categories, children),
        *((Field("AdditionalDataProcessingConsent"),) if additional_consent else ()),
        *_MSPA,
    )
    return Layout(section_id, prefix, 1, fields, has_gpc)


def _first_states(
    section_id: int, prefix: str, categories: int, children: int, has_gpc: bool, extra: str = ""
) -> Layout:
    """Return the shape of the states of December 2022."""
    return _state(
        section_id,
        prefix,
        categories,
        children,
        notice="SharingNotice",
        extra_notice=extra,
        additional_consent=False,
        has_gpc=has_gpc,
    )


def _draft(section_id: int, prefix: str, *, has_gpc: bool) -> Layout:
    """Return the shape of the states of October 2025: all but Maryland's have no GPC subsection."""
    fields = (
        Field("MspaCoveredTransaction", lowest=1),
        Field("MspaMode"),
        Field("ProcessingNotice"),
        *_THEIR_NOTICES,
        *_SALE_AND_ADVERTISING,
        *(() if has_gpc else (Field("KnownChildSensitiveDataConsents"),)),
        Field("AdditionalDataProcessingConsent"),
    )
    apart = None if has_gpc else Field("SensitiveDataProcessing", 8)
    return Layout(section_id, prefix, 1, fields, has_gpc, apart)


_CALIFORNIA = Layout(
    8,
    "usca",
    1,
    (
        Field("SaleOptOutNotice"),
        Field("SharingOptOutNotice"),
        Field("SensitiveDataLimitUseNotice"),
        Field("SaleOptOut"),
        Field("SharingOptOut"),
        *_sensitive(9, 2),
        Field("PersonalDataConsents"),
        *_MSPA,
    ),
)

LAYOUTS: tuple[Layout, ...] = (
    _national(1, 12, 2),
    _national(1, 16, 3),  # libraries wrote the new fields under the old number for a while,
    _national(2, 12, 2),  # and the other way round; the reference library tells them by length
    _national(2, 16, 3),
    _CALIFORNIA,
    _first_states(9, "usva", 8, 1, False),
    _first_states(10, "usco", 7, 1, True),
    _first_states(11, "usut", 8, 1, False, "SensitiveDataProcessingOptOutNotice"),
    _first_states(12, "usct", 8, 3, True),
    _state(13, "usfl", 8, 3, has_gpc=False),
    _state(14, "usmt", 8, 3, notice="SharingNotice"),
    _state(15, "usor", 11, 3),
    _state(16, "ustx", 8, 1),
    _state(17, "usde", 9, 5),
    _state(18, "usia", 8, 1, extra_notice="SensitiveDataOptOutNotice", additional_consent=False),
    _state(19, "usne", 8, 1),
    _state(20, "usnh", 8, 3),
    _state(21, "usnj", 10, 5),
    _state(22, "ustn", 8, 1),
    _state(23, "usmn", 8, 1),
    _draft(24, "usmd", has_gpc=True),
    _draft(25, "usin", has_gpc=False),
    _draft(26, "usky", has_gpc=False),
    _draft(27, "usri", has_gpc=False),
)
"""Every layout; a section with several has them shortest and oldest first."""


CHOICES = frozenset(
    field.name
    for layout in LAYOUTS
    for field in (*layout.fields, *((layout.apart,) if layout.apart else ()))
    if not field.name.endswith("Notice") and not field.name.startswith("Mspa")
)
"""Every field of some section that holds a person's choice: not a notice, not a mode."""


def layouts_of(section_id: int) -> tuple[Layout, ...]:
    """Return the layouts of a section, none if it has no table here."""
    return tuple(layout for layout in LAYOUTS if layout.section_id == section_id)


def layout_of(prefix: str) -> Layout | None:
    """Return the newest layout of a section by its prefix."""
    return next((layout for layout in reversed(LAYOUTS) if layout.prefix == prefix), None)
