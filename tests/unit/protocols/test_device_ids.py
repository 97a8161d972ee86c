"""One spelling for each device: what is folded together, what is none."""

import pytest

from protocols.device_ids import DEVICE_KINDS, check_digit, device_id
from protocols.errors import InvalidParameter
from protocols.identifiers import (
    InvalidIdentifier,
    digest,
    normalise_column,
    normalise_device,
)

UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("idfa", UUID, UUID.upper()),
        ("idfa", UUID.upper(), UUID.upper()),
        ("idfa", UUID.replace("-", ""), UUID.upper()),
        ("gaid", UUID.upper(), UUID),
        ("gaid", f" {UUID}\u200b\r\n", UUID),
        ("oaid", UUID.upper(), UUID),
        ("oaid", UUID.upper().replace("-", ""), UUID),
        ("oaid", "0123456789ABCDEF", "0123456789abcdef"),
        ("oaid", "A" * 64, "a" * 64),
        ("imei", "490154203237518", "490154203237518"),
        ("imei", "49-015420-323751-8", "490154203237518"),
        ("imei", "49 015420 323751 8", "490154203237518"),
        ("imei", "35/209900/176148/1", "352099001761481"),
    ],
)
def test_spellings_of_one_device_are_one(kind, text, expected):
    assert normalise_device(kind, text) == expected
    assert normalise_device(kind, expected) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, "00000000-0000-0000-0000-000000000000") for kind in ("idfa", "gaid", "oaid")),
        *((kind, "0" * 32) for kind in ("idfa", "gaid", "oaid")),
        ("oaid", "0" * 16),
        ("oaid", "0" * 64),
        ("imei", "0" * 15),
    ],
)
def test_an_id_of_zeros_alone_is_none(kind, text):
    """Who has turned tracking off has this one, as millions of others do."""
    with pytest.raises(InvalidIdentifier):
        normalise_device(kind, text)


@pytest.mark.parametrize(
    "text", ["490154203237517", "490154203237581", "490154203273518", "490154203237519"]
)
def test_an_imei_with_a_wrong_check_digit_or_swapped_digits_is_none(text):
    assert device_id("imei", text) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("imei", "49015420323751"),  # no check digit, or a zero was taken away in front
        ("imei", "4901542032375101"),  # with a software version
        ("imei", "4.90154E+14"),
        ("imei", "490154203237518.0"),
        ("imei", "49--015420-323751-8"),
        ("imei", "\u0664\u0669\u0660154203237518"),
        ("idfa", "6d92078a8246-4ba4-ae5b-76104861e7dc"),
        ("idfa", UUID[:-1]),
        ("idfa", UUID + "0"),
        ("idfa", "g" + UUID[1:]),
        ("idfa", "0123456789abcdef"),
        ("gaid", "a" * 64),
        ("gaid", "{" + UUID + "}"),
        ("oaid", "a" * 15),
        ("oaid", "a" * 40),
        ("oaid", "a" * 65),
        ("gaid", UUID + "\n" + UUID),
        ("gaid", ""),
    ],
)
def test_what_would_be_a_guess_is_none(kind, text):
    assert device_id(kind, text) is None


def test_the_check_digit_finds_every_single_wrong_digit():
    good = "49015420323751"
    for place in range(14):
        for digit in set("0123456789") - {good[place]}:
            wrong = good[:place] + digit + good[place + 1 :]
            assert check_digit(wrong) != check_digit(good)


def test_no_message_repeats_a_device():
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_device("imei", "490154203237517")
    assert "4901" not in str(refused.value)
    with pytest.raises(InvalidParameter):
        normalise_device("email", UUID)


def test_a_column_counts_what_it_refuses():
    found = normalise_column("idfa", [UUID, None, "  ", "x", "0" * 32, UUID.upper()])
    assert (found.values, found.refused, found.missing) == (
        [UUID.upper(), None, None, None, None, UUID.upper()],
        2,
        2,
    )


def test_the_same_text_is_another_item_under_another_type():
    assert len({digest(kind, UUID) for kind in DEVICE_KINDS}) == len(DEVICE_KINDS)
