"""What GPC, US sections and TC strings say about purposes, and where they say nothing."""

import dataclasses
from typing import Any

import pytest

from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import MalformedRecord
from consent.events import EventType
from consent.purpose import SignalTerms
from consent.signal_records import SignalKind
from consent.signals.errors import MalformedSignal
from consent.signals.gpp import Gpp, OpaqueSection, encode_gpp, parse_gpp
from consent.signals.ids import Ids
from consent.signals.meaning import said_by
from consent.signals.publisher import Restriction, RestrictionType
from consent.signals.us_layouts import CHOICES, LAYOUTS
from consent.signals.us_section import us_section
from tests.support.signals import (
    ADS,
    DAY_MS,
    HEALTH,
    MIDNIGHT,
    NOT_OPTED_OUT,
    NOTHING_US,
    NOTICES,
    OTHER_VENDOR,
    SPOKEN,
    STATS,
    VENDOR,
    tc,
    tc_text,
    us_text,
)

GPC, GPP, TCF = SignalKind.GPC, SignalKind.GPP, SignalKind.TCF


def states(kind: SignalKind, raw: str) -> dict[str, set[tuple[str, str]]]:
    """Return what is said by purpose: pairs of the state, and which signal says it."""
    found: dict[str, set[tuple[str, str]]] = {}
    for said in said_by(kind, raw, SPOKEN):
        found.setdefault(said.purpose, set()).add((said.state.value, said.by.value))
    return found


def about(purpose: str, kind: SignalKind, raw: str) -> set[str]:
    return {state for state, _ in states(kind, raw).get(purpose, set())}


# -- Global Privacy Control ------------------------------------------------------------------------


def test_gpc_objects_to_every_purpose_that_names_it_and_to_no_other() -> None:
    assert states(GPC, "1") == {p: {("withdrawn", "gpc")} for p in (ADS, HEALTH)}
    default = said_by(GPC, "1", DEFAULT_VOCABULARY)
    assert [(s.purpose, s.state.value) for s in default] == [("joint-audience", "withdrawn")]


@pytest.mark.parametrize("raw", ["", "0", "01", "1 ", "true", "1,1", "１"])
def test_nothing_else_is_gpc(raw: str) -> None:
    with pytest.raises(MalformedSignal):
        said_by(GPC, raw, SPOKEN)


# -- US sections -----------------------------------------------------------------------------------


def test_did_not_opt_out_of_anything_after_notice_is_a_yes_by_silence() -> None:
    found = {s.purpose: s for s in said_by(GPP, us_text(), SPOKEN)}
    assert set(found) == {ADS, STATS}
    assert {s.state.value for s in found.values()} == {"given"}
    assert {s.event_type for s in found.values()} == {EventType.IMPLIED}
    assert {s.by for s in found.values()} == {GPP}


@pytest.mark.parametrize("name", ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"])
def test_one_opt_out_is_a_no_whatever_the_others_say(name: str) -> None:
    assert about(ADS, GPP, us_text(NOT_OPTED_OUT | {name: 1})) == {"withdrawn"}
    without_notice = NOTHING_US | {name: 1}
    assert about(ADS, GPP, us_text(without_notice)) == {"withdrawn"}


@pytest.mark.parametrize(
    "fields",
    [
        NOTHING_US,
        NOTHING_US | NOTICES,
        NOT_OPTED_OUT | {"SharingOptOut": 0},
        NOT_OPTED_OUT | {"SharingOptOutNotice": 0},
        NOT_OPTED_OUT | {"SharingOptOutNotice": 2},
    ],
)
def test_what_is_not_applicable_or_was_not_told_says_nothing(fields: dict[str, int]) -> None:
    assert about(ADS, GPP, us_text(fields)) == set()


def test_the_gpc_bit_of_a_section_is_gpc() -> None:
    found = states(GPP, us_text(gpc=True))
    assert found == {
        ADS: {("withdrawn", "gpc")},
        HEALTH: {("withdrawn", "gpc")},
        STATS: {("withdrawn", "gpc")},
    }
    both = states(GPP, us_text(NOT_OPTED_OUT | {"SaleOptOut": 1}, gpc=True))
    assert both[ADS] == {("withdrawn", "gpc"), ("withdrawn", "gpp")}
    assert states(GPP, us_text(gpc=False)) == states(GPP, us_text())


def test_a_known_child_is_never_given_and_no_consent_for_it_is_a_no() -> None:
    for values, expected in (
        ([0, 0, 0], {"given"}),
        ([2, 0, 0], set()),
        ([2, 2, 2], set()),
        ([0, 1, 0], {"withdrawn"}),
    ):
        fields = NOT_OPTED_OUT | {"KnownChildSensitiveDataConsents": values}
        assert about(ADS, GPP, us_text(fields)) == expected, values


def test_a_purpose_with_sensitive_data_needs_a_yes_for_every_category() -> None:
    for values, expected in (
        ([2] * 16, {"given"}),
        ([2] * 15 + [0], set()),
        ([0] * 16, set()),
        ([2] * 15 + [1], {"withdrawn"}),
        ([0] * 15 + [1], {"withdrawn"}),
    ):
        fields = NOT_OPTED_OUT | {"SensitiveDataProcessing": values}
        assert about(HEALTH, GPP, us_text(fields)) == expected, values
        assert about(ADS, GPP, us_text(fields)) == {"given"}, "others are not about it"


def test_an_undefined_value_says_nothing_and_silences_the_other_sections() -> None:
    good = us_section("usca", {"MspaCoveredTransaction": 2, "SaleOptOutNotice": 1, "SaleOptOut": 2})
    other = us_section("usva", {"MspaCoveredTransaction": 2, "SaleOptOutNotice": 1})
    names = [field.name for field in other.layout.fields]
    values = list(other.values)
    values[names.index("SaleOptOut")] = (3,)
    odd = dataclasses.replace(other, values=tuple(values))
    assert about(STATS, GPP, encode_gpp(Gpp(((8, good),)))) == {"given"}
    assert about(STATS, GPP, encode_gpp(Gpp(((8, good), (9, odd))))) == set()


def test_sections_that_do_not_apply_leave_the_one_that_does() -> None:
    for prefix in ("usca", "usva"):
        fields = {"MspaCoveredTransaction": 2, "SaleOptOutNotice": 1, "SaleOptOut": 2}
        state = us_section(prefix, fields)
        nat = us_section("usnat", NOTHING_US)
        text = encode_gpp(Gpp(((7, nat), (state.section_id, state))))
        assert about(STATS, GPP, text) == {"given"}


def test_one_section_that_says_no_outweighs_all_that_say_yes() -> None:
    fields = {"MspaCoveredTransaction": 2, "SaleOptOutNotice": 1, "SaleOptOut": 1}
    text = encode_gpp(
        Gpp(((7, us_section("usnat", NOT_OPTED_OUT)), (8, us_section("usca", fields))))
    )
    assert about(STATS, GPP, text) == {"withdrawn"}


@pytest.mark.parametrize(("section_id", "raw"), [(6, "1YNN"), (8, "CAAA"), (99, "x")])
def test_a_section_that_cannot_be_read_leaves_noes_and_no_yes(section_id: int, raw: str) -> None:
    def text(fields: dict[str, Any]) -> str:
        nat, unread = us_section("usnat", fields), OpaqueSection(raw)
        return encode_gpp(Gpp(tuple(sorted([(7, nat), (section_id, unread)], key=lambda s: s[0]))))

    assert about(ADS, GPP, text(NOT_OPTED_OUT)) == set()
    assert about(ADS, GPP, text(NOT_OPTED_OUT | {"SaleOptOut": 1})) == {"withdrawn"}


def test_sections_about_other_countries_do_not_matter_here() -> None:
    nat = us_section("usnat", NOT_OPTED_OUT)
    text = encode_gpp(Gpp(((1, OpaqueSection("x")), (5, OpaqueSection("x")), (7, nat))))
    assert about(ADS, GPP, text) == {"given"}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda la: f"{la.prefix}-{la.version}-{la.width}")
def test_every_section_can_say_no_and_yes_to_a_sale(layout: Any) -> None:
    def read(value: int) -> set[str]:
        section = us_section(
            layout.prefix,
            {"MspaCoveredTransaction": 2, "SaleOptOutNotice": 1, "SaleOptOut": value},
        )
        text = encode_gpp(Gpp(((section.section_id, section),)))
        assert parse_gpp(text).opaque_ids == ()
        return about(STATS, GPP, text)

    assert (read(1), read(2), read(0)) == ({"withdrawn"}, {"given"}, set())


def test_a_misspelt_field_is_refused_when_the_policy_is_made() -> None:
    for name in ("SaleOptout", "SaleOptOutNotice", "MspaCoveredTransaction", "x"):
        with pytest.raises(MalformedRecord):
            SignalTerms(gpp=(name,))
    assert {"PersonalDataConsents", "SaleOptOut"} < CHOICES


# -- TCF -------------------------------------------------------------------------------------------


def test_every_purpose_and_the_vendor_are_needed_for_a_yes() -> None:
    said = {s.purpose: s for s in said_by(TCF, tc_text(), SPOKEN)}
    assert said[ADS].state.value == "given"
    assert said[ADS].event_type is EventType.EXPRESSED
    for missing in ([3, 4], [1, 4], [1, 3], []):
        assert about(ADS, TCF, tc_text(purposes_consent=Ids.of(missing))) == {"refused"}
    assert about(ADS, TCF, tc_text(vendor_consents=Ids())) == {"refused"}
    assert about(ADS, TCF, tc_text(vendor_consents=Ids.of([8]))) == {"refused"}


def test_a_vendor_that_was_not_shown_was_not_refused() -> None:
    for bits in (Ids(), Ids.of([1, 3, 4])):
        text = tc_text(purposes_consent=bits, disclosed_vendors=Ids.of([8]))
        assert about(ADS, TCF, text) == set()
    old = tc_text(
        purposes_consent=Ids(), disclosed_vendors=None,
        created_ms=1_700_006_400_000, last_updated_ms=1_700_006_400_000,
    )  # fmt: skip
    assert about(ADS, TCF, old) == {"refused"}, "an old string does not say who was shown"


def test_without_a_vendor_a_string_can_say_no_and_never_yes() -> None:
    assert about(STATS, TCF, tc_text(purposes_consent=Ids.of([1, 7]))) == set()
    assert about(STATS, TCF, tc_text(purposes_consent=Ids.of([1]))) == {"refused"}


def test_purpose_one_is_not_missed_where_it_was_not_shown() -> None:
    text = tc_text(purposes_consent=Ids.of([3, 4]), purpose_one_treatment=True)
    assert about(ADS, TCF, text) == set()
    text = tc_text(purposes_consent=Ids.of([4]), purpose_one_treatment=True)
    assert about(ADS, TCF, text) == {"refused"}


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_a_restriction_of_the_publisher_revokes_what_the_person_agreed_to(kind: int) -> None:
    restriction = Restriction(4, RestrictionType(kind), Ids.of([VENDOR]))
    assert about(ADS, TCF, tc_text(restrictions=(restriction,))) == {"revoked"}
    other = Restriction(4, RestrictionType(kind), Ids.of([VENDOR + 1]))
    assert about(ADS, TCF, tc_text(restrictions=(other,))) == {"given"}
    elsewhere = Restriction(2, RestrictionType(kind), Ids.of([VENDOR]))
    assert about(ADS, TCF, tc_text(restrictions=(elsewhere,))) == {"given"}


def test_a_restriction_to_consent_takes_nothing_from_consent() -> None:
    restriction = Restriction(4, RestrictionType.REQUIRE_CONSENT, Ids.of([VENDOR]))
    assert about(ADS, TCF, tc_text(restrictions=(restriction,))) == {"given"}


def test_legitimate_interest_is_no_yes_and_its_absence_no_no() -> None:
    every = Ids.of(range(1, 25))
    text = tc_text(
        purposes_consent=Ids(), purposes_legitimate_interest=every,
        vendor_legitimate_interests=Ids.of([VENDOR]),
    )  # fmt: skip
    assert about(ADS, TCF, text) == {"refused"}
    assert about(ADS, TCF, tc_text(purposes_legitimate_interest=every)) == {"given"}


@pytest.mark.parametrize(
    "changes",
    [
        {"policy_version": 3},
        {"is_service_specific": False},
        {"disclosed_vendors": None},
    ],
)
def test_an_invalid_string_gives_nothing_and_still_refuses(changes: dict[str, Any]) -> None:
    assert not tc(**changes).is_valid
    assert about(ADS, TCF, tc_text(**changes)) == set()
    assert about(ADS, TCF, tc_text(**changes, purposes_consent=Ids())) == {"refused"}


def test_two_purposes_with_vendors_of_their_own_are_told_apart() -> None:
    both = Ids.of([VENDOR, OTHER_VENDOR])
    text = tc_text(purposes_consent=Ids.of([1, 4]), vendor_consents=both, disclosed_vendors=both)
    assert about(HEALTH, TCF, text) == {"given"}
    assert about(ADS, TCF, text) == {"refused"}


def test_a_string_was_said_before_its_day_was_over() -> None:
    (said,) = said_by(TCF, tc_text(last_updated_ms=MIDNIGHT + 3_600_000), SPOKEN)
    assert said.no_later_ms == MIDNIGHT + DAY_MS - 1


def test_a_gpp_string_says_what_its_tc_string_says() -> None:
    nat = us_section("usnat", NOT_OPTED_OUT | {"SaleOptOut": 1})
    text = encode_gpp(Gpp(((2, tc()), (7, nat))))
    assert states(GPP, text)[ADS] == {("given", "tcf"), ("withdrawn", "gpp")}
    assert [s.state.is_objection for s in said_by(GPP, text, SPOKEN)] == sorted(
        (s.state.is_objection for s in said_by(GPP, text, SPOKEN)), reverse=True
    ), "noes first"
