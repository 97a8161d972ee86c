"""Signals come from strangers: for any text a parser returns or refuses, with work in proportion.

Work is counted and not timed: every line that runs inside the package is one unit.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.signals.bits import MAX_CHARS, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.gpc import Support, encode_support, is_set, parse_support
from consent.signals.gpp import encode_gpp, parse_gpp, parse_header
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.us_section import encode_us_section, parse_us_section
from tests.support.depth import examples

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "signals.json").read_text(encoding="utf-8")
)
SEEDS = [v["text"] for group in ("tcf", "tcf_refused", "us", "gpp") for v in VECTORS[group]]

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A text that is nearly a signal: cut, doubled, with characters changed or put in."""
    text: str = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["insert", "change", "cut", "drop", "double"])):
            case "insert":
                text = text[:at] + draw(st.text(ALPHABET + ".~=+/ \x00é", max_size=4)) + text[at:]
            case "change":
                text = text[:at] + draw(st.sampled_from(ALPHABET)) + text[at + 1 :]
            case "cut":
                text = text[:at]
            case "drop":
                text = text[:at] + text[at + draw(st.integers(1, 30)) :]
            case _:
                text += text[at:]
    return text


anything = st.text(max_size=80) | st.text(ALPHABET + ".~", max_size=200) | spoiled()


def read_and_written(parse: Callable[[str], Any], encode: Callable[[Any], str], text: str) -> None:
    """What is accepted has one written form, which reads as the same; all else is refused."""
    try:
        value = parse(text)
    except MalformedSignal:
        return
    if value is not None:
        written = encode(value)
        assert parse(written) == value
        assert encode(parse(written)) == written
        assert value.raw == text


@settings(max_examples=examples(150))
@given(anything)
def test_tc_strings_are_read_or_refused(text: str) -> None:
    read_and_written(parse_tc_string, encode_tc_string, text)


@settings(max_examples=examples(150))
@given(anything)
def test_gpp_strings_are_read_or_refused(text: str) -> None:
    read_and_written(parse_gpp, encode_gpp, text)


@settings(max_examples=examples(75))
@given(st.integers(0, 30), anything)
def test_us_sections_are_read_or_refused(section_id: int, text: str) -> None:
    read_and_written(lambda t: parse_us_section(section_id, t), encode_us_section, text)


@settings(max_examples=examples(75))
@given(anything)
def test_what_a_string_permits_is_answered(text: str) -> None:
    try:
        tc = parse_tc_string(text)
    except MalformedSignal:
        return
    answers = [
        tc.permits(purpose, vendor) for purpose in (0, 1, 4, 25) for vendor in (0, 1, 70_000)
    ]
    assert not any(answers) or tc.is_valid


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["gpc", "lastUpdate", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=80) | json_like.map(lambda v: json.dumps(v).encode()))
def test_a_gpc_json_is_answered(body: bytes) -> None:
    found = parse_support(body)
    if found.support is not Support.UNKNOWN and found.last_update is not None:
        assert parse_support(encode_support(found)) == found


@given(st.lists(st.tuples(st.text() | st.binary(), st.text() | st.binary()), max_size=5))
def test_any_headers_are_answered(headers: list[tuple[str | bytes, str | bytes]]) -> None:
    assert is_set(headers) is is_set(list(reversed(headers)))


def lines_run(call: Callable[[], object]) -> int:
    """Return how many lines of the package a call runs, refused or not."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if "signals" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except MalformedSignal:
        pass
    finally:
        sys.settrace(before)
    return count


def core(vendors: str, restrictions: str) -> str:
    """Return the text of a core segment with these bits for vendors and restrictions."""
    head = f"{2:06b}" + "0" * 132 + "1" + "0" * 74
    return to_text(head + vendors + f"{0:016b}0" + restrictions, 24)


EVERYTHING = f"1{1:016b}{65535:016b}"
NO_VENDORS, NO_RESTRICTIONS = f"{0:016b}0", f"{0:012b}"
FULL_RESTRICTION = f"{2:06b}01{4095:012b}" + EVERYTHING * 4095
ODD = "".join(f"0{i:016b}" for i in range(1, 8190, 2))
BOMBS = {
    "a short text that names every vendor 4095 times": core(
        f"{65535:016b}1{4095:012b}" + EVERYTHING * 4095, NO_RESTRICTIONS
    ),
    "restrictions that name every vendor": core(NO_VENDORS, f"{2:012b}" + FULL_RESTRICTION * 2),
    "many restrictions of one vendor": core(
        NO_VENDORS,
        f"{4095:012b}"
        + "".join(f"{i % 63 + 1:06b}{i % 4:02b}{1:012b}0{i:016b}" for i in range(1, 4096)),
    ),
    "a bit field that alternates": core(f"{65535:016b}0" + "10" * 32767 + "1", NO_RESTRICTIONS),
    "ranges that alternate": core(f"{65535:016b}1{4095:012b}{ODD}", NO_RESTRICTIONS),
    "entries that are promised and not there": core(f"{65535:016b}1{4095:012b}", ""),
    "a bit field that is not there": core(f"{65535:016b}0", ""),
    "zeros": "C" + "A" * (MAX_CHARS - 1),
    "ones": "C" + "_" * (MAX_CHARS - 1),
    "dots": "." * 300_000,
    "segments": "CAAA" + ".IAAA" * 50_000,
    "too long": "C" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_work_and_memory_for_a_tc_string_are_bounded(name: str) -> None:
    text = BOMBS[name]
    read_and_written(parse_tc_string, encode_tc_string, text)
    tracemalloc.start()
    try:
        lines = lines_run(lambda: parse_tc_string(text))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines < 40 * len(text) + 500
    assert peak < 24_000_000


GPP_BOMBS = {
    "tildes": "~" * 1_000_000,
    "a header of every id": to_text(f"{3:06b}{1:06b}{1:012b}1" + "11" + "01" * 11 + "1", 8),
    "a header that promises 4095 items": "DB__" + "A" * 60_000,
    "a header of ones": "DB" + "_" * 60_000,
    "a number without an end": "DBAB" + "A" * 60_000,
    "a number of alternating bits": "DBAB" + "q" * 60_000,
    "a section of a megabyte": "DBABTA~" + "x" * 1_000_000,
    "a national section of 60 000 characters": "DBABLA~B" + "A" * 60_000,
    "sections without end": "DBAA" + "~1YNN" * 100_000,
}


@pytest.mark.parametrize("name", GPP_BOMBS)
def test_work_for_a_gpp_string_is_bounded(name: str) -> None:
    text = GPP_BOMBS[name]
    with pytest.raises(MalformedSignal) as refused:
        parse_gpp(text)
    assert len(str(refused.value)) < 100
    assert lines_run(lambda: parse_gpp(text)) < 40 * len(text) + 500


def test_a_header_may_name_more_ids_than_it_has_bits_and_costs_no_more() -> None:
    text = GPP_BOMBS["a header of every id"]
    assert len(text) < 12
    assert len(parse_header(text)) > 10_000
    assert lines_run(lambda: parse_header(text)) < 300


def test_the_largest_signal_is_written_back() -> None:
    odd = core(f"{65535:016b}0" + "10" * 32767 + "1", NO_RESTRICTIONS)
    tc = parse_tc_string(odd)
    assert len(tc.vendor_consents) == 32_768
    assert encode_tc_string(tc) == odd
