"""One spelling for each person: what is folded together, what is refused, what is counted."""

import hashlib

import numpy as np
import pytest

from protocols import identifiers
from protocols.errors import InvalidParameter, LocalError
from protocols.identifiers import (
    InvalidIdentifier,
    digest,
    digest_column,
    normalise_column,
    normalise_email,
    normalise_phone,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("USER@example.com", "user@example.com"),
        ("  user@Example.COM\t\n", "user@example.com"),
        ("\ufeffuser@example.com\u200b", "user@example.com"),
        ("\xa0user@example.com\u3000", "user@example.com"),
        ("ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ", "user@example.com"),
        ("user@bücher.example", "user@xn--bcher-kva.example"),
        ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
        ("user@bu\u0308cher.example", "user@xn--bcher-kva.example"),
        ("user@XN--BCHER-KVA.example", "user@xn--bcher-kva.example"),
        ("user@例え。example", "user@xn--r8jz45g.example"),
        ("JaneSaoirse+Work@example.com", "janesaoirse+work@example.com"),
        ("Jane.Saoirse@gmail.com", "jane.saoirse@gmail.com"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("a@b.co", "a@b.co"),
        (f"{'a' * 64}@{'b' * 63}.example", f"{'a' * 64}@{'b' * 63}.example"),
    ],
)
def test_spellings_of_one_address_become_one(text: str, expected: str) -> None:
    assert normalise_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "user",
        "@example.com",
        "user@",
        "user@@example.com",
        "user@localhost",
        "user@nowhere.test",
        "user@example.invalid",
        "user@10.0.0.1",
        "user@[10.0.0.1]",
        "user@-example.com",
        "user@example-.com",
        "user@ab--cd.com",
        "user@xn--zzzzzz99999.com",
        "user@exa mple.com",
        "us er@example.com",
        "user@example..com",
        ".user@example.com",
        "user.@example.com",
        '"user"@example.com',
        "User <user@example.com>",
        "jörg@example.com",
        "user@example.com\x00",
        "user\ud800@example.com",
        "user@" + "a" * 64 + ".com",
        "a" * 250 + "@example.com",
        "a" * 100_000,
    ],
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        normalise_email(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("JaneSaoirse+Work@gmail.com", "janesaoirse@gmail.com"),
        ("JANE.SAOIRSE@googlemail.com", "janesaoirse@gmail.com"),
        ("Jane.Saoirse+x@example.com", "jane.saoirse+x@example.com"),
    ],
)
def test_provider_folding_is_an_option(text: str, expected: str) -> None:
    assert normalise_email(text, fold_gmail=True) == expected


def test_folding_that_leaves_nothing_is_refused() -> None:
    assert normalise_email("+tag@gmail.com") == "+tag@gmail.com"
    with pytest.raises(InvalidIdentifier):
        normalise_email("+tag@gmail.com", fold_gmail=True)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("1 800 555 0100", "US", "+18005550100"),
        ("+44-113-496-0987", None, "+441134960987"),
        ("(020) 7946 0018", "GB", "+442079460018"),
        ("020.7946.0018", "GB", "+442079460018"),
        ("0044 20 7946 0018", "GB", "+442079460018"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("+44 (0)20 7946 0018", "US", "+442079460018"),
        (" +1 (202) 555-0143 ", "GB", "+12025550143"),
        ("＋１ ２０２ ５５５ ０１４３", "GB", "+12025550143"),
        ("tel:+1-202-555-0143", "GB", "+12025550143"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("8 (800) 555-35-35", "RU", "+78005553535"),
        ("13800138000", "CN", "+8613800138000"),
    ],
)
def test_spellings_of_one_number_become_one(text: str, region: str | None, expected: str) -> None:
    assert normalise_phone(text, region) == expected


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", "GB"),
        ("n/a", "GB"),
        ("12345", "GB"),
        ("020 7946 0018", None),
        ("+999 123 456 789", "GB"),
        ("+1 202 555 01", "GB"),
        ("+1 202 555 0143 ext. 7", "US"),
        ("0" * 300, "GB"),
        ("1" * 100_000, "GB"),
        ("\ud800", "GB"),
    ],
)
def test_what_is_not_a_number_is_refused(text: str, region: str | None) -> None:
    with pytest.raises(InvalidIdentifier):
        normalise_phone(text, region)


@pytest.mark.parametrize("region", ["gb", "UK", "", "001"])
def test_an_unknown_region_is_a_mistake_of_the_caller(region: str) -> None:
    with pytest.raises(InvalidParameter):
        normalise_phone("+12025550143", region)
    with pytest.raises(InvalidParameter):
        normalise_column("phone", [], region)


def test_no_message_repeats_the_value() -> None:
    for normalise in (normalise_email, lambda text: normalise_phone(text, "GB")):
        with pytest.raises(InvalidIdentifier) as caught:
            normalise("hunter2 §")
        error: BaseException | None = caught.value
        assert error is not None
        assert "hunter2" not in str(error)
        assert error.__cause__ is None
        assert error.__context__ is None


def test_the_error_is_ours_and_has_a_code() -> None:
    assert issubclass(InvalidIdentifier, LocalError)
    assert InvalidIdentifier.code == "invalid-identifier"


def test_a_column_keeps_its_order_and_counts_what_fell_out() -> None:
    column = normalise_column(
        "email", ["A@example.com", None, "nobody", " ", "b@example.com", "nobody"]
    )
    assert column.values == ["a@example.com", None, None, None, "b@example.com", None]
    assert (column.refused, column.missing) == (2, 2)
    assert "a@example.com" not in repr(column)


def test_a_column_passes_options_on() -> None:
    assert normalise_column("phone", ["020 7946 0018"], "GB").values == ["+442079460018"]
    assert normalise_column("email", ["a.b@gmail.com"], fold_gmail=True).values == ["ab@gmail.com"]


def test_digests_name_their_kind() -> None:
    expected = hashlib.sha256(b"accord/identifier/1\x00email\x00user@example.com").digest()
    assert digest("email", "user@example.com") == expected
    assert digest("phone", "user@example.com") != expected


def test_a_column_of_digests_is_the_digests() -> None:
    values = ["user@example.com", "other@example.com"]
    matrix = digest_column("email", values)
    assert matrix.dtype == np.uint8
    assert matrix.shape == (2, 32)
    assert [bytes(row) for row in matrix] == [digest("email", v) for v in values]
    assert digest_column("phone", []).shape == (0, 32)


def test_unknown_kinds_are_refused() -> None:
    for call in (
        lambda: digest("name", "x"),
        lambda: digest_column("name", []),
        lambda: normalise_column("", []),
    ):
        with pytest.raises(InvalidParameter):
            call()
    assert identifiers.PERSON_KINDS == ("email", "phone")
    assert identifiers.KINDS == ("email", "phone", "idfa", "gaid", "oaid", "imei")
