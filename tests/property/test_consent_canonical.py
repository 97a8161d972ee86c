"""The fast encoder makes exactly the bytes of RFC 8785, and reading is the inverse of writing."""

import json
import unicodedata
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consent.canonical import canonical_bytes, check_domain, parse_canonical
from consent.errors import MalformedRecord

ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
normal_text = st.text(st.characters(exclude_categories=["Cs"])).map(
    lambda s: unicodedata.normalize("NFC", s)
)
awkward = st.sampled_from(["\u2028", "\x7f", "\x1f", '"\\/\b\f\n\r\t', "\U0001f600", "\ufeff", "é"])
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | normal_text | awkward
domain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=20,
)


@given(domain)
def test_fast_bytes_are_those_of_the_reference(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(domain)
def test_what_was_written_can_be_read(value: Any) -> None:
    assert parse_canonical(canonical_bytes(value)) == value


@given(domain, st.integers(0, 3))
def test_every_other_spelling_is_refused(value: Any, indent: int) -> None:
    other = json.dumps(value, indent=indent).encode()
    if other != canonical_bytes(value):
        with pytest.raises(MalformedRecord):
            parse_canonical(other)


@given(st.text())
def test_strings_outside_normal_form_c_are_refused(text: str) -> None:
    try:
        check_domain(text)
    except MalformedRecord:
        assert unicodedata.normalize("NFC", text) != text
    else:
        assert unicodedata.normalize("NFC", text) == text


@given(st.floats() | st.integers(min_value=2**53) | st.integers(max_value=-(2**53)) | st.binary())
def test_values_outside_the_domain_are_refused(value: Any) -> None:
    for wrapped in (value, [value], {"a": value}):
        with pytest.raises(MalformedRecord):
            canonical_bytes(wrapped)
