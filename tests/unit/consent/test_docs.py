"""The tables in the documentation list what the code has, no more and no less."""

import enum
import re
from dataclasses import fields
from pathlib import Path

import pytest

from consent import errors
from consent.bundle_files import ENTRY_KINDS as ENTRY_FILES
from consent.contact_terms import CapTerm, HoursTerm
from consent.decision import Verdict
from consent.events import ConsentEvent, EventType
from consent.fields import Entry, Payload
from consent.milestones import (
    AnomalyKind,
    Approver,
    Hold,
    NoticePublished,
    SetDigest,
)
from consent.notice import Notice
from consent.preferences import PREFERENCE_KINDS, CapBasis, Per
from consent.purpose import BasisIn, Purpose, SignalTerms
from consent.reasons import Reason
from consent.recipients import Recipient, Source
from consent.records import ENTRY_KINDS
from consent.regimes import DEFAULT_REGIMES, Regime
from consent.requests import RequestStatus, RequestType, SystemResult
from consent.signal_records import Conclusion, Meaning, SignalKind
from consent.statements import Evidence, Method, Relation, Statement, SubjectEntry
from consent.uses import AsOf, Denied, ExposedUse, Outcome
from consent.vocabulary import _KEYS as VOCABULARY_KEYS
from consent.words import AgeBand, Assurance, Basis, EventState, Operation, Role
from tests.support.consents import event

DOCS = Path(__file__).parents[3] / "docs"
TESTS = Path(__file__).parents[2]
CONCEPTS = (DOCS / "concepts" / "consent.md").read_text(encoding="utf-8")
SPEC = (DOCS / "spec" / "ledger.md").read_text(encoding="utf-8")
Rows = list[list[str]]


def table(text: str, heading: str) -> Rows:
    """Return the rows of the first table that starts with `heading`."""
    lines = text[text.index(f"\n| {heading} |") :].split("\n\n")[0].split("\n")[3:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines if line]


def section(heading: str) -> Rows:
    """Return the rows of the first table of a section of the spec."""
    return table(SPEC[SPEC.index(f"\n### {heading}\n") :].split("\n#", 2)[1], "key")


def firsts(rows: Rows) -> list[str]:
    return [row[0].strip("`") for row in rows]


def keys(kind: type[Payload], *without: type[Payload]) -> list[str]:
    """Return the keys of a record, but for those of its bases."""
    inherited = {f.name for base in without for f in fields(base)}  # type: ignore[arg-type]
    own = [f.name for f in fields(kind) if f.name not in inherited]  # type: ignore[arg-type]
    return [name.removesuffix("_ms") for name in own]


# -- how consent decides ---------------------------------------------------------------------------


def test_every_answer_and_every_reason_is_explained() -> None:
    assert firsts(table(CONCEPTS, "answer")) == [v.value for v in Verdict]
    assert firsts(table(CONCEPTS, "reason")) == [r.value for r in Reason]


def test_every_rule_that_is_described_has_a_test_by_its_number_and_the_other_way_round() -> None:
    tested = {
        int(number)
        for path in TESTS.rglob("test_*.py")
        for number in re.findall(r"def test_rule_(\d+)_", path.read_text(encoding="utf-8"))
    }
    described = [int(row[0]) for row in table(CONCEPTS, "rule")]
    assert described == sorted(tested)
    here = Path(__file__).parent / "rules"
    for path in here.glob("test_rule_*.py"):
        (number,) = set(re.findall(r"def test_rule_(\d+)_", path.read_text(encoding="utf-8")))
        assert path.name.startswith(f"test_rule_{int(number):02}_")


def test_the_preferences_ages_bases_and_regimes_are_those_of_the_code() -> None:
    assert firsts(table(CONCEPTS, "preference")) == [k.KIND for k in PREFERENCE_KINDS]
    bands = {
        band: age
        for row in table(CONCEPTS, "band")
        for band, age in zip(
            re.findall(r"`([\w-]+)`", row[0]), map(int, row[1].split(", ")), strict=True
        )
    }
    assert bands == {band.value: band.youngest for band in AgeBand}
    assert firsts(table(CONCEPTS, "legal basis")) == [b.value for b in Basis]
    described = {row[0].strip("`"): row for row in table(CONCEPTS, "regime")}
    assert list(described) == [r.regime_id for r in DEFAULT_REGIMES]
    for regime in DEFAULT_REGIMES:
        _, places, basis, below = described[regime.regime_id]
        assert (basis.strip("`"), int(below)) == (regime.basis.value, regime.guardian_below)
        named = re.findall(r"`([^`]+)`", places)
        assert tuple(named) == regime.places or (not named and len(regime.places) == 30)


# -- the ledger: formats ---------------------------------------------------------------------------


def test_every_kind_of_entry_is_listed() -> None:
    assert firsts(table(SPEC, "type")) == [k.TYPE for k in ENTRY_KINDS]


COMMON = section("Keys of every entry about a person")
STATED = section("Keys of every statement")


def test_the_keys_that_entries_about_persons_have_in_common_are_listed() -> None:
    assert firsts(COMMON) == keys(SubjectEntry)
    assert firsts(STATED) == keys(Statement, SubjectEntry)
    statements = {k.TYPE for k in ENTRY_KINDS if issubclass(k, Statement)}
    (sentence,) = re.findall(r"A statement is [^.]*\.", SPEC)
    assert set(re.findall(r"`([\w-]+)`", sentence)) == statements


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_every_key_of_every_kind_is_listed(kind: type[Entry]) -> None:
    bases = [b for b in (Statement, SubjectEntry, Notice) if issubclass(kind, b)]
    rows = section(kind.TYPE)
    assert firsts(rows) == keys(kind, *bases)
    optional = {f.name.removesuffix("_ms") for f in fields(kind) if f.default is None}  # type: ignore[arg-type]
    assert {row[0].strip("`") for row in rows if row[-1].startswith("optional")} == {
        name for name in firsts(rows) if name in optional
    }


def test_every_key_of_an_event_stands_somewhere() -> None:
    listed = {*firsts(COMMON), *firsts(STATED), *firsts(section("consent-event"))}
    assert listed >= set(event().to_payload()) - {"schema"}
    assert listed == {*keys(ConsentEvent)}


WORDS: list[tuple[Rows, str, type[enum.StrEnum]]] = [
    (STATED, "method", Method),
    (STATED, "relation", Relation),
    (section("consent-event"), "state", EventState),
    (section("consent-event"), "event_type", EventType),
    (section("consent-event"), "age_band", AgeBand),
    (section("consent-event"), "age_assurance", Assurance),
    (section("signal-received"), "signal", SignalKind),
    (section("signal-concluded"), "conclusion", Conclusion),
    (section("use-outcome"), "outcome", Outcome),
    (section("subject-request"), "request", RequestType),
    (section("subject-request"), "status", RequestStatus),
    (section("anomaly"), "anomaly", AnomalyKind),
    (table(SPEC, "recipient"), "role", Role),
    (table(SPEC, "regime"), "basis", Basis),
    (table(SPEC, "cap"), "per", Per),
    (table(SPEC, "cap"), "basis", CapBasis),
]


@pytest.mark.parametrize(("rows", "key", "kind"), WORDS, ids=lambda w: getattr(w, "__name__", ""))
def test_every_word_that_a_key_can_have_is_listed(
    rows: Rows, key: str, kind: type[enum.StrEnum]
) -> None:
    (row,) = [r for r in rows if r[0] == f"`{key}`"]
    assert re.findall(r"`([\w.-]+)`", row[-1]) == [m.value for m in kind]


def test_every_operation_is_listed() -> None:
    (row,) = [r for r in table(SPEC, "purpose") if r[0] == "`operations`"]
    assert re.findall(r"`([\w.-]+)`", row[1]) == sorted(o.value for o in Operation)


@pytest.mark.parametrize(
    "nested",
    [Evidence, AsOf, Denied, ExposedUse, SystemResult, SetDigest, Hold, Approver, Meaning, BasisIn,
     SignalTerms],
)  # fmt: skip
def test_every_record_inside_a_record_is_said_with_its_keys(nested: type[Payload]) -> None:
    assert f"`{{{', '.join(keys(nested))}}}`" in SPEC


def test_every_kind_of_preference_is_listed_with_its_keys() -> None:
    rows = table(SPEC, "kind")
    assert firsts(rows) == [k.KIND for k in PREFERENCE_KINDS]
    for row, kind in zip(rows, PREFERENCE_KINDS, strict=True):
        assert re.findall(r"`(\w+)`", row[1]) == keys(kind)


def test_every_part_of_a_vocabulary_is_listed() -> None:
    assert {*firsts(table(SPEC, "part"))} == VOCABULARY_KEYS


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("purpose", Purpose),
        ("recipient", Recipient),
        ("source", Source),
        ("notice", Notice),
        ("regime", Regime),
        ("hours", HoursTerm),
        ("cap", CapTerm),
    ],
)
def test_every_key_of_a_part_of_a_vocabulary_is_listed(heading: str, kind: type[Payload]) -> None:
    rows = table(SPEC, heading)
    assert firsts(rows) == keys(kind)
    optional = {f.name.removesuffix("_ms") for f in fields(kind) if f.default is None}  # type: ignore[arg-type]
    assert {row[0].strip("`") for row in rows if row[1].startswith("optional")} == optional


def test_a_notice_that_is_published_has_the_keys_of_a_notice_and_its_own() -> None:
    assert issubclass(NoticePublished, Notice)
    assert firsts(section("notice-published")) == ["published_at", "published_by"]


def test_every_file_of_a_bundle_is_listed() -> None:
    names = " ".join(row[0] for row in table(SPEC, "file"))
    assert set(re.findall(r"<index>\.([\w-]+)", names)) == set(ENTRY_FILES)


def test_error_codes_are_kebab_case_and_each_is_used_once() -> None:
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    codes = [e.code for e in kinds]
    assert len(set(codes)) == len(codes) == 7
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", c) for c in codes)
    assert all(e.__doc__ and e.__doc__.splitlines()[0].endswith(".") for e in kinds)
