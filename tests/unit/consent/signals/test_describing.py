"""What a signal says, field by field, and no longer than its text."""

import json

import pytest

from consent.signals.describing import describe, kind_of_text
from consent.signals.errors import MalformedSignal
from consent.signals.gpp import Gpp, OpaqueSection, encode_gpp
from consent.signals.ids import Ids
from consent.signals.publisher import PublisherTc, Restriction, RestrictionType
from consent.signals.us_section import us_section
from tests.support.signals import NOT_OPTED_OUT, tc, tc_text


def test_every_kind_of_section_is_described() -> None:
    state = us_section("usin", NOT_OPTED_IN | {"SensitiveDataProcessing": [2] * 8})
    text = encode_gpp(
        Gpp(((2, tc()), (6, OpaqueSection("1YNN")), (25, state), (99, OpaqueSection("x"))))
    )
    found = describe(text)
    sections = found["sections"]
    assert isinstance(sections, list)
    names = [(s["id"], s["name"]) for s in sections]  # type: ignore[index,call-overload]
    assert names == [(2, "tcfeuv2"), (6, "uspv1"), (25, "usin"), (99, "unknown")]
    tcf, usp, indiana, unknown = sections
    assert tcf["valid"] is True  # type: ignore[index,call-overload]
    assert usp["not_read"] == "1YNN"  # type: ignore[index,call-overload]
    assert indiana["SensitiveDataProcessing"] == [2] * 8  # type: ignore[index,call-overload]
    assert "Gpc" not in indiana  # type: ignore[operator]
    assert unknown["not_read"] == "x"  # type: ignore[index,call-overload]
    json.dumps(found)


NOT_OPTED_IN = {k: v for k, v in NOT_OPTED_OUT.items() if "Sharing" not in k}


def test_a_tc_string_is_described_with_what_is_odd_about_it() -> None:
    restriction = Restriction(4, RestrictionType.REQUIRE_CONSENT, Ids.of([7]))
    text = tc_text(
        policy_version=3, restrictions=(restriction,), disclosed_vendors=None,
        publisher=PublisherTc(purposes_consent=Ids.of([1])),
    )  # fmt: skip
    found = describe(text)
    assert found["valid"] is False
    assert found["issues"] == ["policy-too-old", "disclosed-vendors-missing"]
    assert found["restrictions"] == [{"purpose": 4, "type": "require-consent", "vendors": "7"}]
    assert found["publisher_purposes_consent"] == "1"
    assert "disclosed_vendors" not in found


def test_a_string_that_names_every_vendor_is_described_in_a_few_characters() -> None:
    everybody = Ids.joined([(1, 65_535)])
    text = tc_text(vendor_consents=everybody, disclosed_vendors=everybody)
    assert describe(text)["vendor_consents"] == "1-65535"
    assert len(json.dumps(describe(text))) < 1_500


@pytest.mark.parametrize(
    ("text", "kind"), [("1", "gpc"), ("DBAA", "gpp"), ("CAAA", "tcf"), ("", "tcf"), ("x", "tcf")]
)
def test_a_kind_is_known_by_how_a_text_begins(text: str, kind: str) -> None:
    assert kind_of_text(text).value == kind


@pytest.mark.parametrize("text", ["", "x", "CAAA", "D", "DBAA~", "11"])
def test_what_is_no_signal_is_not_described(text: str) -> None:
    with pytest.raises(MalformedSignal):
        describe(text)
