import enum
from dataclasses import dataclass
from typing import ClassVar

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import MAX_RECORD_BYTES, Record, decode, encode
from protocols.errors import LocalError, MalformedMessage, ProtocolError


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Inner(Record):
    KIND: ClassVar[str] = "inner/1"
    number: int


@dataclass(frozen=True, slots=True)
class Other(Record):
    KIND: ClassVar[str] = "other/1"
    text: str


@dataclass(frozen=True, slots=True)
class Everything(Record):
    KIND: ClassVar[str] = "everything/1"
    number: int
    flag: bool
    text: str
    data: bytes
    colour: Colour
    inner: Inner
    either: Inner | Other
    maybe: int | None
    many: tuple[Inner, ...]
    names: tuple[str, ...]


numbers = st.integers(min_value=-(2**63), max_value=2**64 - 1)
inners = st.builds(Inner, numbers)
texts = st.text(max_size=20)
everythings = st.builds(
    Everything,
    numbers,
    st.booleans(),
    texts,
    st.binary(max_size=20),
    st.sampled_from(Colour),
    inners,
    st.one_of(inners, st.builds(Other, texts)),
    st.none() | numbers,
    st.lists(inners, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
)

EXAMPLE = Everything(1, True, "a", b"b", Colour.RED, Inner(2), Other("c"), None, (Inner(3),), ())


def test_the_encoding_is_an_array_of_kind_and_fields():
    # 82 array of two; 67 text of seven; 05 five.
    assert encode(Inner(5)).hex() == "8267696e6e65722f3105"


@given(everythings)
def test_decoding_gives_back_what_was_encoded(record):
    assert decode(Everything, encode(record)) == record


@given(st.binary(max_size=64))
def test_any_bytes_decode_to_what_encodes_to_them_or_are_refused(data):
    try:
        record = decode((Inner, Other), data)
    except MalformedMessage:
        return
    assert encode(record) == data


@given(everythings, st.data())
def test_a_changed_byte_gives_another_record_or_is_refused(record, data):
    encoded = bytearray(encode(record))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(Everything, bytes(encoded))
    except MalformedMessage:
        return
    assert changed != record


@given(st.binary(max_size=24), st.sampled_from([2, 3, 4, 5, 28, 29, 30, 35, 36, 37, 43, 258, 260]))
def test_tagged_values_never_get_through(data, tag):
    head = bytes([0xD9]) + tag.to_bytes(2, "big")
    with pytest.raises(MalformedMessage):
        decode((Inner, Other, Everything), head + data)
    with pytest.raises(MalformedMessage):
        decode(Other, b"\x82\x67other/1" + head + data)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("longer integer than needed", "8267696e6e65722f311805"),
        ("indefinite length", "9f67696e6e65722f3105ff"),
        ("bytes after the end", "8267696e6e65722f310500"),
        ("cut short", "8267696e6e65722f31"),
        ("no fields", "8167696e6e65722f31"),
        ("a field too many", "8367696e6e65722f310505"),
        ("a float", "8267696e6e65722f31f94500"),
        ("a bool for a number", "8267696e6e65722f31f5"),
        ("a number above 64 bits", "8267696e6e65722f31c249010000000000000000"),
        ("a number as bignum", "8267696e6e65722f31c24105"),
        ("another kind", "8267696e6e65722f3205"),
        ("a map", "a167696e6e65722f3105"),
        ("nothing", ""),
    ],
)
def test_other_encodings_are_refused(name, encoded):
    with pytest.raises(MalformedMessage):
        decode(Inner, bytes.fromhex(encoded))


def test_a_record_nested_too_deeply_is_refused():
    with pytest.raises(MalformedMessage):
        decode(Inner, b"\x81" * 100_000 + b"\x01")


def test_a_record_above_the_size_limit_is_refused():
    with pytest.raises(MalformedMessage):
        decode(Other, bytes(MAX_RECORD_BYTES + 1))


def test_an_unknown_member_of_an_enumeration_is_refused():
    plain = cbor2.loads(encode(EXAMPLE))
    plain[5] = "green"
    with pytest.raises(MalformedMessage):
        decode(Everything, cbor2.dumps(plain, canonical=True))


@pytest.mark.parametrize(
    "record",
    [Inner("x"), Inner(2**64), Inner(True), Inner(1.0), Other(None), Other(b"x")],  # type: ignore[arg-type]
)
def test_a_value_that_does_not_fit_its_field_is_not_encoded(record):
    with pytest.raises(LocalError):
        encode(record)


def test_the_kind_decides_which_record_is_read():
    assert decode((Inner, Other), encode(Other("x"))) == Other("x")
    with pytest.raises(ProtocolError):
        decode(Inner, encode(Other("x")))
