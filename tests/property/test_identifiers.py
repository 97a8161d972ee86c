"""The quick answers equal the library's, and normalising twice changes nothing."""

from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols import identifiers, phone_plan
from protocols.errors import InvalidParameter
from protocols.identifiers import (
    InvalidIdentifier,
    normalise_column,
    normalise_email,
    normalise_phone,
)
from tests.support.depth import examples

_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


def _result(normalise: Callable[[], str]) -> str | None:
    try:
        return normalise()
    except InvalidIdentifier:
        return None


_domains = st.one_of(
    st.sampled_from(
        [
            "example.com",
            "Mail.Example.ORG",
            "bücher.example",
            "xn--bcher-kva.example",
            "a.test",
            "localhost",
        ]
    ),
    st.from_regex(r"[A-Za-z0-9\-.]{1,30}", fullmatch=True),
    st.from_regex(r"([a-z0-9\-]{1,5}\.){1,3}(com|arpa|local|c0|x-y|example)", fullmatch=True),
    st.text(max_size=20),
)
_locals = st.one_of(
    st.from_regex(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,20}", fullmatch=True), st.text(max_size=12)
)
emails = st.one_of(
    st.builds("{}@{}".format, _locals, _domains),
    st.builds(" {}@{}\t".format, _locals, _domains),
    st.emails(),
    st.text(max_size=40),
)


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, str | None]:
    """Return a number as somebody may have typed it, and a region to read it in."""
    region = draw(st.sampled_from(_REGIONS))
    kind = draw(st.integers(0, 10))
    number = phonenumbers.example_number_for_type(region, kind)
    if number is None:
        number = phonenumbers.example_number(region)
    text = (
        ""
        if number is None
        else phonenumbers.format_number(number, draw(st.sampled_from(_FORMATS)))
    )
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        skip = draw(st.integers(0, 1))
        text = (
            text[:at] + draw(st.sampled_from("0123456789 -.()+x") | st.just("")) + text[at + skip :]
        )
    text = draw(st.sampled_from(["", "", "", "+", "0", "1", "8", "00", "011", " "])) + text
    return text, draw(st.sampled_from([region, region, None, draw(st.sampled_from(_REGIONS))]))


@given(emails)
@example("a@xn--a.com")
@example("a@" + "b" * 63 + ".com")
@example("a@" + "b" * 64 + ".com")
@example("a" * 242 + "@example.com")
@example("a" * 243 + "@example.com")
@example("a@b.c-")
@example("a@b.0c")
@example("a@b.c0")
@example("a@\x1fb.com")
@settings(max_examples=examples(375))
def test_the_quick_answer_for_addresses_is_the_librarys(text: str) -> None:
    quick = identifiers._plain_email(text)
    if quick is not None:
        assert quick == identifiers._any_email(text)


@given(emails, st.booleans())
@example("a.b+c@googlemail.com", True)
@settings(max_examples=examples(375))
def test_addresses_are_idempotent_and_ascii(text: str, fold: bool) -> None:
    once = _result(lambda: normalise_email(text, fold_gmail=fold))
    if once is not None:
        assert once.isascii()
        assert normalise_email(once, fold_gmail=fold) == once
        assert identifiers._any_email(once) == (once if not fold else identifiers._any_email(once))


@given(phones())
@settings(max_examples=examples(625))
def test_the_quick_answer_for_numbers_is_the_librarys(case: tuple[str, str | None]) -> None:
    text, region = case
    quick = phone_plan.e164(text.strip(), region)
    if quick is not None:
        assert quick == _result(lambda: identifiers._any_phone(text, region))


@given(phones(), st.sampled_from(_REGIONS))
@settings(max_examples=examples(375))
def test_numbers_are_idempotent_in_every_region(case: tuple[str, str | None], other: str) -> None:
    once = _result(lambda: normalise_phone(*case))
    if once is not None:
        assert normalise_phone(once, None) == once
        assert normalise_phone(once, other) == once


@pytest.mark.parametrize("region", _REGIONS)
def test_examples_of_every_region_and_type_agree(region: str) -> None:
    for kind in range(11):
        number = phonenumbers.example_number_for_type(region, kind)
        for style in _FORMATS if number is not None else ():
            text = phonenumbers.format_number(number, style)
            answer = phone_plan.e164(text, region)
            assert answer in (None, _result(lambda t=text: identifiers._any_phone(t, region)))


@pytest.mark.parametrize(
    "region", ["US", "GB", "DE", "FR", "ES", "NL", "SE", "CN", "IN", "JP", "AU"]
)
def test_mobile_numbers_of_large_markets_take_the_quick_way(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for style in _FORMATS:
        assert phone_plan.e164(phonenumbers.format_number(number, style), region) == expected


@given(st.lists(st.none() | emails, max_size=8))
def test_a_column_is_its_values_one_by_one(values: list[str | None]) -> None:
    column = normalise_column("email", values)
    expected = [None if v is None else _result(lambda v=v: normalise_email(v)) for v in values]
    assert column.values == expected
    assert column.refused + column.missing == expected.count(None)


@given(st.text(max_size=60), st.text(max_size=3))
def test_any_text_is_normalised_or_refused(text: str, region: str) -> None:
    _result(lambda: normalise_email(text))
    _result(lambda: normalise_phone(text, None))
    try:
        _result(lambda: normalise_phone(text, region))
    except InvalidParameter:
        assert region not in phonenumbers.SUPPORTED_REGIONS
