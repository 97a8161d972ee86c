"""Strings that say what a ledger permits: each field by itself, and whole strings."""

from typing import Any

import pytest

from consent.purpose import Purpose, SignalTerms
from consent.signals.errors import MalformedSignal
from consent.signals.gpp import encode_gpp
from consent.signals.ids import Ids
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.telling import Answer, Issuer, answers_of, gpp_of, tc_string_of
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation
from tests.support.consents import HOUR, NOON, event
from tests.support.signals import ADS, EMAIL, HEALTH, MIDNIGHT, SPOKEN, placed

YES, NO, NEITHER = Answer.PERMITTED, Answer.OBJECTED, Answer.NOT_PERMITTED
ISSUER = Issuer(cmp_id=31, language="EN", vendor_list_version=120, publisher_country="DE")


def policy(*terms: SignalTerms) -> Vocabulary:
    return Vocabulary(
        purposes=tuple(
            Purpose(purpose_id=f"p{n}", title="x", operations=(Operation.PSI,), signals=one)
            for n, one in enumerate(terms)
        )
    )


def bits(answers: list[Answer], *terms: SignalTerms) -> tuple[list[int], list[int], list[int]]:
    """Return TCF purposes, vendors and disclosed vendors of what is told."""
    named = {f"p{n}": answer for n, answer in enumerate(answers)}
    tc = tc_string_of(named, policy(*terms), ISSUER, NOON)
    assert tc.disclosed_vendors is not None
    return list(tc.purposes_consent), list(tc.vendor_consents), list(tc.disclosed_vendors)


def test_answers_come_from_all_that_was_said() -> None:
    entries = placed(
        event(at=NOON - HOUR, purpose=ADS, recipient="self"),
        event(at=NOON - HOUR, purpose=HEALTH, recipient="self", state=EventState.WITHDRAWN),
    )
    found = answers_of(entries, SPOKEN, "self", NOON)
    assert found == {ADS: YES, "score": NEITHER, EMAIL: NEITHER, "stats": NEITHER, HEALTH: NO}
    assert answers_of(entries, SPOKEN, "shop", NOON)[ADS] is NEITHER
    assert answers_of(entries, SPOKEN, "shop", NOON)[HEALTH] is NO


def test_what_is_permitted_has_its_purposes_and_its_vendor() -> None:
    a = SignalTerms(tcf=(1, 3), tcf_vendor=7)
    assert bits([YES], a) == ([1, 3], [7], [7])
    assert bits([NO], a) == ([], [], [7])
    assert bits([NEITHER], a) == ([], [], [])


def test_where_two_cannot_be_told_apart_the_one_that_is_not_permitted_counts() -> None:
    a, b = SignalTerms(tcf=(1, 3), tcf_vendor=7), SignalTerms(tcf=(1,), tcf_vendor=9)
    assert bits([YES, YES], a, b) == ([1, 3], [7, 9], [7, 9])
    assert bits([YES, NEITHER], a, b) == ([3], [], [7])
    assert bits([NEITHER, YES], a, b) == ([1], [9], [9])
    c = SignalTerms(tcf=(2,), tcf_vendor=9)
    assert bits([YES, NO], a, c) == ([1, 3], [7], [7, 9])


@pytest.mark.parametrize(
    ("answers", "value", "notice"),
    [([YES], 2, 1), ([NO], 1, 1), ([NEITHER], 0, 0), ([YES, YES], 2, 1), ([YES, NO], 1, 1),
     ([YES, NEITHER], 0, 0), ([NO, NEITHER], 1, 1)],
)  # fmt: skip
def test_a_us_field_says_what_holds_for_every_purpose_that_names_it(
    answers: list[Answer], value: int, notice: int
) -> None:
    terms = [SignalTerms(gpp=("SaleOptOut",))] * len(answers)
    named = {f"p{n}": answer for n, answer in enumerate(answers)}
    for section in gpp_of(named, policy(*terms), "US-CA").us_sections:
        assert section.numbers("SaleOptOut") == (value,)
        assert section.numbers("SaleOptOutNotice") == (notice,)
        assert section.numbers("SharingOptOut") in ((0,), None)
        assert section.gpc is None


@pytest.mark.parametrize(
    ("place", "prefixes"),
    [("US-CA", ["usnat", "usca"]), ("US-RI", ["usnat", "usri"]), ("US-WY", ["usnat"]),
     ("US", ["usnat"]), ("DE", ["usnat"]), ("CA", ["usnat"]), ("", ["usnat"]),
     ("US-NAT", ["usnat"])],
)  # fmt: skip
def test_the_section_of_the_state_is_there_if_there_is_one(place: str, prefixes: list[str]) -> None:
    found = gpp_of({}, policy(), place).us_sections
    assert [section.layout.prefix for section in found] == prefixes


def test_whole_strings() -> None:
    terms = SignalTerms(gpp=("SaleOptOut",), tcf=(1, 3), tcf_vendor=7)
    gpp = encode_gpp(gpp_of({"p0": NO}, policy(terms), "US-CA"))
    assert gpp == "DBABrw~CEAQAAAAAACA~BQQAAACA"
    tcf = encode_tc_string(tc_string_of({"p0": YES}, policy(terms), ISSUER, NOON))
    read = parse_tc_string(tcf)
    assert (read.created_ms, read.last_updated_ms) == (MIDNIGHT, MIDNIGHT)
    assert (read.issues, read.policy_version, read.restrictions) == ((), 5, ())
    assert read.purposes_legitimate_interest == Ids()


@pytest.mark.parametrize("changes", [{"cmp_id": 4096}, {"language": "e1"}, {"policy_version": 64}])
def test_what_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    values = {"cmp_id": 1, "language": "EN", "vendor_list_version": 1, "publisher_country": "DE"}
    issuer = Issuer(**values | changes)
    with pytest.raises(MalformedSignal):
        encode_tc_string(tc_string_of({}, policy(), issuer, NOON))
