"""Mapping files: what they can say, and that every fault is named with line, key and what to do."""

import json
import re
from pathlib import Path

import pytest

from party_node.capture import mapping_file
from party_node.capture.columns import ALL, COLUMNS
from party_node.capture.errors import InvalidMapping
from party_node.capture.mapping import (
    ENCODINGS,
    KINDS,
    FileForm,
    WordMap,
    by_columns,
    steps,
)
from party_node.capture.mapping_sections import KEYS
from party_node.capture.times import FORMATS, TimeFormat
from party_node.errors import MissingColumn
from tests.support.consent_files import PURPOSES

PAGE = (Path(__file__).parents[4] / "docs/operate/data.md").read_text(encoding="utf-8")

SMALL = """\
columns: {source_event_id: id, email: mail, state: said, event_time: at}
constants: {purpose: joint-audience}
"""


def parse(text):
    return mapping_file.parse(text, PURPOSES)


def fault_of(text):
    with pytest.raises(InvalidMapping) as caught:
        parse(text)
    return str(caught.value)


def test_a_mapping_says_all_of_it():
    found = parse("""\
file: {format: csv, delimiter: ";", encoding: cp1252, compression: gzip, list_separator: "/"}
columns: {source_event_id: id, phone: mobile, state: said, event_time: at, listed: more}
constants: {purpose: joint-audience, channel: sms, evidence_media_type: audio/wav}
values:
  state:
    words: {"Y": given, "NO": refused, "": skip}
    otherwise: keep
times:
  event_time: {format: "%d.%m.%Y", zone: Europe/London, at: "12:30"}
""")
    assert found.form == FileForm("csv", ";", "cp1252", "gzip")
    assert found.separator == "/"
    assert found.columns == {"source_event_id": "id", "phone": "mobile"}
    (event,) = found.events
    assert event.columns == {"state": "said", "event_time": "at", "listed": "more"}
    assert event.constants["channel"] == "sms"
    assert event.values["state"] == WordMap({"Y": "given", "NO": "refused", "": "skip"}, "keep")
    assert event.times["event_time"] == TimeFormat("%d.%m.%Y", "Europe/London", "12:30")
    assert not found.wide


def test_an_event_of_a_wide_file_stands_over_what_stands_outside():
    found = parse("""\
columns: {source_event_id: id, email: mail, event_time: at, recipient: partner}
constants: {purpose: joint-audience, method: web-form}
values: {state: {words: {"1": given, "0": withdrawn}}}
events:
  - {suffix: /a, columns: {state: a_ok}, constants: {recipient: shop}}
  - suffix: /b
    columns: {state: b_ok, method: b_how, event_time: b_at}
    values: {state: {words: {"yes": given}, otherwise: skip}}
    times: {event_time: epoch-seconds}
""")
    first, second = found.events
    assert first.columns == {"event_time": "at", "state": "a_ok"}
    assert first.constants == {
        "purpose": "joint-audience",
        "method": "web-form",
        "recipient": "shop",
    }
    assert first.values["state"].words == {"1": "given", "0": "withdrawn"}
    assert second.columns == {
        "event_time": "b_at",
        "recipient": "partner",
        "state": "b_ok",
        "method": "b_how",
    }
    assert second.constants == {"purpose": "joint-audience"}
    assert second.values["state"] == WordMap({"yes": "given"}, "skip")
    assert second.times["event_time"].pattern == "epoch-seconds"
    assert [e.suffix for e in found.events] == ["/a", "/b"]


FAULTS = {
    # what is wrong: (text, what the message says)
    "empty": ("", "the text is empty"),
    "a list": ("- a", "line 1: write keys here: file, columns"),
    "no YAML": ("columns: {a", "line 1: this is not YAML"),
    "unknown key": (SMALL + "colour: red", "line 3: colour: there is no such key; keys are file"),
    "unknown field": (
        SMALL.replace("{source", "{colour: x, source"),
        "line 1: columns.colour: there is no such field; fields are source_event_id",
    ),
    "trust": (
        SMALL.replace("{purpose", "{source_trust: 9, purpose"),
        "line 2: constants.source_trust: the node sets this itself",
    ),
    "no column": (SMALL.replace(": mail", ': ""'), "line 1: columns.email: give the name of one"),
    "no person": (SMALL.replace("email: mail, ", ""), "columns: name the column of `email` or"),
    "no id": (SMALL.replace("source_event_id: id, ", ""), "name the column of `source_event_id`"),
    "two ids": (SMALL + "event_id: {digest_of: [a]}", "one of the two"),
    "no state": (SMALL.replace("state: said, ", ""), "say where `state` comes from"),
    "constant person": (
        SMALL.replace("{purpose", "{email: a@b.example, purpose"),
        "line 2: constants.email: this differs from row to row; name its column",
    ),
    "unknown purpose": (
        SMALL.replace("joint-audience", "spam"),
        "line 2: constants.purpose: a row with this would be refused (unknown-purpose); it is one"
        " of audience-measurement, joint-audience",
    ),
    "bad constant": (
        SMALL.replace("{purpose", "{recipient: The Shop, purpose"),
        "constants.recipient: a row with this would be refused (bad-recipient)",
    ),
    "empty constant": (
        SMALL.replace("{purpose", '{channel: "", purpose'),
        "line 2: constants.channel: give one value, or leave the field out",
    ),
    "constant and column": (
        SMALL.replace("{purpose", "{state: given, purpose"),
        "line 2: constants.state: a column fills this; keep one of the two",
    ),
    "no instant": (
        SMALL.replace(", event_time: at", "").replace("{purpose", "{event_time: noon, purpose"),
        "constants.event_time: give one instant",
    ),
    "two instants": (
        SMALL.replace(", event_time: at", "").replace(
            "{purpose", '{event_time: "2026-10-25T01:30", purpose'
        )
        + "times: {event_time: {format: iso, zone: Europe/London}}",
        "constants.event_time: give one instant",
    ),
    "unknown word": (
        SMALL + "values:\n  state:\n    words:\n      Y: yes",
        "line 6: values.state.words: a row with this would be refused (unknown-state); it is one"
        " of requested",
    ),
    "unknown otherwise": (
        SMALL + 'values: {state: {words: {"Y": given}, otherwise: perhaps}}',
        "line 3: values.state.otherwise: a row with this would be refused",
    ),
    "no words": (SMALL + "values: {state: {otherwise: skip}}", "list the file's words and ours"),
    "blanks": (SMALL + 'values: {state: {words: {"Y ": given}}}', "without blanks around them"),
    "words of a person": (
        SMALL + 'values: {email: {words: {"a": b}}}',
        "values.email: words of this field cannot be translated",
    ),
    "words of nothing": (
        SMALL + 'values: {method: {words: {"a": import}}}',
        "values.method: nothing fills this field",
    ),
    "time of nothing": (SMALL + "times: {valid_until: iso}", "times.valid_until: nothing fills"),
    "time of a word": (SMALL + "times: {state: iso}", "times.state: this is no time"),
    "bad pattern": (
        SMALL + 'times: {event_time: "%c"}',
        "line 3: times.event_time: a pattern cannot hold %c; write iso, epoch-seconds",
    ),
    "no zone": (SMALL + 'times: {event_time: "%Y-%m-%d %H:%M"}', "state the zone"),
    "no such zone": (
        SMALL + "times: {event_time: {format: iso, zone: Europe/Atlantis}}",
        "this machine knows no such zone",
    ),
    "an unknown part of a time": (
        SMALL + "times: {event_time: {form: iso}}",
        "times.event_time.form: there is no such key; keys are format, zone, at",
    ),
    "unknown encoding": (SMALL + "file: {encoding: ebcdic}", "it is one of utf-8, latin-1"),
    "long delimiter": (SMALL + 'file: {delimiter: "||"}', "give one character"),
    "delimiter of JSON": (
        SMALL + 'file: {format: json-lines, delimiter: ";"}',
        "file.delimiter: json-lines files have none",
    ),
    "packed Parquet": (
        SMALL + "file: {format: parquet, compression: gzip}",
        "file.compression: a Parquet file is compressed inside",
    ),
    "empty step": (
        SMALL.replace(": mail", ": a..b") + "file: {format: json-lines}",
        "columns.email: a path has a key between its dots",
    ),
    "digest of nothing": (
        SMALL.replace("source_event_id: id, ", "") + "event_id: {digest_of: []}",
        "event_id.digest_of: list the columns",
    ),
    "digest of a column twice": (
        SMALL.replace("source_event_id: id, ", "") + "event_id: {digest_of: [a, a]}",
        "name each column once",
    ),
    "no events": (SMALL + "events: []", "events: list 1 to 100 events"),
    "no suffix": (SMALL + "events: [{}]", "events[0].suffix: give a suffix"),
    "suffix of ours": (SMALL + 'events: [{suffix: "a#2"}]', "events[0].suffix: give a suffix"),
    "suffixes that run together": (
        SMALL + 'events: [{suffix: "x"}, {suffix: "/x"}]',
        "events[1].suffix: one suffix ends with another",
    ),
    "a person in an event": (
        SMALL + "events: [{suffix: /a, columns: {email: other}}]",
        "events[0].columns.email: a row has this once; name it above",
    ),
    "the same key twice": (
        SMALL + "constants: {}",
        "line 3: the same key stands on line 2 already",
    ),
    "anchor": ("columns: &a {}", "line 1: anchors and aliases are not allowed"),
    "tag": ("columns: !!python/name:os.system {}", "line 1: tags are not allowed"),
    "two documents": (SMALL + "---\n" + SMALL, "this is not YAML"),
    "deep": ("[" * 50, "line 1: this is nested too deeply"),
    "long": ("#" * 300_000, "the text is longer than 262,144 characters"),
    "nul": ("a: \x00", "the text is not YAML"),
    "surrogate": ("a: \ud800", "the text is not YAML"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_named_with_its_line_its_key_and_what_to_do(what):
    text, message = FAULTS[what]
    assert message in fault_of(text)


def test_all_faults_are_named_at_once_and_each_once():
    said = fault_of(SMALL + "colour: red\ntimes: {state: iso}\nshape: round")
    assert re.findall(r"line (\d+)", said) == ["3", "4", "5"]


def test_many_faults_are_counted():
    said = fault_of(SMALL + "\n".join(f"key{n}: x" for n in range(30)))
    assert said.endswith("; and 10 more")


def test_words_are_taken_as_they_are_typed():
    """YAML would read Norway, yes and 1.0 as something else."""
    found = parse(
        SMALL.replace("{purpose", "{jurisdiction: NO, purpose_version: 1, purpose")
        + "values: {state: {words: {yes: given, NO: refused, 1.0: given, ~: skip}}}"
    )
    assert found.events[0].constants["jurisdiction"] == "NO"
    assert set(found.events[0].values["state"].words) == {"yes", "NO", "1.0", "~"}


def test_a_mapping_can_be_json():
    text = json.dumps(
        {
            "columns": {"source_event_id": "id", "email": "Élan", "event_time": "at"},
            "constants": {"purpose": "joint-audience", "state": "withdrawn"},
        },
        ensure_ascii=False,
    )
    assert parse(text).columns["email"] == "Élan"


def test_the_same_text_makes_the_same_mapping():
    found = parse(SMALL)
    assert parse(found.origin) == found
    short = by_columns({"email": "mail"})
    assert by_columns(short.origin) == short


def test_an_unknown_name_in_a_plain_list_of_columns():
    with pytest.raises(MissingColumn, match="colour"):
        by_columns({"colour": "x"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("email", ("email",)),
        ("profile.email", ("profile", "email")),
        ("a.0.b", ("a", "0", "b")),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\\.b", ("a\\", "b")),
        (" a . b ", (" a ", " b ")),
    ],
)
def test_paths(path, expected):
    assert steps(path) == expected


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a\\"])
def test_what_is_no_path(path):
    with pytest.raises(ValueError, match="between its dots"):
        steps(path)


def test_a_mapping_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InvalidMapping):
        mapping_file.read_text(tmp_path / "none.yaml")
    with pytest.raises(InvalidMapping):
        mapping_file.read_text(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"# caf\xe9")
    with pytest.raises(InvalidMapping, match="not UTF-8"):
        mapping_file.read_text(tmp_path / "latin.yaml")


# -- the documentation -----------------------------------------------------------------------------


def test_every_key_has_a_row_and_every_row_is_a_key():
    section = PAGE.split("\n## Mapping files\n", 1)[1]
    cells = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    documented = [key for cell in cells for key in re.findall(r"`([a-z_.]+)`", cell)]
    coded = [f"{part}.{key}" if part else key for part, keys in KEYS.items() for key in keys]
    assert sorted(documented) == sorted(coded)


def test_every_choice_is_documented():
    section = PAGE.split("\n## Mapping files\n", 1)[1]
    for word in (*KINDS, *ENCODINGS, *FORMATS, "gzip", "none", "skip", "refuse", "keep"):
        assert f"`{word}`" in section, word


def test_every_mapping_in_the_docs_parses():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    small, wide = map(parse, examples)
    assert (small.wide, wide.wide) == (False, True)


def test_every_column_has_a_row_that_says_whether_it_is_needed():
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no|one of the two) \|", PAGE, re.MULTILINE))
    assert list(rows) == list(COLUMNS)
    for column in ALL:
        needed = "yes" if column.required else "no"
        assert rows[column.name] == (
            "one of the two" if column.name in ("email", "phone") else needed
        )
        for word in column.one_of or ():
            assert f"`{word.value}`" in PAGE
