"""Reading a consent file: the quick ways answer as the slow ones; a batch survives its journey."""

# ruff: noqa: DTZ001 - local times have no zone of their own

import csv
import datetime
import hmac
import io
import zoneinfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from consent import instants
from party_node.capture import times
from party_node.capture.batches import Batch
from party_node.capture.csv_records import Records
from party_node.capture.refusals import Refusal
from party_node.capture.times import TimeFormat
from party_node.keyed_digest import keyed_digest
from tests.support.depth import examples

ZONES = ["UTC", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns",
         "Africa/Monrovia", "Pacific/Apia"]  # fmt: skip
MOMENTS = st.datetimes(datetime.datetime(1970, 1, 3), datetime.datetime(2200, 1, 1))
PATTERNS = ["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%d.%m.%Y %H", "%Y%m%d%H%M%S"]


@given(st.integers(0, instants.MAX_MS))
@example(0)
@example(instants.MAX_MS)
def test_what_we_write_is_read_as_we_read_it(ms: int) -> None:
    text = instants.to_text(ms)
    assert TimeFormat().reader()(text) == instants.from_text(text) == ms


@given(MOMENTS, st.sampled_from(PATTERNS), st.sampled_from(ZONES), st.data())
@settings(max_examples=examples(375))
def test_the_quick_way_of_a_pattern_is_the_slow_way(
    moment: datetime.datetime, pattern: str, zone: str, data: st.DataObject
) -> None:
    text = moment.strftime(pattern)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from("0 9/:x٣\n") | st.just("")) + text[at + 1 :]
    quick = TimeFormat(pattern, zone).reader()(text)
    assert quick == times._by_pattern(pattern, zoneinfo.ZoneInfo(zone), None, text)


@given(MOMENTS, st.sampled_from(ZONES))
@settings(max_examples=examples(375))
@example(datetime.datetime(2026, 10, 25, 1, 30), "Europe/London")
@example(datetime.datetime(2026, 3, 29, 1, 30), "Europe/London")
@example(datetime.datetime(2026, 4, 5, 1, 45), "Australia/Lord_Howe")
@example(datetime.datetime(1972, 1, 7, 0, 30), "Africa/Monrovia")
@example(datetime.datetime(2011, 12, 30, 12, 0), "Pacific/Apia")
def test_a_local_time_is_what_the_zone_says(moment: datetime.datetime, zone: str) -> None:
    known = zoneinfo.ZoneInfo(zone)
    exact = [
        (moment.replace(tzinfo=known, fold=f) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC))
        // datetime.timedelta(milliseconds=1)
        for f in (0, 1)
    ]
    assume(min(exact) >= 0)
    found = TimeFormat("iso", zone).reader()(moment.isoformat())
    assert found == (exact[0] if exact[0] == exact[1] else (min(exact), max(exact)))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_keyed_digest_is_hmac(key: bytes, message: bytes) -> None:
    assert keyed_digest(key)(message) == hmac.digest(key, message, "sha256")


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=8))
def test_csv_that_was_written_is_read_with_its_line_numbers(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    starts = []
    for row in rows:
        text = out.getvalue()
        starts.append(1 + len(io.StringIO(text, newline="").readlines()))
        csv.writer(out, lineterminator="\r\n").writerow(row)
    lines = iter(io.StringIO(out.getvalue(), newline=""))
    assert list(Records(lines, ",")) == list(zip(starts, rows, strict=True))


@given(st.text('ab,"\n\r;', max_size=60))
@settings(max_examples=examples(250))
def test_any_csv_ends_and_lines_only_rise(text: str) -> None:
    found = list(Records(iter(io.StringIO(text, newline="")), ","))
    lines = [line for line, _ in found]
    assert lines == sorted(set(lines))
    assert all(isinstance(row, list | Refusal) for _, row in found)


texts = st.text(max_size=6)
batches = st.builds(
    Batch,
    rows_read=st.integers(0, 9),
    lines=st.lists(st.integers(1, 10**12), max_size=3),
    emails=st.lists(st.none() | texts, max_size=3),
    ids=st.lists(texts, max_size=3),
    untils_ms=st.lists(st.none() | st.integers(0, instants.MAX_MS), max_size=3),
    said=st.lists(st.tuples(texts, st.lists(texts, max_size=2).map(tuple)), max_size=3),
    extras=st.lists(st.tuples(texts, texts, texts), max_size=2),
    refused=st.lists(st.tuples(st.integers(), st.integers(), texts), max_size=2),
    skipped=st.lists(st.tuples(st.integers(), st.integers()), max_size=2),
)


@given(batches)
def test_a_batch_survives_its_journey_on_one_line(batch: Batch) -> None:
    line = batch.to_json()
    assert line.index(b"\n") == len(line) - 1
    assert Batch.from_json(line) == batch


@pytest.mark.parametrize("zone", ZONES)
def test_the_zones_of_this_test_are_known(zone: str) -> None:
    assert zoneinfo.ZoneInfo(zone).key == zone
