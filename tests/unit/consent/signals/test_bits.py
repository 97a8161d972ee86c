"""Bits, ids and ranges at their edges."""

import pytest

from consent.errors import MalformedRecord
from consent.signals.bits import MAX_CHARS, BitReader, BitWriter, to_bits, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.fibonacci import read_fibonacci, write_fibonacci
from consent.signals.ids import MAX_ID, Ids
from consent.signals.vendor_sets import is_overlapping, is_unsorted, read_vendors


def test_the_refusal_has_a_code_of_its_own() -> None:
    assert issubclass(MalformedSignal, MalformedRecord)
    assert MalformedSignal.code == "malformed-signal"


@pytest.mark.parametrize(
    "text", ["", "A=", "A+", "A/", "A ", "A\n", "é", "Ａ", "A" * (MAX_CHARS + 1)]
)
def test_texts_that_are_no_bits(text: str) -> None:
    with pytest.raises(MalformedSignal):
        to_bits(text)


def test_the_alphabet_in_order() -> None:
    assert to_bits("AB-_") == "000000000001111110111111"
    assert to_text("1") == "g"
    assert to_text("1", 24) == "gAAA"
    with pytest.raises(MalformedSignal):
        to_text("0" * (6 * MAX_CHARS + 1))


def test_a_reader_stops_at_the_end() -> None:
    reader = BitReader("B")
    assert (reader.number(5), reader.flag(), reader.left) == (0, True, 0)
    reader.finish()
    with pytest.raises(MalformedSignal):
        reader.flag()


def test_a_reader_refuses_what_stands_behind_the_last_field() -> None:
    with pytest.raises(MalformedSignal, match="after the last field"):
        BitReader("AAB").finish()
    with pytest.raises(MalformedSignal, match="padding"):
        BitReader("AAAA").finish(23)
    BitReader("AAAA").finish(24)


@pytest.mark.parametrize(("value", "width"), [(8, 3), (-1, 3), (1 << 36, 36)])
def test_a_writer_refuses_numbers_that_do_not_fit(value: int, width: int) -> None:
    with pytest.raises(MalformedSignal):
        BitWriter().number(value, width)


@pytest.mark.parametrize("value", ["", "E", "en", "ENG", "E1", "ÄÖ", "EN\n"])
def test_a_writer_refuses_other_letters(value: str) -> None:
    with pytest.raises(MalformedSignal):
        BitWriter().letters(value)


def test_letters_stop_at_z() -> None:
    assert BitReader("AZ").letters() == "AZ"
    with pytest.raises(MalformedSignal):
        BitReader("Aa").letters()


@pytest.mark.parametrize(
    "runs",
    [
        ((0, 1),),
        ((2, 1),),
        ((1, MAX_ID + 1),),
        ((1, 2), (3, 4)),
        ((3, 4), (1, 1)),
        ((1, 3), (2, 5)),
    ],
)
def test_runs_that_are_no_set(runs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(MalformedSignal):
        Ids(runs)


def test_ids_outside_are_in_no_set() -> None:
    everything = Ids(((1, MAX_ID),))
    assert [i in everything for i in (-1, 0, 1, MAX_ID, MAX_ID + 1)] == [
        *(False, False, True, True, False)
    ]
    assert "1" not in everything
    assert len(everything) == MAX_ID
    assert not Ids()
    assert Ids() <= Ids()


def test_bit_fields_number_from_one() -> None:
    assert BitReader("oB").bitfield(12) == Ids(((1, 1), (3, 3), (12, 12)))
    writer = BitWriter()
    with pytest.raises(MalformedSignal):
        writer.bitfield(Ids.of([13]), 12)


def test_fibonacci_numbers_have_an_end() -> None:
    for text in ("A" * 100, "g" * 3, "kkkkkkkk"):
        with pytest.raises(MalformedSignal):
            read_fibonacci(BitReader(text))
    with pytest.raises(MalformedSignal, match="too large"):
        read_fibonacci(BitReader(to_text("0" * 21 + "1011")))
    for value in (0, MAX_ID + 1):
        with pytest.raises(MalformedSignal):
            write_fibonacci(BitWriter(), value)


def test_the_largest_fibonacci_number_that_is_an_id() -> None:
    writer = BitWriter()
    write_fibonacci(writer, MAX_ID)
    assert read_fibonacci(BitReader(to_text(writer.bits()))) == MAX_ID


def section(most: int, *entries: tuple[int, ...]) -> BitReader:
    bits = f"{most:016b}1{len(entries):012b}"
    for entry in entries:
        bits += str(len(entry) - 1) + "".join(f"{i:016b}" for i in entry)
    return BitReader(to_text(bits))


def test_ranges_of_vendors_are_joined_and_it_is_seen() -> None:
    ids, runs = read_vendors(section(50, (20, 30), (5,), (6,), (25, 50)))
    assert ids == Ids(((5, 6), (20, 50)))
    assert is_unsorted(runs)
    assert is_overlapping(runs)
    _, runs = read_vendors(section(9, (1,), (2, 4), (9,)))
    assert not is_unsorted(runs)
    assert not is_overlapping(runs)


@pytest.mark.parametrize("entries", [[(0,)], [(0, 4)], [(5, 4)], [(11,)], [(1, 11)]])
def test_ranges_of_vendors_that_are_refused(entries: list[tuple[int, ...]]) -> None:
    with pytest.raises(MalformedSignal):
        read_vendors(section(10, *entries))


@pytest.mark.parametrize("bits", [f"{20:016b}0" + "1" * 8, f"{9:016b}1{4095:012b}0{1:016b}"])
def test_sections_that_end_too_early(bits: str) -> None:
    with pytest.raises(MalformedSignal, match="ends inside a field"):
        read_vendors(BitReader(to_text(bits)))
