"""What a TC string permits, and what is found wrong with it."""

import dataclasses

import pytest

from consent.signals.bits import to_text
from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids
from consent.signals.publisher import PublisherTc, Restriction, RestrictionType
from consent.signals.tc_issues import DISCLOSED_SINCE_MS, INVALIDATING, Issue
from consent.signals.tc_string import LegalBasis, TcString
from consent.signals.tcf import encode_tc_string, parse_tc_string

DAY = 86_400_000
INTEREST = LegalBasis.LEGITIMATE_INTEREST
GOOD = TcString(
    created_ms=DISCLOSED_SINCE_MS + 30 * DAY,
    last_updated_ms=DISCLOSED_SINCE_MS + 30 * DAY,
    cmp_id=31,
    consent_language="EN",
    vendor_list_version=140,
    policy_version=5,
    publisher_country="DE",
    purposes_consent=Ids.of([1, 2, 7]),
    purposes_legitimate_interest=Ids.of([2, 9]),
    vendor_consents=Ids.of([10, 12]),
    vendor_legitimate_interests=Ids.of([11, 12]),
    disclosed_vendors=Ids.of([10, 11, 12, 13]),
)


def changed(**fields: object) -> TcString:
    """Return the good string with other fields, written and read."""
    return parse_tc_string(encode_tc_string(dataclasses.replace(GOOD, **fields)))  # type: ignore[arg-type]


def restricted(purpose: int, kind: int, *vendors: int) -> TcString:
    return changed(restrictions=(Restriction(purpose, RestrictionType(kind), Ids.of(vendors)),))


def test_a_good_string_has_no_issues() -> None:
    assert changed().issues == ()
    assert changed() == GOOD


def test_consent_needs_the_purpose_and_the_vendor() -> None:
    tc = changed()
    assert tc.permits(1, 10)
    assert tc.permits(7, 12)
    assert not tc.permits(3, 10)
    assert not tc.permits(1, 11)
    assert not tc.permits(1, 13)


def test_legitimate_interest_has_bits_of_its_own() -> None:
    tc = changed()
    assert tc.permits(9, 11, INTEREST)
    assert not tc.permits(9, 10, INTEREST)
    assert not tc.permits(7, 12, INTEREST)
    assert not tc.permits(9, 12)


@pytest.mark.parametrize(("purpose", "vendor"), [(0, 10), (-1, 10), (25, 10), (1, 0), (1, 70_000)])
def test_numbers_out_of_range_are_not_permitted(purpose: int, vendor: int) -> None:
    assert not changed().permits(purpose, vendor)


@pytest.mark.parametrize("purpose", [1, 3, 4, 5, 6])
def test_legitimate_interest_never_covers_purposes_1_and_3_to_6(purpose: int) -> None:
    tc = changed(purposes_legitimate_interest=Ids.of([2, purpose]))
    assert tc.issues == (Issue.LEGITIMATE_INTEREST_NOT_ALLOWED,)
    assert not tc.permits(purpose, 12, INTEREST)
    assert tc.permits(2, 12, INTEREST)
    assert tc.permits(1, 10)


def test_a_restriction_of_type_0_always_wins() -> None:
    tc = restricted(2, 0, 12)
    assert not tc.permits(2, 12)
    assert not tc.permits(2, 12, INTEREST)
    assert tc.permits(2, 10)
    assert tc.permits(7, 12)


def test_a_restriction_to_consent_takes_legitimate_interest_away() -> None:
    tc = restricted(2, 1, 12)
    assert tc.permits(2, 12)
    assert not tc.permits(2, 12, INTEREST)
    assert tc.permits(2, 11, INTEREST)


def test_a_restriction_to_legitimate_interest_takes_consent_away() -> None:
    tc = restricted(2, 2, 12)
    assert not tc.permits(2, 12)
    assert tc.permits(2, 12, INTEREST)


def test_an_undefined_restriction_takes_everything_away() -> None:
    tc = restricted(2, 3, 12)
    assert tc.issues == (Issue.UNDEFINED_RESTRICTION,)
    assert not tc.permits(2, 12)
    assert not tc.permits(2, 12, INTEREST)


def test_restrictions_of_two_types_on_one_vendor_are_found() -> None:
    both = (
        Restriction(2, RestrictionType.REQUIRE_CONSENT, Ids(((5, 12),))),
        Restriction(2, RestrictionType.REQUIRE_LEGITIMATE_INTEREST, Ids(((12, 20),))),
    )
    tc = changed(restrictions=both)
    assert tc.issues == (Issue.CONFLICTING_RESTRICTIONS,)
    assert not tc.permits(2, 12)
    assert not tc.permits(2, 12, INTEREST)
    assert tc.permits(2, 10)


@pytest.mark.parametrize(
    ("fields", "issue"),
    [
        ({"policy_version": 3}, Issue.POLICY_TOO_OLD),
        ({"is_service_specific": False}, Issue.NOT_SERVICE_SPECIFIC),
        ({"disclosed_vendors": None}, Issue.DISCLOSED_VENDORS_MISSING),
    ],
)
def test_an_invalid_string_permits_nothing(fields: dict[str, object], issue: Issue) -> None:
    tc = changed(**fields)
    assert tc.issues == (issue,)
    assert not tc.is_valid
    assert not tc.permits(1, 10)
    assert not tc.permits(2, 12, INTEREST)


def test_a_string_of_a_cmp_that_is_not_listed_permits_nothing() -> None:
    text = encode_tc_string(GOOD)
    assert parse_tc_string(text, cmps={31}).permits(1, 10)
    tc = parse_tc_string(text, cmps={30, 32})
    assert tc.issues == (Issue.UNKNOWN_CMP,)
    assert not tc.permits(1, 10)


def test_every_invalidating_issue_stands_first_in_the_table() -> None:
    assert set(list(Issue)[: len(INVALIDATING)]) == INVALIDATING


def test_an_older_string_may_lack_disclosed_vendors() -> None:
    before = DISCLOSED_SINCE_MS - DAY
    tc = changed(created_ms=before, last_updated_ms=before, disclosed_vendors=None)
    assert tc.issues == (Issue.DISCLOSED_VENDORS_ABSENT,)
    assert tc.permits(1, 10)


def test_a_vendor_that_was_not_disclosed_is_not_permitted() -> None:
    tc = changed(disclosed_vendors=Ids.of([11, 12]))
    assert tc.issues == (Issue.VENDOR_NOT_DISCLOSED,)
    assert not tc.permits(1, 10)
    assert tc.permits(1, 12)


def test_allowed_vendors_are_kept_and_permit_nothing() -> None:
    tc = changed(allowed_vendors=Ids.of([13]))
    assert tc.allowed_vendors == Ids.of([13])
    assert tc.issues == (Issue.ALLOWED_VENDORS,)
    assert not tc.permits(1, 13)


def test_times_that_differ_or_are_no_day_are_shown_and_forbid_nothing() -> None:
    tc = changed(created_ms=GOOD.created_ms - DAY, last_updated_ms=GOOD.created_ms + 100)
    assert tc.issues == (Issue.TIMES_DIFFER, Issue.NOT_A_WHOLE_DAY)
    assert tc.permits(1, 10)


def test_what_a_publisher_says_for_itself_permits_no_vendor() -> None:
    publisher = PublisherTc(purposes_consent=Ids.of([3]), custom_purposes=2)
    assert changed(publisher=publisher).publisher == publisher
    assert not changed(publisher=publisher).permits(3, 10)


def test_segments_may_stand_in_any_order_but_once() -> None:
    text = encode_tc_string(dataclasses.replace(GOOD, publisher=PublisherTc()))
    core, disclosed, publisher = text.split(".")
    assert parse_tc_string(f"{core}.{publisher}.{disclosed}") == parse_tc_string(text)
    for wrong in (
        f"{text}.{disclosed}",
        f"{disclosed}.{core}",
        f"{core}.{core}",
        f"{core}.",
        f".{core}",
        f"{core}..{disclosed}",
        f"{core}.gAAA",
        f"{core}.AAAA",
        disclosed,
        "",
    ):
        with pytest.raises(MalformedSignal):
            parse_tc_string(wrong)


@pytest.mark.parametrize("first", ["A", "B", "D", "E", "_"])
def test_other_versions_are_refused(first: str) -> None:
    with pytest.raises(MalformedSignal, match=r"only 2 is in use"):
        parse_tc_string(first + encode_tc_string(GOOD)[1:])


def test_a_string_of_version_1_is_refused() -> None:
    with pytest.raises(MalformedSignal, match="version 1"):
        parse_tc_string("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA")


@pytest.mark.parametrize(
    "fields",
    [
        {"created_ms": 50},
        {"created_ms": -100},
        {"last_updated_ms": (1 << 36) * 100},
        {"cmp_id": 4096},
        {"policy_version": 64},
        {"consent_language": "en"},
        {"publisher_country": "DEU"},
        {"special_feature_opt_ins": Ids.of([13])},
        {"purposes_consent": Ids.of([25])},
        {"restrictions": (Restriction(64, RestrictionType.NOT_ALLOWED, Ids.of([1])),)},
        {"restrictions": (Restriction(0, RestrictionType.NOT_ALLOWED, Ids.of([1])),)},
        {"restrictions": (Restriction(1, RestrictionType.NOT_ALLOWED, Ids()),)},
        {"restrictions": (Restriction(1, RestrictionType.NOT_ALLOWED, Ids.of([1])),) * 2},
    ],
)
def test_what_cannot_be_written_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedSignal):
        changed(**fields)


@pytest.mark.parametrize(
    "fields", [{"custom_purposes": 64}, {"custom_purposes": -1}, {"purposes_consent": Ids.of([25])}]
)
def test_what_a_publisher_cannot_say(fields: dict[str, int]) -> None:
    with pytest.raises(MalformedSignal):
        PublisherTc(**fields)  # type: ignore[arg-type]


def test_custom_purposes_have_a_number() -> None:
    with pytest.raises(MalformedSignal):
        PublisherTc(custom_purposes=2, custom_purposes_consent=Ids.of([3]))


def test_ranges_out_of_order_are_joined_noted_and_forbid_nothing() -> None:
    entries = f"{3:012b}" + f"1{12:016b}{13:016b}" + f"0{10:016b}" + f"1{11:016b}{12:016b}"
    disclosed = to_text(f"{1:03b}{20:016b}1" + entries, 24)
    good = encode_tc_string(GOOD)
    tc = parse_tc_string(f"{good.split('.')[0]}.{disclosed}")
    assert tc == GOOD
    assert tc.issues == (Issue.UNSORTED_RANGES, Issue.OVERLAPPING_RANGES)
    assert tc.permits(1, 10)
    assert encode_tc_string(tc) == good


def test_a_string_of_five_segments_is_refused() -> None:
    with pytest.raises(MalformedSignal, match="four segments"):
        parse_tc_string(encode_tc_string(GOOD) + ".YAAA" * 4)


def test_a_restriction_of_more_ranges_than_fit_is_written_in_pieces() -> None:
    many = Ids.of(range(1, 10_000, 2))
    tc = changed(restrictions=(Restriction(2, RestrictionType.NOT_ALLOWED, many),))
    assert tc.restrictions[0].vendors == many
    assert tc.issues == (Issue.REPEATED_RESTRICTION,)
    assert not tc.permits(2, 9_999)
