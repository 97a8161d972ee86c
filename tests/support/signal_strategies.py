"""Random signals that can be written, for property tests."""

from hypothesis import strategies as st

from consent.signals.gpp import MAX_SECTIONS, Gpp, OpaqueSection, Section
from consent.signals.ids import Ids
from consent.signals.publisher import PublisherTc, Restriction, RestrictionType
from consent.signals.tc_string import MAX_MS, TcString
from consent.signals.us_layouts import LAYOUTS
from consent.signals.us_section import UsSection

letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)


def small_ids(highest: int) -> st.SearchStrategy[Ids]:
    """Sets out of a short field."""
    return st.sets(st.integers(1, highest)).map(Ids.of) if highest else st.just(Ids())


@st.composite
def _runs(draw: st.DrawFn) -> Ids:
    first = draw(st.lists(st.integers(1, 2000) | st.integers(1, 65_535), max_size=12))
    lengths = draw(st.lists(st.integers(0, 300), min_size=len(first), max_size=len(first)))
    return Ids.joined(
        (a, min(a + length, 65_535)) for a, length in zip(first, lengths, strict=True)
    )


vendors = small_ids(60) | _runs()

restriction_sets = st.dictionaries(
    st.tuples(st.integers(1, 63), st.sampled_from(RestrictionType)),
    vendors.filter(len),
    max_size=5,
).map(lambda found: tuple(Restriction(p, t, v) for (p, t), v in sorted(found.items())))


@st.composite
def _publishers(draw: st.DrawFn) -> PublisherTc:
    custom = draw(st.integers(0, 63))
    return PublisherTc(
        purposes_consent=draw(small_ids(24)),
        purposes_legitimate_interest=draw(small_ids(24)),
        custom_purposes=custom,
        custom_purposes_consent=draw(small_ids(custom)),
        custom_purposes_legitimate_interest=draw(small_ids(custom)),
    )


times = st.integers(0, MAX_MS // 100).map(lambda tenths: tenths * 100)

tc_strings = st.builds(
    TcString,
    created_ms=times,
    last_updated_ms=times,
    cmp_id=st.integers(0, 4095),
    cmp_version=st.integers(0, 4095),
    consent_screen=st.integers(0, 63),
    consent_language=letters,
    vendor_list_version=st.integers(0, 4095),
    policy_version=st.integers(0, 63),
    is_service_specific=st.booleans(),
    use_non_standard_texts=st.booleans(),
    special_feature_opt_ins=small_ids(12),
    purposes_consent=small_ids(24),
    purposes_legitimate_interest=small_ids(24),
    purpose_one_treatment=st.booleans(),
    publisher_country=letters,
    vendor_consents=vendors,
    vendor_legitimate_interests=vendors,
    restrictions=restriction_sets,
    disclosed_vendors=st.none() | vendors,
    allowed_vendors=st.none() | vendors,
    publisher=st.none() | _publishers(),
    raw=st.just(""),
    noted=st.just(frozenset()),
)


@st.composite
def us_sections(draw: st.DrawFn, layout_index: int | None = None) -> UsSection:
    """Sections in every layout, with undefined values too."""
    layouts = st.sampled_from(LAYOUTS) if layout_index is None else st.just(LAYOUTS[layout_index])
    layout = draw(layouts)
    values = tuple(
        tuple(draw(st.lists(st.integers(0, 3), min_size=f.count, max_size=f.count)))
        for f in layout.fields
    )
    gpc = draw(st.none() | st.booleans()) if layout.has_gpc else None
    apart = None
    if layout.apart is not None and draw(st.booleans()):
        numbers = st.lists(st.integers(0, 3), min_size=layout.apart.count, max_size=8)
        apart = tuple(draw(numbers))
    return UsSection(layout, values, gpc, apart)


opaque_sections = st.from_regex(r"\A[A-Za-z0-9_.-]{1,40}\Z").map(OpaqueSection)


@st.composite
def gpp_strings(draw: st.DrawFn) -> Gpp:
    """Strings of some sections: decoded ones, opaque ones, and ids that nobody has defined."""
    sections: dict[int, Section] = {
        s.section_id: s for s in draw(st.lists(us_sections(), max_size=4))
    }
    if draw(st.booleans()):
        sections[2] = draw(tc_strings)
    unknown = st.sampled_from([1, 4, 5, 6]) | st.integers(28, 65_535)
    sections |= draw(st.dictionaries(unknown, opaque_sections, max_size=5))
    assert len(sections) <= MAX_SECTIONS
    return Gpp(tuple(sorted(sections.items())))
