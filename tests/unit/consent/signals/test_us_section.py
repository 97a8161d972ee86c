"""What a US section says of a use, and which texts it is refused in."""

import pytest

from consent.signals.bits import to_text
from consent.signals.errors import MalformedSignal
from consent.signals.gpp import (
    Gpp,
    OpaqueSection,
    encode_gpp,
    encode_header,
    parse_gpp,
    parse_header,
)
from consent.signals.ids import Ids
from consent.signals.us_layouts import LAYOUTS, layout_of, layouts_of
from consent.signals.us_section import (
    Choice,
    Use,
    encode_us_section,
    parse_us_section,
    us_section,
)

COVERED = {"MspaCoveredTransaction": 1}
TOLD = COVERED | {"SaleOptOutNotice": 1, "SharingOptOutNotice": 1}


@pytest.mark.parametrize(
    ("fields", "gpc", "choice"),
    [
        (TOLD | {"SaleOptOut": 2}, None, Choice.NOT_OPTED_OUT),
        (TOLD | {"SaleOptOut": 2}, False, Choice.NOT_OPTED_OUT),
        (TOLD | {"SaleOptOut": 2}, True, Choice.OPTED_OUT),
        (TOLD | {"SaleOptOut": 1}, None, Choice.OPTED_OUT),
        (TOLD | {"SaleOptOut": 0}, None, Choice.NOT_SAID),
        (COVERED | {"SaleOptOut": 2}, None, Choice.NOT_SAID),
        (COVERED | {"SaleOptOut": 2, "SaleOptOutNotice": 2}, None, Choice.NOT_SAID),
        (COVERED | {"SaleOptOut": 1, "SaleOptOutNotice": 2}, None, Choice.OPTED_OUT),
    ],
)
def test_the_choice_about_sale(fields: dict[str, int], gpc: bool | None, choice: Choice) -> None:
    section = us_section("usca", fields, gpc=gpc)
    assert section.choice(Use.SALE) is choice
    read = parse_us_section(8, encode_us_section(section))
    assert read is not None
    assert read.choice(Use.SALE) is choice


def test_a_use_that_a_section_does_not_know_is_not_said() -> None:
    assert us_section("usca", TOLD).choice(Use.TARGETED_ADVERTISING) is Choice.NOT_SAID
    assert us_section("usva", COVERED).choice(Use.SHARING) is Choice.NOT_SAID
    assert us_section("usco", COVERED, gpc=True).choice(Use.SHARING) is Choice.OPTED_OUT


def test_an_undefined_value_is_read_named_and_says_nothing() -> None:
    section = parse_us_section(8, "BwwAAAAA")
    assert section is not None
    assert section.undefined_fields() == (
        *("SaleOptOutNotice", "SaleOptOut", "MspaCoveredTransaction"),
    )
    assert section.choice(Use.SALE) is Choice.NOT_SAID


def test_a_field_that_a_section_does_not_have() -> None:
    assert us_section("usca", COVERED).numbers("ProcessingNotice") is None
    assert us_section("usca", COVERED).numbers("SensitiveDataProcessing") == (0,) * 9


@pytest.mark.parametrize(
    ("prefix", "fields"),
    [
        ("usmd", COVERED | {"MspaMode": 3}),
        ("usmd", COVERED | {"SensitiveDataProcessing": [1] * 8}),
        ("usin", COVERED | {"SensitiveDataProcessing": [1] * 7}),
        ("uszz", COVERED),
        ("usca", {}),
        ("usca", {"MspaCoveredTransaction": 0}),
        ("usca", COVERED | {"ProcessingNotice": 1}),
        ("usca", COVERED | {"SaleOptOut": 3}),
        ("usca", COVERED | {"SaleOptOut": -1}),
        ("usca", COVERED | {"SensitiveDataProcessing": [1] * 8}),
        ("usca", COVERED | {"SensitiveDataProcessing": 1}),
    ],
)
def test_what_cannot_be_written_is_refused(prefix: str, fields: dict[str, int]) -> None:
    with pytest.raises(MalformedSignal):
        us_section(prefix, fields)


def test_sections_without_a_gpc_subsection() -> None:
    without = {layout.prefix for layout in LAYOUTS if not layout.has_gpc}
    assert without == {"usva", "usut", "usfl", "usin", "usky", "usri"}
    for prefix in without:
        with pytest.raises(MalformedSignal):
            us_section(prefix, COVERED, gpc=False)
        with pytest.raises(MalformedSignal):
            parse_us_section(9, "BAAAAABA.QA")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B",
        "BAAAAAE",
        "BAAAAAEB",
        "BAAAAAEAAAAA",
        "BAAAAAEA.",
        "BAAAAAEA.A",
        "BAAAAAEA.gA",
        "BAAAAAEA.QB",
        "BAAAAAEA.QA.QA",
        "BAAAAAEA.QAAAA",
        "BAAAAAEA=",
    ],
)
def test_texts_that_are_no_connecticut_section(text: str) -> None:
    with pytest.raises(MalformedSignal):
        parse_us_section(12, text)


def test_the_shorter_padding_of_the_specification_is_read() -> None:
    assert parse_us_section(12, "BAAAAAEA.QA") == parse_us_section(12, "BAAAAAEA.Q")
    assert parse_us_section(12, "BAAAAAEA.QA") == parse_us_section(12, "BAAAAAEAAA.QAAA")


def test_the_length_tells_the_fields_of_the_national_section() -> None:
    widths = [(layout.version, layout.width) for layout in layouts_of(7)]
    assert widths == [(1, 60), (1, 70), (2, 60), (2, 70)]
    for text, width in (("BAAAAAAAAQ", 60), ("BAAAAAAAAQA", 60), ("BAAAAAAAAABA", 70)):
        section = parse_us_section(7, text)
        assert section is not None
        assert section.layout.width == width
        assert section.numbers("MspaCoveredTransaction") == (1,)
    newest = layout_of("usnat")
    assert newest is not None
    assert (newest.version, newest.width) == (2, 70)


def test_a_version_without_a_table_is_opaque() -> None:
    assert parse_us_section(8, "CAAAAABA.QA") is None
    text = f"{encode_header(Ids.of([8]))}~CAAAAABA.QA"
    gpp = parse_gpp(text)
    assert gpp.sections == ((8, OpaqueSection("CAAAAABA.QA")),)
    assert gpp.opaque_ids == (8,)
    assert encode_gpp(gpp) == text


def test_a_draft_with_a_section_header_is_opaque_and_never_taken_for_the_other_form() -> None:
    for layout in LAYOUTS:
        if layout.section_id >= 24:
            header = f"{layout.section_id:06b}{1:06b}{1:012b}011"  # its core would be number 0
            assert parse_us_section(layout.section_id, to_text(header, 8) + ".BQAA") is None


def test_the_subsection_of_sensitive_data_may_be_absent() -> None:
    with_it, without = parse_us_section(25, "BVVV.kkk"), parse_us_section(25, "BVVV")
    assert with_it is not None
    assert without is not None
    assert with_it.numbers("SensitiveDataProcessing") == (2, 1, 0, 2, 1, 0, 2, 1)
    assert without.numbers("SensitiveDataProcessing") is None
    assert with_it != without
    assert us_section("usin", COVERED).apart is None


@pytest.mark.parametrize("text", ["BVVV.", "BVVV.kk", "BVVV.kkkE", "BVVV.kkk.QA", "BVVV.YA"])
def test_texts_that_are_no_indiana_section(text: str) -> None:
    with pytest.raises(MalformedSignal):
        parse_us_section(25, text)


def test_an_opaque_section_cannot_hide_one_that_can_be_read() -> None:
    with pytest.raises(MalformedSignal):
        Gpp(((8, OpaqueSection("BAAAAABA.QA")),))
    with pytest.raises(MalformedSignal):
        Gpp(((9, us_section("usca", COVERED)),))
    with pytest.raises(MalformedSignal):
        Gpp(((7, OpaqueSection("x")), (6, OpaqueSection("x"))))


@pytest.mark.parametrize("raw", ["", "a~b", "a b", "é", "x" * 4097, "a\n"])
def test_what_an_opaque_section_cannot_hold(raw: str) -> None:
    with pytest.raises(MalformedSignal):
        OpaqueSection(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "DBABMA",
        "DBAA~",
        "DBAA~x",
        "DBABTA~",
        "DBABTA~1YNN~1YNN",
        "DCABTA~1YNN",
        "CBABTA~1YNN",
        "DBABTB~1YNN",
        "DBABTAAAAAAAA~1YNN",
        "DBABTA=~1YNN",
        "DBABTA~1YNN ",
        " DBABTA~1YNN",
        "DBABjA~1YNN",
        "DBABGA~x",
        "D" * 100,
    ],
)
def test_texts_that_are_no_gpp_string(text: str) -> None:
    with pytest.raises(MalformedSignal):
        parse_gpp(text)


def test_a_header_in_another_form_is_written_in_the_one() -> None:
    # 5 and 6 as two single ids: bits 0 00011 and 0 11.
    singles = "DBACDYA"
    assert parse_header(singles) == Ids.of([5, 6])
    assert encode_header(parse_header(singles)) == "DBABjw"


def test_an_empty_string_of_no_sections() -> None:
    assert parse_gpp("DBAA") == Gpp(())
    assert encode_gpp(Gpp(())) == "DBAA"
    assert parse_gpp("DBAA").tcf is None
    assert parse_gpp("DBAA").section(7) is None
