"""What is read of a file by its mapping, before it is known whom it is about."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from party_node.capture.batch_reader import BATCH_ROWS, event_id
from party_node.capture.columns import SHARED
from party_node.capture.errors import ImportUnreadable, InvalidMapping
from party_node.capture.reading import opened
from party_node.errors import MissingColumn
from tests.support.consent_files import GOOD, GOOD_MS, json_line, line, read, reasons, table, task

SMALL = """\
columns: {source_event_id: id, email: mail, state: said, event_time: at}
constants: {purpose: joint-audience}
"""
AT = "2026-01-05T10:00:00Z"


@pytest.fixture
def look(tmp_path):
    def go(content, mapping=None, name="c.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path, mapping)

    return go


def said(batch, event=0):
    """What an event says, by column, without what is empty."""
    texts = batch.said[batch.said_of[event]]
    return {name: text for name, text in zip(SHARED, texts, strict=True) if text}


def test_only_the_columns_that_a_mapping_names_are_read(look):
    batch = look(f"id,mail,said,at,channel\n1,a@x.example,given,{AT},sms\n", SMALL)
    assert said(batch) == {"purpose": "joint-audience", "state": "given"}
    assert (batch.ids, batch.emails, batch.phones) == (["1"], ["a@x.example"], [None])
    assert batch.times_ms == [GOOD_MS]
    assert batch.untils_ms == [None]


def test_a_column_that_a_mapping_names_must_be_there(look):
    mapping = SMALL.replace("{source", "{channel: kind, source")
    with pytest.raises(MissingColumn, match="has no column kind"):
        look(f"id,mail,said,at\n1,a@x.example,given,{AT}\n", mapping)
    with pytest.raises(MissingColumn, match="has no column kind"):
        look(table(line()), {"channel": "kind"})


def test_the_message_about_a_missing_column_repeats_nothing_of_the_file(look):
    """A file without a header line has a person where the header is expected."""
    with pytest.raises(MissingColumn) as caught:
        look(line() + "\n")
    assert "anna" not in str(caught.value) + caught.value.hint


def test_two_columns_of_the_same_name_are_refused_only_if_they_are_read(look):
    assert look(f"id,mail,said,at,x,x\n1,a@x.example,given,{AT},,\n", SMALL).rows_read == 1
    with pytest.raises(MissingColumn, match="two columns mail"):
        look(f"id,mail,said,at,mail\n1,a@x.example,given,{AT},b@x.example\n", SMALL)


# -- words -----------------------------------------------------------------------------------------

WORDS = (
    SMALL
    + 'values: {state: {words: {"Y": given, "n": refused, "": skip, "?": refuse}, otherwise: %s}}'
)


def test_the_files_words_become_ours_or_are_skipped_or_refused(look):
    rows = ["Y", " n ", "", "?", "N", "withdrawn"]
    content = "id,mail,said,at\n" + "".join(
        f"{i},a@x.example,{word},{AT}\n" for i, word in enumerate(rows)
    )
    batch = look(content, WORDS % "refuse")
    assert [said(batch, n)["state"] for n in range(2)] == ["given", "refused"]
    assert batch.skipped == [(4, 0)]
    assert reasons(batch) == [(n, "unmapped-value") for n in (5, 6, 7)]
    kept = look(content, WORDS % "keep")
    assert said(kept, 2)["state"] == "withdrawn"
    assert reasons(kept) == [(5, "unmapped-value"), (6, "unknown-state")]
    assert look(content, WORDS % "skip").skipped == [(4, 0), (6, 0), (7, 0)]
    assert said(look(content, WORDS % "unknown"), 3)["state"] == "unknown"


def test_a_row_that_is_skipped_is_skipped_whatever_else_is_wrong_with_it(look):
    content = "id,mail,said,at\n,nobody,,never\n1,,,\n1,a@x.example,Y,never\n"
    batch = look(content, WORDS % "refuse")
    assert batch.skipped == [(2, 0), (3, 0)]
    assert reasons(batch) == [(4, "bad-event-time")]


def test_a_constant_is_the_same_for_all_rows(look):
    mapping = """\
columns: {source_event_id: id, email: mail}
constants: {state: withdrawn, event_time: 2026-01-05T10:00:00Z, purpose: joint-audience}
"""
    batch = look("id,mail\n1,a@x.example\n2,b@x.example\n", mapping)
    assert batch.times_ms == [GOOD_MS, GOOD_MS]
    assert batch.said_of == [0, 0]
    assert said(batch)["state"] == "withdrawn"


def test_a_bare_list_of_addresses(look):
    mapping = """\
columns: {email: mail}
event_id: {digest_of: [mail]}
constants: {state: withdrawn, event_time: 2026-01-05T10:00:00Z, purpose: joint-audience}
"""
    batch = look("mail\na@x.example\nb@x.example\n", mapping)
    assert batch.emails == ["a@x.example", "b@x.example"]
    assert len(set(batch.ids)) == 2


# -- ids -------------------------------------------------------------------------------------------


def test_an_id_made_of_columns_is_the_same_for_the_same_cells_and_keyed(look):
    mapping = SMALL.replace("source_event_id: id, ", "") + "event_id: {digest_of: [no, at]}"
    content = (
        "no,mail,said,at\n"
        f"7,a@x.example,given,{AT}\n"
        f" 7 ,b@x.example,refused,{AT}\n"
        f"72,a@x.example,given,{AT}\n"
    )
    first, same, other = look(content, mapping).ids
    assert first == same == event_id(bytes([7]) * 32, ["7", AT])
    assert first != other
    assert first.startswith("row-")
    assert len(first) == 68
    assert event_id(b"1" * 32, ["ab", "c"]) != event_id(b"1" * 32, ["a", "bc"])
    assert event_id(b"1" * 32, ["a"]) != event_id(b"2" * 32, ["a"])


def test_ids_are_trimmed_and_may_be_in_any_script(look):
    rows = [line(source_event_id=i) for i in (" e1 ", "é1", "事件", "e\u03011", "a\x01b", "\x7f")]
    batch = look(table(*rows))
    assert batch.ids == ["e1", "é1", "事件"]
    assert [reason for _, reason in reasons(batch)] == ["bad-event-id"] * 3


# -- wide files ------------------------------------------------------------------------------------

WIDE = """\
columns: {source_event_id: id, email: mail, event_time: at}
constants: {purpose: joint-audience, recipient: shop}
values: {state: {words: {"1": given, "0": withdrawn, "": skip}}}
events:
  - {suffix: /mail, columns: {state: mail_ok}, constants: {channel: email}}
  - {suffix: /sms, columns: {state: sms_ok}, constants: {channel: sms, recipient: paper}}
"""
WIDE_ROWS = (
    "id,mail,at,mail_ok,sms_ok\n"
    f"1,a@x.example,{AT},1,0\n"
    f"2,b@x.example,{AT},,1\n"
    f"3,c@x.example,{AT},x,1\n"
    f"4,d@x.example,never,1,\n"
    f"5,nobody,{AT},1,1\n"
    "6,e@x.example\n"
)


def test_a_wide_row_becomes_events_each_with_an_id_of_its_own(look):
    batch = look(WIDE_ROWS, WIDE)
    assert batch.ids == ["1/mail", "1/sms", "2/sms", "3/sms"]
    assert (batch.row_of, batch.part_of) == ([0, 0, 1, 2], [0, 1, 1, 1])
    assert batch.lines == [2, 3, 4]
    assert batch.emails == ["a@x.example", "b@x.example", "c@x.example"]
    assert [said(batch, n)["state"] for n in range(4)] == ["given", "withdrawn", "given", "given"]
    assert [said(batch, n)["channel"] for n in range(4)] == ["email", "sms", "sms", "sms"]
    assert [said(batch, n)["recipient"] for n in range(2)] == ["shop", "paper"]
    assert batch.skipped == [(3, 0), (5, 1)]
    assert batch.refused == [
        (4, 0, "unmapped-value"),
        (5, 0, "bad-event-time"),
        (6, 0, "refused-identifier"),
        (6, 1, "refused-identifier"),
        (7, 0, "malformed-row"),
        (7, 1, "malformed-row"),
    ]
    total = len(batch.ids) + len(batch.skipped) + len(batch.refused)
    assert total == 2 * batch.rows_read == 12


# -- the optional fields ---------------------------------------------------------------------------


def test_every_optional_field_is_read(look):
    row = json_line(
        channel="email", event_type="explicitly-expressed", relation="guardian", written=True,
        listed=["audience-measurement", "joint-audience"], purpose_version=3, legal_regime="gdpr",
        time_zone="Europe/London", layer="second", control_label="Yes, please — ja",
        served_event_id="s-1", evidence_sha256="AB" * 32, evidence_media_type="audio/wav",
        evidence_reference="calls/7",
    )  # fmt: skip
    batch = look(row, name="c.jsonl")
    assert reasons(batch) == []
    found = said(batch)
    assert found["listed"] == ("audience-measurement", "joint-audience")
    assert (found["purpose_version"], found["written"]) == ("3", "true")
    assert batch.extras == [("s-1", "AB" * 32, "calls/7")]


BAD_FIELDS = {
    "bad-channel": [{"channel": "By Mail"}, {"channel": "é"}],
    "unknown-event-type": [{"event_type": "shouted"}],
    "unknown-relation": [{"relation": "cousin"}],
    "bad-written": [{"written": "perhaps"}],
    "bad-listed": [{"listed": "spam"}, {"listed": ["joint-audience", "spam"]}, {"listed": "a|b"}],
    "bad-purpose-version": [{"purpose_version": v} for v in ("0", "-1", "1.0", "1000001", "٣")],
    "bad-legal-regime": [{"legal_regime": "The Law"}],
    "bad-time-zone": [
        {"time_zone": z} for z in ("Europe/Atlantis", "../x", "europe/london", "Europe", "\x00")
    ],
    "bad-layer": [{"layer": "Second Layer"}],
    "bad-control-label": [{"control_label": "x" * 513}, {"control_label": "a\nb"}],
    "bad-served-event-id": [{"served_event_id": "x" * 513}],
    "bad-evidence": [
        {"evidence_sha256": "ab"},
        {"evidence_reference": "here"},
        {"evidence_sha256": "ab" * 32, "evidence_reference": "x" * 513},
        {"evidence_sha256": "ab" * 32, "evidence_media_type": "A Recording"},
    ],
}


@pytest.mark.parametrize("reason", BAD_FIELDS)
def test_a_bad_optional_field_is_refused_with_its_reason(look, reason):
    for changes in BAD_FIELDS[reason]:
        content = "\n".join([json_line(**changes), json_line()])
        batch = look(content, name="c.jsonl")
        assert reasons(batch) == [(1, reason)], changes
        assert batch.ids == ["e1"]


def test_the_separator_of_a_list_can_be_stated(look):
    mapping = SMALL.replace("{source", "{listed: more, source") + 'file: {list_separator: ";"}'
    content = f"id,mail,said,at,more\n1,a@x.example,given,{AT},joint-audience; joint-audience ;\n"
    assert reasons(look(content, mapping)) == []


# -- kinds of files --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings(look, encoding):
    mapping = SMALL.replace(": id", ": Número") + (
        f"file: {{encoding: {encoding.removesuffix('-sig')}, delimiter: ';'}}"
    )
    content = f"Número;mail;said;at\nañ1;a@x.example;given;{AT}\n".encode(encoding)
    assert look(content, mapping).ids == ["añ1"]


def test_a_wrong_encoding_is_refused_by_row_or_as_a_file(look):
    header = "source_event_id,email,purpose,state,event_time\n"
    rows = [f"{i},a@x.example,joint-audience,given,{AT}\n" for i in ("é", "b")]
    batch = look(header.encode() + rows[0].encode("latin-1") + rows[1].encode())
    assert (reasons(batch), batch.ids) == ([(2, "not-text")], ["b"])
    with pytest.raises(ImportUnreadable, match="UTF-16 by its first two bytes"):
        look((header + "".join(rows)).encode("utf-16"))
    mapping = SMALL + "file: {encoding: utf-16}"
    with pytest.raises(ImportUnreadable, match="not UTF-16"):
        look(f"id,mail,said,at\n1,a@x.example,given,{AT}\n", mapping)
    cut = f"id,mail,said,at\n1,a@x.example,given,{AT}\n2,b@x.example,given,{AT}".encode("utf-16")
    assert reasons(look(cut[:-1], mapping)) == [(3, "not-text")]
    broken = cut.replace("\n2,".encode("utf-16-le"), "\n".encode("utf-16-le") + b"\x00\xd8,\x00")
    assert reasons(look(broken, mapping)) == [(3, "not-text")]
    undefined = f"id,mail,said,at\n\x81,a@x.example,given,{AT}\n".encode("latin-1")
    assert reasons(look(undefined, SMALL + "file: {encoding: cp1252}")) == [(2, "not-text")]


@pytest.mark.parametrize("name", ["c.csv.gz", "c.jsonl.gz", "c.ndjson.gz"])
def test_compressed_files(look, name):
    content = table(line()) if "csv" in name else json_line()
    assert look(gzip.compress(content.encode()), name=name).ids == ["e1"]


def test_what_is_compressed_must_say_so_and_the_other_way_round(look):
    packed = gzip.compress(table(line()).encode())
    with pytest.raises(ImportUnreadable, match="is compressed by gzip"):
        look(packed)
    with pytest.raises(ImportUnreadable, match="is not compressed"):
        look(table(line()), name="c.csv.gz")
    columns = "columns: {source_event_id: source_event_id, email: email, state: state, "
    columns += "event_time: event_time}\nconstants: {purpose: joint-audience}\n"
    mapping = columns + "file: {format: csv, compression: %s}"
    assert look(packed, mapping % "gzip", "c.dat").ids == ["e1"]
    assert look(table(line()), mapping % "none", "c.csv.gz").ids == ["e1"]


def test_a_tab_separated_file(look):
    content = table(line(notice="a b")).replace(",", "\t")
    assert look(content, name="c.tsv").ids == ["e1"]


def test_paths_into_json(look):
    row = {
        "id": 7,
        "profile": {"mail": "a@x.example", "a.b": [{"said": "given"}]},
        "at": 1767607200.5,
    }
    mapping = """\
columns:
  source_event_id: id
  email: profile.mail
  state: profile.a\\.b.0.said
  event_time: at
  channel: profile.none.deeper
constants: {purpose: joint-audience}
times: {event_time: epoch-seconds}
"""
    batch = look(json.dumps(row), mapping, "c.jsonl")
    assert (batch.ids, batch.emails) == (["7"], ["a@x.example"])
    assert batch.times_ms == [GOOD_MS + 500]
    assert said(batch) == {"state": "given", "purpose": "joint-audience"}
    for wrong in ({"profile": []}, {"profile": {"mail": {}}}, {"profile": {"mail": ["a"]}}):
        assert len(reasons(look(json.dumps(row | wrong), mapping, "c.jsonl"))) == 1


def test_a_path_that_is_none(look):
    with pytest.raises(MissingColumn, match="no path"):
        look(json_line(), {"email": "a..b"}, "c.jsonl")


def test_json_is_read_strictly(look):
    lines = [
        '{"source_event_id": "a", "source_event_id": "b"}',
        json_line()[:-1] + ', "purpose": "joint-audience"}',
        json_line(source_event_id=float("nan")),
        "[]",
        '"text"',
        json_line() + json_line(),
        json_line(email={"x": 1}),
    ]
    batch = look("\n".join([*lines, json_line()]), name="c.jsonl")
    assert reasons(batch) == [(n, "malformed-row") for n in range(1, len(lines) + 1)]
    assert batch.ids == ["e1"]


def parquet(path, columns):
    pq.write_table(pa.table(columns), path)
    return path.read_bytes()


def test_parquet_with_types_of_its_own(look, tmp_path):
    columns = {name: [text, text] for name, text in GOOD.items()}
    columns |= {
        "source_event_id": pa.array([7, 8], pa.int64()),
        "event_time": pa.array([GOOD_MS, None], pa.timestamp("ms", "UTC")),
        "valid_until": pa.array([None, None], pa.null()),
        "separate": [True, False],
        "listed": [["joint-audience"], None],
        "state": pa.array(["given", "given"]).dictionary_encode(),
        "unused": [{"a": 1}, {"a": 2}],
    }
    batch = look(parquet(tmp_path / "in.parquet", columns), name="c.parquet")
    assert (batch.ids, batch.times_ms) == (["7"], [GOOD_MS])
    assert said(batch)["listed"] == ("joint-audience",)
    assert reasons(batch) == [(2, "bad-event-time")]


def test_parquet_times_without_a_zone_need_one(look, tmp_path):
    columns = {name: [text] for name, text in GOOD.items()}
    columns["event_time"] = pa.array([GOOD_MS * 1000], pa.timestamp("us"))
    content = parquet(tmp_path / "in.parquet", columns)
    assert reasons(look(content, name="c.parquet")) == [(1, "bad-event-time")]
    mapping = """\
columns: {source_event_id: source_event_id, email: email, state: state, event_time: event_time}
constants: {purpose: joint-audience}
times: {event_time: {zone: UTC}}
"""
    assert look(content, mapping, "c.parquet").times_ms == [GOOD_MS]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("email", [b"a@x.example"]),
        ("email", [["a@x.example"]]),
        ("state", [{"a": "given"}]),
        ("source_event_id", [1.5]),
        ("phone", [447400123456.0]),
        ("listed", [[1]]),
    ],
)
def test_parquet_columns_of_odd_types_are_refused_by_name(look, tmp_path, name, column):
    columns = {n: [text] for n, text in GOOD.items()} | {name: column}
    with pytest.raises(ImportUnreadable, match=f"the column {name} has the type"):
        look(parquet(tmp_path / "in.parquet", columns), name="c.parquet")


def test_an_event_id_is_not_made_of_numbers_with_a_point(look, tmp_path):
    mapping = """\
columns: {email: email, state: state, event_time: event_time}
constants: {purpose: joint-audience}
event_id: {digest_of: [number]}
"""
    columns = {n: [text] for n, text in GOOD.items()} | {"number": [0.1]}
    with pytest.raises(ImportUnreadable, match="the column number has the type DOUBLE"):
        look(parquet(tmp_path / "in.parquet", columns), mapping, "c.parquet")


def test_kinds_that_are_not_read(look):
    for name in ("c.xlsx", "c", "c.gz", "c.tar.gz"):
        with pytest.raises(ImportUnreadable, match=r"are not read|not compressed"):
            look("x", name=name)
    with pytest.raises(ImportUnreadable, match="compressed inside"):
        look(gzip.compress(b"PAR1"), name="c.parquet.gz")


def test_what_a_mapping_says_of_the_file_must_fit_its_kind(look, tmp_path):
    with pytest.raises(ImportUnreadable, match="states the delimiter, and json-lines files"):
        look(json_line(), SMALL + "file: {delimiter: ';'}", "c.jsonl")
    content = parquet(tmp_path / "in.parquet", {name: [text] for name, text in GOOD.items()})
    with pytest.raises(ImportUnreadable, match="states the encoding"):
        look(content, SMALL + "file: {encoding: latin-1}", "c.parquet")


def test_a_file_with_a_header_only_and_one_with_nothing(look):
    assert look(table()).rows_read == 0
    assert look("", name="c.jsonl").rows_read == 0
    with pytest.raises(MissingColumn):
        look("")


def test_many_rows_are_many_batches(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(table(*(line(source_event_id=f"e{n}") for n in range(BATCH_ROWS + 2))))
    with opened(task(path)) as reading:
        batches = list(reading.batches())
    assert [b.rows_read for b in batches] == [BATCH_ROWS, 2]
    assert batches[1].lines == [BATCH_ROWS + 2, BATCH_ROWS + 3]


def test_a_region_stands_in_for_an_empty_jurisdiction_and_reads_numbers(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(table(line(jurisdiction="", email="", phone="020 7946 0001")))
    with opened(task(path, region="GB")) as reading:
        (batch,) = reading.batches()
    assert batch.phones == ["+442079460001"]
    with opened(task(path, region=None)) as reading:
        (batch,) = reading.batches()
    assert reasons(batch) == [(2, "refused-identifier")]


def test_where_a_time_may_mean_two_instants_the_no_counts_longer(look):
    mapping = SMALL.replace("{source", "{valid_until: end, source") + (
        "times: {event_time: {zone: Europe/London}, valid_until: {zone: Europe/London}}"
    )
    rows = ["given", "withdrawn", "requested"]
    twice = "2025-10-26T01:30"
    content = "id,mail,said,at,end\n" + "".join(
        f"{i},a@x.example,{state},{twice},\n" for i, state in enumerate(rows)
    )
    batch = look(content + f"9,a@x.example,given,2025-10-26T00:30,{twice}\n", mapping)
    hour = 3_600_000
    assert [t - batch.times_ms[0] for t in batch.times_ms[:3]] == [0, hour, hour]
    assert batch.untils_ms == [None, None, None, batch.times_ms[0]]


def test_a_mapping_that_is_none(tmp_path):
    with pytest.raises(InvalidMapping):
        read(tmp_path / "c.csv", "columns: 7")
