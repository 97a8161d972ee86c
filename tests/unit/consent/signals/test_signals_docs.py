"""The tables of docs/spec/signals.md say what the code does."""

import dataclasses
import re
from pathlib import Path

from consent.events import ConsentEvent
from consent.purpose import SignalTerms
from consent.signal_records import Conclusion, SignalConcluded, SignalKind, SignalReceived
from consent.signals import bits, gpc, gpp, ids
from consent.signals.standing import stream_of
from consent.signals.tc_issues import INVALIDATING, Issue
from consent.signals.tcf import parse_tc_string
from consent.signals.telling import Answer
from consent.signals.us_layouts import layouts_of
from consent.signals.us_section import Choice

PAGE = (Path(__file__).parents[4] / "docs" / "spec" / "signals.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    lines = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_every_issue_is_listed_in_order() -> None:
    rows = {row[0].strip("`"): row[1] for row in table("issue")}
    assert list(rows) == [issue.value for issue in Issue]
    assert {name for name, invalid in rows.items() if invalid == "yes"} == INVALIDATING


def test_every_section_is_listed_with_how_it_is_read() -> None:
    rows = {int(row[0]): row[1:] for row in table("id")}
    assert {i: row[0].strip("`") for i, row in rows.items()} == {
        i: name for i, name in enumerate(gpp.SECTION_NAMES, start=1) if i != gpp.HEADER
    }
    for section_id, (_, reading) in rows.items():
        layouts = layouts_of(section_id)
        assert reading.startswith("fields") is bool(layouts), section_id
        if layouts:
            versions = sorted({str(layout.version) for layout in layouts})
            assert re.findall(r"\d", reading) == versions, section_id
            assert ("no GPC" in reading) is not layouts[0].has_gpc, section_id
            assert {layout.prefix for layout in layouts} == {rows[section_id][0].strip("`")}


def test_every_limit_is_listed() -> None:
    found = [
        [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", row[1])] for row in table("limit")
    ]
    assert found == [
        [bits.MAX_CHARS],
        [gpp.MAX_TEXT, gpp.MAX_SECTIONS],
        [gpp.MAX_SECTION_CHARS],
        [ids.MAX_ID],
        [gpc.MAX_BYTES],
    ]


def test_every_choice_is_listed() -> None:
    assert [row[0].strip("`") for row in table("choice")] == [choice.value for choice in Choice]


def test_every_conclusion_and_every_answer_is_listed() -> None:
    assert [row[0].strip("`") for row in table("conclusion")] == [c.value for c in Conclusion]
    assert [row[0].strip("`") for row in table("ledger")] == [a.value for a in Answer]


def test_every_term_of_a_purpose_is_listed() -> None:
    names = [field.name for field in dataclasses.fields(SignalTerms)]
    assert [row[0].strip("`") for row in table("key")] == names


def test_every_entry_is_listed() -> None:
    found = [row[0].split(",")[0].strip("`") for row in table("entry")]
    assert found == [SignalReceived.TYPE, SignalConcluded.TYPE, ConsentEvent.TYPE]
    text = " ".join(cell for row in table("entry") for cell in row)
    assert all(f"`{stream_of(kind)}`" in text for kind in SignalKind)


def test_the_example_can_be_read() -> None:
    lines = PAGE.split("```")[1].strip().split("\n")
    texts = [line.split("  ")[0] for line in lines]
    tcf, california = gpp.parse_gpp(texts[0]), gpp.parse_gpp(texts[1])
    assert tcf.tcf is not None
    assert tcf.tcf.issues == ()
    assert parse_tc_string(texts[0].split("~")[1]) == tcf.tcf
    assert [s.gpc for s in california.us_sections] == [False]
    name, _, value = texts[2].partition(": ")
    assert gpc.is_set([(name, value)])
