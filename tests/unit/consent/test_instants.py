"""Instants as text: one spelling, both ways."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.errors import MalformedRecord
from consent.instants import MAX_MS, from_text, to_text


@given(st.integers(0, MAX_MS))
def test_an_instant_is_read_as_it_was_written(ms: int) -> None:
    text = to_text(ms)
    assert from_text(text) == ms
    whole, milli = divmod(ms, 1000)
    expected = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert text == f"{expected.rjust(19, '0')}.{milli:03}Z"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "1969-12-31T23:59:59.999Z",
        "2027-02-29T00:00:00.000Z",
        "2027-01-01T24:00:00.000Z",
        "2027-01-01T23:59:60.000Z",
        "2027-01-01T00:00:00Z",
        "2027-01-01T00:00:00.000+00:00",
        "2027-01-01 00:00:00.000Z",
        "2027-01-01T00:00:00.000Z\n",
        "2027-01-01T00:00:00.0000Z",
        "٢٠٢٧-01-01T00:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
    ],
)
def test_every_other_text_is_refused(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        from_text(bad)


@pytest.mark.parametrize("bad", [-1, MAX_MS + 1, 1.0, True, None])
def test_instants_out_of_range_have_no_text(bad: object) -> None:
    with pytest.raises(MalformedRecord):
        to_text(bad)  # type: ignore[arg-type]
