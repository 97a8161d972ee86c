"""Consent files: every row is accepted, repeated or refused with its line; no value is repeated."""

import ast
import csv
import dataclasses
import inspect
import itertools
import json
import os
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from consent.defaults import DEFAULT_VOCABULARY
from consent.words import EventState
from party_node.capture import mapping_file
from party_node.capture.errors import ImportInterrupted, ImportUnreadable, RejectsUnwritable
from party_node.capture.file_import import MAX_REPORTED, import_file
from party_node.capture.refusals import Refusal
from party_node.errors import MissingColumn
from party_node.tables import ImportBatchRow
from tests.support.consent_files import GOOD, PURPOSES, json_line, line, table
from tests.support.node import open_storage


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def run(node, tmp_path):
    ledger = node.open_ledger()

    def go(content, name="consents.csv", mapping=None, **how):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if isinstance(mapping, str):
            mapping = mapping_file.parse(mapping, PURPOSES)
        return import_file(
            path, ledger, node.identity, DEFAULT_VOCABULARY, "crm", "GB",
            node.clock.now_ms, mapping, **how,
        )  # fmt: skip

    go.ledger = ledger
    return go


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
        said = node.explain(run.ledger, kind, value, "joint-audience", "shop", "psi")
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


def test_the_documentation_explains_every_reason_and_state():
    page = (Path(__file__).parents[4] / "docs/operate/data.md").read_text(encoding="utf-8")
    source = ast.parse(Path(inspect.getfile(Refusal)).read_text(encoding="utf-8"))
    (body,) = [n.body for n in source.body if isinstance(n, ast.ClassDef) and n.name == "Refusal"]
    explained = [
        inspect.cleandoc(after.value.value).replace("\n", " ")
        for member, after in itertools.pairwise(body)
        if isinstance(member, ast.Assign)
    ]
    section = page.split("| reason | meaning |\n|---|---|\n", 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section, re.MULTILINE)
    assert rows == list(zip([r.value for r in Refusal], explained, strict=True))
    assert all(f"`{state.value}`" in page for state in EventState)


def test_duckdb_is_not_needed_to_be_online():
    """The engine that reads Parquet must have its reader built in."""
    with duckdb.connect(":memory:") as engine:
        names = engine.sql("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert ("parquet",) in names


# -- what a mapping makes of a row -----------------------------------------------------------------

WIDE = """\
columns: {source_event_id: id, email: mail, event_time: at}
constants: {purpose: joint-audience, recipient: shop}
values: {state: {words: {"1": given, "0": withdrawn, "": skip}}}
events:
  - {suffix: /mail, columns: {state: mail_ok}, constants: {channel: email}}
  - {suffix: /sms, columns: {state: sms_ok}, constants: {channel: sms}}
"""
WIDE_FILE = """\
id,mail,at,mail_ok,sms_ok
1,a@x.example,2026-01-05T10:00:00Z,1,0
2,b@x.example,2026-01-05T10:00:00Z,,x
3,nobody,2026-01-05T10:00:00Z,1,1
"""


def test_a_wide_file_is_taken_in_once(node, run):
    first = run(WIDE_FILE, mapping=WIDE)
    assert (first.rows, first.accepted, first.refused_total, first.skipped_total) == (3, 2, 3, 1)
    assert [(n.line, n.event, n.reason) for n in first.refused_rows] == [
        (3, "/sms", "unmapped-value"),
        (4, "/mail", "refused-identifier"),
        (4, "/sms", "refused-identifier"),
    ]
    assert [(n.line, n.event) for n in first.skipped_rows] == [(3, "/mail")]
    again = run(WIDE_FILE, mapping=WIDE)
    assert (again.accepted, again.repeated, again.skipped_total) == (0, 2, 1)
    entries = run.ledger.events_of(node.identity.find("email", "a@x.example"))
    said = [(e.record.source_event_id, e.record.channel, e.record.state) for e in entries]
    assert said == [("1/mail", "email", "given"), ("1/sms", "sms", "withdrawn")]
    assert node.identity.find("email", "b@x.example") is None  # skipped and refused make nobody


def test_the_optional_fields_stand_in_the_event(node, run):
    row = json_line(
        channel="email", event_type="explicitly-expressed", relation="guardian", written=True,
        listed=["joint-audience", "audience-measurement"], purpose_version=3, legal_regime="gdpr",
        time_zone="Europe/London", layer="second", control_label="Yes, please",
        served_event_id="s-1", evidence_sha256="AB" * 32, evidence_reference="calls/7",
    )  # fmt: skip
    assert run(row, "c.jsonl").accepted == 1
    (entry,) = run.ledger.events_of(node.identity.find("email", "anna@x.example"))
    event = entry.record
    assert (event.channel, event.event_type, event.relation) == (
        "email",
        "explicitly-expressed",
        "guardian",
    )
    assert (event.written, event.purpose_version, event.legal_regime) == (True, 3, "gdpr")
    assert event.listed == ("audience-measurement", "joint-audience")
    assert (event.time_zone, event.layer, event.control_label) == (
        "Europe/London",
        "second",
        "Yes, please",
    )
    assert event.served_event_id == "s-1"
    (evidence,) = event.evidence
    assert evidence.sha256 == bytes.fromhex("ab" * 32)
    assert (evidence.media_type, evidence.reference) == ("application/octet-stream", "calls/7")


def test_an_id_made_of_columns_makes_repeating_safe(run):
    mapping = """\
columns: {email: email, state: state, event_time: event_time, purpose: purpose}
event_id: {digest_of: [email, event_time]}
"""
    content = table(line(), line(source_event_id="not read"), line(state="withdrawn"))
    first = run(content, mapping=mapping)
    assert (first.accepted, first.repeated) == (1, 1)
    assert first.refused == [(4, "conflicting-event")]
    assert run(content, mapping=mapping).repeated == 2


# -- rejects ---------------------------------------------------------------------------------------


def test_every_refused_row_is_in_the_list_and_nothing_else(run, tmp_path):
    rejects = tmp_path / "rejects.csv"
    bad = [line(purpose="spam", email=f"hidden{n}@x.example") for n in range(MAX_REPORTED + 5)]
    run(table(line(), *bad), rejects=rejects)
    with rejects.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "event", "reason"]
    assert rows[1:] == [[str(n), "", "unknown-purpose"] for n in range(3, len(bad) + 3)]
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "rejects.csv.part").exists()


def test_a_list_of_rejects_is_never_written_over_a_file(run, tmp_path):
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for there in (rejects, tmp_path / "link", tmp_path / "none" / "rejects.csv"):
        with pytest.raises(RejectsUnwritable):
            run(table(line()), rejects=there)
    assert rejects.read_text() == "precious"
    assert run.ledger.head()[0] == 1
    assert not (tmp_path / "elsewhere").exists()


def test_an_import_that_fails_leaves_no_list(run, tmp_path):
    def stop(_report):
        raise ImportInterrupted("enough")

    with pytest.raises(ImportInterrupted):
        run(table(line(purpose="spam")), rejects=tmp_path / "r.csv", watch=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["brand", "consents.csv"]


def test_what_a_killed_import_left_of_its_list_is_no_obstacle(run, tmp_path):
    (tmp_path / "r.csv.part").write_text("line,event,reason\n1,")
    run(table(line(purpose="spam")), rejects=tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "line,event,reason\n2,,unknown-purpose\n"


def imports_noted(node):
    with node.db.reading() as session:
        return len(session.exec(select(ImportBatchRow)).all())


# -- dry runs --------------------------------------------------------------------------------------

MESSY = table(
    line(),
    line(source_event_id="e2", email="bo@x.example", phone="020 7946 0002"),
    line(source_event_id="e2", email="bo@x.example", phone="020 7946 0002"),
    line(source_event_id="e2", email="cy@x.example"),
    line(source_event_id="e3", email="", phone="+44 20 7946 0002"),
    line(source_event_id="e4", email="anna@x.example", phone="020 7946 0002"),
    line(source_event_id="e5", email="anna@x.example", phone="020 7946 0002", state="withdrawn"),
    line(source_event_id="e6", email="dee@x.example", phone="020 7946 0002", state="withdrawn"),
    line(source_event_id="e7", email="", phone="020 7946 0003"),
    line(source_event_id="e8", email="ed@x.example", phone="020 7946 0003"),
    line(source_event_id="e9", email="flo@x.example", phone="020 7946 0003"),
    line(source_event_id="e10", purpose="spam"),
)


@pytest.mark.parametrize("batch", [1, 2, 3, 5_000])
@pytest.mark.parametrize("before", [0, 1, 2, 7])
def test_a_dry_run_says_what_then_happens_and_writes_nothing(
    node, run, tmp_path, monkeypatch, batch, before
):
    monkeypatch.setattr("party_node.capture.batch_reader.BATCH_ROWS", batch)
    lines = MESSY.splitlines(keepends=True)
    run("".join(lines[: before + 1]))
    head, people = run.ledger.head(), node.identity.count()
    stored = (node.home.path / "node.db").read_bytes()
    dry = run(MESSY, dry_run=True)
    assert dry.dry_run
    assert (run.ledger.head(), node.identity.count()) == (head, people)
    assert (node.home.path / "node.db").read_bytes() == stored
    assert imports_noted(node) == 1
    real = run(MESSY)
    assert dataclasses.replace(dry, dry_run=False) == real
    assert real.accepted + real.repeated == 8
    assert real.for_both == (1 if before == 7 else 2)


def test_a_dry_run_of_what_is_known_says_so(run):
    content = table(line(), line(source_event_id="e2", email="bo@x.example"))
    run(content)
    again = run(content, dry_run=True)
    assert (again.accepted, again.repeated) == (0, 2)
    changed = run(content.replace("given", "refused"), dry_run=True)
    assert changed.refused == [(2, "conflicting-event"), (3, "conflicting-event")]


# -- interruptions ---------------------------------------------------------------------------------


def test_an_import_that_was_stopped_is_finished_by_repeating_it(run, monkeypatch):
    monkeypatch.setattr("party_node.capture.batch_reader.BATCH_ROWS", 2)
    content = table(*(line(source_event_id=f"e{n}", email=f"p{n}@x.example") for n in range(6)))
    seen = []

    def stop(report):
        seen.append((report.rows, report.accepted))
        if report.rows == 4:
            raise ImportInterrupted("the node is stopping")

    with pytest.raises(ImportInterrupted) as caught:
        run(content, watch=stop)
    assert str(caught.value) == ("the node is stopping; of 4 rows before that, 4 were taken in")
    assert seen == [(2, 2), (4, 4)]
    again = run(content)
    assert (again.rows, again.accepted, again.repeated) == (6, 2, 4)


def test_a_file_that_changes_while_it_is_read_is_no_success(node, run, tmp_path, monkeypatch):
    monkeypatch.setattr("party_node.capture.batch_reader.BATCH_ROWS", 1)
    monkeypatch.setattr("party_node.capture.file_import.GROUP", 1)

    def touch(_report):
        os.utime(tmp_path / "consents.csv", (1, 1))

    with pytest.raises(ImportInterrupted, match="changed while it was read; of 2 rows"):
        run(table(line(), line(source_event_id="e2")), watch=touch)
    assert imports_noted(node) == 0
    assert run(table(line())).repeated == 1
