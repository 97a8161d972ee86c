"""Consent files: every row is accepted, repeated or refused with its line; no value is repeated."""

import json
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consent.vocabulary import DEFAULT_VOCABULARY
from consent.words import EventState
from party_node.capture.file_import import MAX_REPORTED, import_file
from party_node.capture.columns import COLUMNS
from party_node.capture.refusals import Refusal
from party_node.errors import ImportUnreadable, MissingColumn
from tests.support.node import open_storage

HEADER = (
    "source_event_id,email,phone,purpose,recipient,state,event_time,valid_until,notice,method,"
    "separate,jurisdiction"
)
GOOD = {
    "source_event_id": "e1",
    "email": "anna@x.example",
    "phone": "",
    "purpose": "joint-audience",
    "recipient": "shop",
    "state": "given",
    "event_time": "2026-01-05T10:00:00Z",
    "valid_until": "2027-01-05T10:00:00+01:00",
    "notice": "privacy notice of January",
    "method": "web-form",
    "separate": "true",
    "jurisdiction": "GB",
}


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def run(node, tmp_path):
    ledger = node.open_ledger()

    def go(content, name="consents.csv", mapping=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(
            path, ledger, node.identity, DEFAULT_VOCABULARY, "crm", "GB",
            node.clock.now_ms, mapping,
        )  # fmt: skip

    go.ledger = ledger
    return go


def line(**changes):
    return ",".join({**GOOD, **changes}.values())


def table(*lines):
    return "\n".join((HEADER, *lines)) + "\n"


def test_a_row_becomes_the_event_that_it_says(node, run):
    report = run(table(line()))
    assert (report.accepted, report.repeated, report.refused_total) == (1, 0, 0)
    (entry,) = run.ledger.events_of(node.identity.find("email", "anna@x.example"))
    event = entry.record
    assert (event.purpose, event.recipient, event.state) == ("joint-audience", "shop", "given")
    assert event.event_time_ms == 1_767_607_200_000
    assert event.valid_until_ms == 1_767_607_200_000 + 365 * 86_400_000 - 3_600_000
    assert (event.source_id, event.source_event_id) == ("crm", "e1")
    assert (event.method, event.separate, event.jurisdiction) == ("web-form", True, "GB")
    assert len(event.notice_hash) == 32


def test_the_same_file_again_accepts_nothing_twice(run):
    content = table(line(), line(source_event_id="e2", email="bo@x.example"))
    assert run(content).accepted == 2
    again = run(content)
    assert (again.accepted, again.repeated) == (0, 2)
    assert run.ledger.head()[0] == 3


BAD_ROWS = {
    Refusal.MALFORMED_ROW: ["e1,anna@x.example", line() + ",more", 'e1,"a"b'],
    Refusal.OPEN_QUOTE: ['e1,"open'],
    Refusal.NOT_TEXT: [line(notice="caf\udce9")],
    Refusal.BAD_EVENT_ID: [line(source_event_id=""), line(source_event_id="x" * 501)],
    Refusal.UNKNOWN_PURPOSE: [line(purpose="spam"), line(purpose="")],
    Refusal.UNKNOWN_STATE: [line(state="yes"), line(state="Given")],
    Refusal.BAD_EVENT_TIME: [
        line(event_time=t)
        for t in ("", "yesterday", "2026-01-05", "2026-01-05T10:00:00", "0001-01-01T00:00:00Z")
    ],
    Refusal.FUTURE_EVENT_TIME: [line(event_time="2999-01-01T00:00:00Z", valid_until="")],
    Refusal.BAD_VALID_UNTIL: [line(valid_until="soon"), line(valid_until="2025-01-01T00:00:00Z")],
    Refusal.BAD_RECIPIENT: [line(recipient="The Shop Ltd")],
    Refusal.BAD_NOTICE: [line(notice="n" * 513)],
    Refusal.UNKNOWN_METHOD: [line(method="telepathy")],
    Refusal.BAD_SEPARATE: [line(separate="perhaps")],
    Refusal.BAD_JURISDICTION: [line(jurisdiction="x" * 513)],
    Refusal.MISSING_IDENTIFIER: [line(email="", phone="")],
    Refusal.REFUSED_IDENTIFIER: [line(email="anna at x"), line(email="", phone="12")],
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_bad_rows_are_refused_with_line_and_reason_and_good_ones_go_in(run, reason):
    for bad in BAD_ROWS[reason]:
        good = line(source_event_id="good", email="good@x.example")
        # An open quotation mark swallows the rest of a file, so it stands last.
        lines = [good, bad] if bad.endswith('"open') else [bad, good]
        content = table(*lines).encode("utf-8", "surrogateescape")
        report = run(content)
        assert report.accepted + report.repeated == 1, bad
        assert report.refused == [(2 + lines.index(bad), reason.value)], bad
        assert report.refused_total == 1
        assert "anna" not in repr(report)


def test_ambiguous_consent_is_refused_and_ambiguous_withdrawal_counts_for_both(node, run):
    run(table(line(), line(source_event_id="e2", email="", phone="020 7946 0002")))
    both = {"email": "anna@x.example", "phone": "020 7946 0002"}
    report = run(
        table(
            line(source_event_id="e3", **both),
            line(source_event_id="e4", state="withdrawn", **both),
        )
    )
    assert report.refused == [(2, "ambiguous-person")]
    assert (report.accepted, report.for_both) == (1, 1)
    for kind, value in (("email", "anna@x.example"), ("phone", "+442079460002")):
        said = run.ledger.explain(kind, value, "joint-audience", "shop", "psi")
        assert said.decision.reason == "withdrawn"
    again = run(table(line(source_event_id="e4", state="withdrawn", **both)))
    assert (again.accepted, again.repeated, again.for_both) == (0, 1, 0)


def test_another_event_under_a_known_id_is_refused(run):
    run(table(line()))
    report = run(table(line(state="withdrawn")))
    assert report.refused == [(2, "conflicting-event")]


def test_a_withdrawal_from_a_fast_clock_counts(run):
    report = run(table(line(state="withdrawn", event_time="2999-01-01T00:00:00Z", valid_until="")))
    assert report.accepted == 1


def test_json_lines_with_their_own_types(run):
    rows = [
        json.dumps({**GOOD, "separate": True, "phone": None}),
        "",
        "{broken",
        json.dumps({**GOOD, "email": ["a", "b"]}),
        json.dumps([1]),
        json.dumps({**GOOD, "source_event_id": 7}),
    ]
    report = run("\n".join(rows), "c.jsonl")
    assert report.accepted == 2
    assert report.refused == [(n, "malformed-row") for n in (3, 4, 5)]


def test_parquet(run, tmp_path):
    pq.write_table(pa.Table.from_pylist([GOOD, {**GOOD, "source_event_id": "e2", "state": "x"}]),
                   tmp_path / "in.parquet")  # fmt: skip
    report = run((tmp_path / "in.parquet").read_bytes(), "c.parquet")
    assert report.accepted == 1
    assert report.refused == [(2, "unknown-state")]


def test_mapping_names_the_columns_of_the_file(node, run):
    content = "id;".replace(";", ",") + "mail,email,purpose,state,when\n"
    content += "e1,anna@x.example,not this one,joint-audience,given,2026-01-05T10:00:00Z\n"
    mapping = {"source_event_id": "id", "email": "mail", "event_time": "when"}
    assert run(content, mapping=mapping).accepted == 1
    (entry,) = run.ledger.events_of(node.identity.find("email", "anna@x.example"))
    assert (entry.record.recipient, entry.record.method) == ("self", "import")
    assert entry.record.jurisdiction == "GB"


@pytest.mark.parametrize(
    ("content", "name", "mapping", "error"),
    [
        ("source_event_id,email,purpose,state\n", "c.csv", None, MissingColumn),
        ("source_event_id,purpose,state,event_time\n", "c.csv", None, MissingColumn),
        ("", "c.csv", None, MissingColumn),
        (table(line()), "c.csv", {"state": "status"}, MissingColumn),
        (table(line()), "c.csv", {"colour": "x"}, MissingColumn),
        (b"PAR1 no parquet", "c.parquet", None, ImportUnreadable),
        (b"x", "c.xlsx", None, ImportUnreadable),
    ],
)
def test_files_that_cannot_be_read_at_all(run, content, name, mapping, error):
    with pytest.raises(error) as caught:
        run(content, name, mapping)
    assert caught.value.hint


def test_a_file_that_is_not_there(run, node, tmp_path):
    with pytest.raises(ImportUnreadable):
        import_file(
            tmp_path / "no.csv", run.ledger, node.identity, DEFAULT_VOCABULARY, "crm", None, 0
        )


def test_the_report_lists_a_thousand_and_counts_all(run):
    report = run(table(*[line(purpose="spam")] * (MAX_REPORTED + 5)))
    assert len(report.refused) == MAX_REPORTED
    assert report.refused_total == MAX_REPORTED + 5


def test_quoted_line_breaks_keep_the_line_numbers_right(run):
    report = run(table(line(notice='"two\nlines"'), line(purpose="spam")))
    assert report.refused == [(2, "bad-notice"), (4, "unknown-purpose")]


def test_the_documentation_names_every_column_state_and_reason():
    page = (Path(__file__).parents[3] / "docs/operate/data.md").read_text()
    documented = set(re.findall(r"^\| `([a-z0-9_-]+)` \|", page, re.MULTILINE))
    assert set(COLUMNS) <= documented
    assert {r.value for r in Refusal} <= documented
    assert all(f"`{state.value}`" in page for state in EventState)


def test_duckdb_is_not_needed_to_be_online():
    """The engine that reads Parquet must have its reader built in."""
    with duckdb.connect(":memory:") as engine:
        names = engine.sql("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert ("parquet",) in names
