"""Known answers for signals: texts from the specifications and from the reference libraries' tests.

Each vector names its source. Libraries are lenient where a text breaks its specification: such
texts are not here, except where they are refused.
"""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from consent.signals import gpc
from consent.signals.bits import BitReader, BitWriter, to_text
from consent.signals.errors import MalformedSignal
from consent.signals.fibonacci import read_fibonacci, read_ranges, write_fibonacci, write_ranges
from consent.signals.gpp import (
    SECTION_NAMES,
    OpaqueSection,
    encode_gpp,
    encode_header,
    parse_gpp,
    parse_header,
)
from consent.signals.ids import Ids
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.us_layouts import LAYOUTS, layouts_of
from consent.signals.us_section import encode_us_section, parse_us_section, us_section

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "signals.json").read_text(encoding="utf-8")
)


def vectors(group: str) -> list[Any]:
    return [pytest.param(v, id=f"{group}-{i}") for i, v in enumerate(VECTORS[group])]


def test_every_vector_names_a_source() -> None:
    listed = [v for group in VECTORS.values() if isinstance(group, list) for v in group]
    assert len(listed) > 120
    assert {v["source"] for v in listed} <= set(VECTORS["sources"])


@pytest.mark.parametrize(("number", "bits"), VECTORS["fibonacci"]["codes"].items())
def test_fibonacci_numbers(number: str, bits: str) -> None:
    writer = BitWriter()
    write_fibonacci(writer, int(number))
    assert writer.bits() == bits
    assert read_fibonacci(BitReader(to_text(bits))) == int(number)


@pytest.mark.parametrize("vector", vectors("ranges"))
def test_fibonacci_ranges(vector: dict[str, Any]) -> None:
    writer = BitWriter()
    write_ranges(writer, Ids.of(vector["ids"]))
    assert writer.bits() == vector["bits"]
    assert list(read_ranges(BitReader(to_text(vector["bits"])))) == vector["ids"]


@pytest.mark.parametrize("vector", vectors("headers"))
def test_headers_in_both_paddings(vector: dict[str, Any]) -> None:
    ids = Ids.of(vector["ids"])
    assert encode_header(ids) == vector["text"]
    assert [parse_header(text) for text in (vector["text"], *vector["also"])] == [ids] * (
        1 + len(vector["also"])
    )


@pytest.mark.parametrize("vector", vectors("tcf"))
def test_tc_strings(vector: dict[str, Any]) -> None:
    tc = parse_tc_string(vector["text"])
    canonical = encode_tc_string(tc)
    assert tc.raw == vector["text"]
    assert (canonical == vector["text"]) is vector["canonical"]
    assert parse_tc_string(canonical) == tc
    for name, expected in vector.items():
        if name not in ("source", "text", "canonical", "note"):
            assert answer(tc, name, expected) == expected, name


def answer(tc: Any, name: str, expected: Any) -> Any:
    """Return what a string says, in the shape of the vector."""
    match name:
        case "issues":
            return [issue.value for issue in tc.issues]
        case "restrictions":
            return [
                [r.purpose, r.type, [list(run) for run in r.vendors.runs]] for r in tc.restrictions
            ]
        case "restriction_of":
            purpose, kind, _ = expected
            (found,) = [r for r in tc.restrictions if (r.purpose, r.type) == (purpose, kind)]
            return [purpose, kind, list(found.vendors)]
        case "disclosed_count":
            return len(tc.disclosed_vendors)
        case "disclosed_ends":
            return [next(iter(tc.disclosed_vendors)), tc.disclosed_vendors.highest]
        case _ if name.startswith("publisher_purposes"):
            return list(getattr(tc.publisher, name.removeprefix("publisher_")))
    value = getattr(tc, name)
    return list(value) if isinstance(value, Ids) else value


@pytest.mark.parametrize("vector", vectors("tcf_refused"))
def test_tc_strings_that_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedSignal):
        parse_tc_string(vector["text"])


@pytest.mark.parametrize("vector", vectors("us"))
def test_us_sections(vector: dict[str, Any]) -> None:
    section_id = SECTION_NAMES.index(vector["section"]) + 1
    section = parse_us_section(section_id, vector["text"])
    assert section is not None
    for name, expected in vector["fields"].items():
        numbers = section.numbers(name)
        assert numbers == (tuple(expected) if isinstance(expected, list) else (expected,)), name
    assert section.gpc is vector["gpc"]
    assert section.undefined_fields() == ()
    again = parse_us_section(section_id, encode_us_section(section))
    assert again == section


WRITTEN = [v for v in VECTORS["us"] if v.get("writes")]


@pytest.mark.parametrize("vector", WRITTEN, ids=[f"{v['section']}-{v['text']}" for v in WRITTEN])
def test_us_sections_are_written_as_the_library_writes_them(vector: dict[str, Any]) -> None:
    built = us_section(vector["section"], vector["fields"], gpc=vector["gpc"])
    if vector["text"].startswith("B") and vector["section"] == "usnat":
        # The newest library writes version 2 here; the layout is otherwise the same.
        built = dataclasses.replace(built, layout=layouts_of(7)[1])
    assert encode_us_section(built) == vector["text"]


def test_every_section_with_a_table_has_written_vectors() -> None:
    written = Counter(v["section"] for v in WRITTEN)
    assert written.keys() == {layout.prefix for layout in LAYOUTS}
    assert min(written.values()) >= 2


@pytest.mark.parametrize("vector", vectors("gpp"))
def test_gpp_strings(vector: dict[str, Any]) -> None:
    gpp = parse_gpp(vector["text"])
    canonical = encode_gpp(gpp)
    assert gpp.raw == vector["text"]
    assert canonical == vector.get("canonical", canonical)
    assert parse_gpp(canonical) == gpp
    assert encode_gpp(parse_gpp(canonical)) == canonical


def test_a_gpp_string_of_every_section() -> None:
    (text,) = [
        v["text"]
        for v in VECTORS["gpp"]
        if v["text"].count("~") == 24 and "BAAAAAAAAABA" in v["text"]
    ]
    gpp = parse_gpp(text)
    assert [i for i, _ in gpp.sections] == [2, *range(5, 28)]
    assert gpp.tcf is not None
    assert [s.layout.prefix for s in gpp.us_sections] == list(SECTION_NAMES[6:27])
    assert gpp.opaque_ids == (5, 6)
    assert gpp.section(6) == OpaqueSection("1---")
    assert encode_gpp(gpp) == text


@pytest.mark.parametrize("vector", vectors("gpp_refused"))
def test_gpp_strings_that_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedSignal):
        parse_gpp(vector["text"])


@pytest.mark.parametrize(("expected", "headers"), VECTORS["gpc"]["headers"])
def test_sec_gpc(expected: bool, headers: list[tuple[str, str]]) -> None:
    assert gpc.is_set([(name, value) for name, value in headers]) is expected
    if all(value.isascii() for _, value in headers):
        assert gpc.is_set([(n.encode(), v.encode()) for n, v in headers]) is expected


@pytest.mark.parametrize(("support", "last_update", "body"), VECTORS["gpc"]["support"])
def test_gpc_json(support: str, last_update: str | None, body: str) -> None:
    found = gpc.parse_support(body.encode())
    assert (found.support, found.last_update) == (support, last_update)
