"""The tables in the documentation list what the code has, no more and no less."""

import re
from dataclasses import fields
from pathlib import Path

from consent import errors
from consent.bundle_files import ENTRY_KINDS as ENTRY_FILES
from consent.events import ConsentEvent
from consent.reasons import Reason
from consent.records import ENTRY_KINDS
from consent.statements import Method, Relation
from consent.words import EventState
from tests.support.consents import event

DOCS = Path(__file__).parents[3] / "docs"
CONCEPTS = (DOCS / "concepts" / "consent.md").read_text(encoding="utf-8")
SPEC = (DOCS / "spec" / "ledger.md").read_text(encoding="utf-8")


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table that starts with `heading`."""
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_every_reason_is_explained() -> None:
    assert [row[0].strip("`") for row in table(CONCEPTS, "reason")] == [r.value for r in Reason]


def test_every_rule_that_is_described_has_a_test_by_its_number() -> None:
    pages = (
        Path(__file__).parent / name for name in ("test_decision.py", "signals/test_concluding.py")
    )
    tests = "".join(page.read_text(encoding="utf-8") for page in pages)
    tested = set(re.findall(r"def test_rule_(\d+)_", tests))
    assert {row[0] for row in table(CONCEPTS, "rule")} == tested


def test_every_kind_of_entry_is_listed() -> None:
    assert [row[0].strip("`") for row in table(SPEC, "type")] == [k.TYPE for k in ENTRY_KINDS]


def test_every_field_of_an_event_and_every_value_is_listed() -> None:
    rows = table(SPEC, "key")
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    names = {f.name.removesuffix("_ms") for f in fields(ConsentEvent)}
    assert listed == names
    assert listed >= set(event().to_payload()) - {"schema"}
    for kind, key in ((EventState, "state"), (Method, "method"), (Relation, "relation")):
        (row,) = [r for r in rows if r[0] == f"`{key}`"]
        assert re.findall(r"`([\w-]+)`", row[2]) == [m.value for m in kind]


def test_every_file_of_a_bundle_is_listed() -> None:
    names = " ".join(row[0] for row in table(SPEC, "file"))
    assert set(re.findall(r"<index>\.([\w-]+)", names)) == set(ENTRY_FILES)


def test_error_codes_are_kebab_case_and_each_is_used_once() -> None:
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    codes = [e.code for e in kinds]
    assert len(set(codes)) == len(codes) == 7
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", c) for c in codes)
    assert all(e.__doc__ and e.__doc__.splitlines()[0].endswith(".") for e in kinds)
