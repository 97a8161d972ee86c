"""What a signal says survives writing and reading, and its written form is the only one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.signals.bits import BitReader, BitWriter, to_bits, to_text
from consent.signals.fibonacci import read_fibonacci, read_ranges, write_fibonacci, write_ranges
from consent.signals.gpc import Support, SupportStatement, encode_support, parse_support
from consent.signals.gpp import Gpp, encode_gpp, encode_header, parse_gpp, parse_header
from consent.signals.ids import Ids
from consent.signals.tc_string import LegalBasis, TcString
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.us_section import (
    UsSection,
    encode_us_section,
    parse_us_section,
)
from consent.signals.vendor_sets import read_vendors, write_vendors
from tests.support.signal_strategies import gpp_strings, tc_strings, us_sections, vendors

pieces = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 20)), max_size=12)


@given(pieces, pieces)
def test_ids_are_a_set(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    a, b = (Ids.joined((s, s + n) for s, n in runs) for runs in (first, second))
    x, y = ({i for s, n in runs for i in range(s, s + n + 1)} for runs in (first, second))
    assert list(a) == sorted(x)
    assert len(a) == len(x)
    assert a.highest == max(x, default=0)
    assert {i for i in range(-2, 430) if i in a} == x
    assert (a <= b) is (x <= y)
    assert Ids.of(x) == a
    assert (a == b) is (x == y)


@given(st.text("01", min_size=1, max_size=200), st.sampled_from([(), (8,), (24,)]))
def test_bits_come_back_with_zeros_behind(bits: str, multiples: tuple[int, ...]) -> None:
    found = to_bits(to_text(bits, *multiples))
    assert found.startswith(bits)
    assert set(found[len(bits) :]) <= {"0"}
    assert len(found) % 6 == 0


@given(st.lists(st.integers(1, 65_535), min_size=1, max_size=20))
def test_fibonacci_numbers_end_by_themselves(numbers: list[int]) -> None:
    writer = BitWriter()
    for number in numbers:
        write_fibonacci(writer, number)
    reader = BitReader(to_text(writer.bits()))
    assert [read_fibonacci(reader) for _ in numbers] == numbers


@given(vendors)
def test_ranges_and_headers_come_back(ids: Ids) -> None:
    writer = BitWriter()
    write_ranges(writer, ids)
    assert read_ranges(BitReader(to_text(writer.bits()))) == ids
    assert parse_header(encode_header(ids)) == ids


@given(vendors)
def test_vendors_are_written_in_the_shorter_way(ids: Ids) -> None:
    writer = BitWriter()
    write_vendors(writer, ids)
    found, _ = read_vendors(BitReader(to_text(writer.bits())))
    assert found == ids
    ranges = 12 + sum(17 if a == b else 33 for a, b in ids.runs)
    assert len(writer.bits()) == 17 + min(ranges, ids.highest)


@settings(deadline=None)
@given(tc_strings)
def test_tc_strings_come_back(tc: TcString) -> None:
    text = encode_tc_string(tc)
    found = parse_tc_string(text)
    assert found == tc
    assert found.noted == frozenset()
    assert encode_tc_string(found) == text == found.raw
    assert found.issues == tc.issues


@given(us_sections())
def test_us_sections_come_back(section: UsSection) -> None:
    text = encode_us_section(section)
    assert parse_us_section(section.section_id, text) == section
    core, *gpc = text.split(".")
    bits = to_bits(core)[: section.layout.width]
    for padding in ((), (24,)):  # the specification's, and a longer one
        shorter = (part if section.gpc is None else part[:1] for part in gpc)
        other = ".".join([to_text(bits, *padding), *shorter])
        if section.layout.prefix != "usnat" or not padding:  # there the length tells the layouts
            assert parse_us_section(section.section_id, other) == section


@settings(deadline=None)
@given(gpp_strings())
def test_gpp_strings_come_back(gpp: Gpp) -> None:
    text = encode_gpp(gpp)
    found = parse_gpp(text)
    assert found == gpp
    assert encode_gpp(found) == text == found.raw


@settings(deadline=None)
@given(
    tc_strings,
    st.integers(-2, 70),
    st.integers(-2, 70) | st.integers(),
    st.sampled_from(LegalBasis),
)
def test_permits_needs_both_bits_and_no_restriction(
    tc: TcString, purpose: int, vendor: int, basis: LegalBasis
) -> None:
    if basis is LegalBasis.CONSENT:
        purposes, given_vendors, forbidding = tc.purposes_consent, tc.vendor_consents, {0, 2, 3}
    else:
        purposes, forbidding = tc.purposes_legitimate_interest, {0, 1, 3}
        given_vendors = tc.vendor_legitimate_interests
    expected = (
        tc.is_valid
        and purpose in set(purposes)
        and vendor in set(given_vendors)
        and (tc.disclosed_vendors is None or vendor in set(tc.disclosed_vendors))
        and not any(
            r.purpose == purpose and vendor in set(r.vendors) and r.type in forbidding
            for r in tc.restrictions
        )
        and (basis is LegalBasis.CONSENT or purpose not in {1, 3, 4, 5, 6})
    )
    assert tc.permits(purpose, vendor, basis) is expected


@given(st.booleans(), st.dates(), st.none() | st.times())
def test_gpc_statements_come_back(says_yes: bool, day: object, time: object) -> None:
    text = str(day) if time is None else f"{day}T{str(time)[:8]}Z"
    statement = SupportStatement(Support.YES if says_yes else Support.NO, text)
    assert parse_support(encode_support(statement)) == statement
