"""Instants as other systems write them: each form, changes of the clock, and what is refused."""

import datetime
import zoneinfo

import pytest

from party_node.capture.times import DIRECTIVES, BadTimeFormat, TimeFormat

LONDON = "Europe/London"
TEN = 1_767_607_200_000
"""2026-01-05 10:00 UTC."""


def ms(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (TimeFormat(), "2026-01-05T10:00:00Z", TEN),
        (TimeFormat(), "2026-01-05T10:00:00.000Z", TEN),
        (TimeFormat(), "2026-01-05T10:00:00.1239Z", TEN + 123),
        (TimeFormat(), "2026-01-05 11:00:00+01:00", TEN),
        (TimeFormat(), "2026-01-05 10:00:00+00", TEN),
        (TimeFormat(), "20260105T100000Z", TEN),
        (TimeFormat("iso", LONDON), "2026-07-05T11:00", ms("2026-07-05T10:00Z")),
        (TimeFormat("iso", LONDON), "2026-07-05T11:00Z", ms("2026-07-05T11:00Z")),
        (TimeFormat("iso", LONDON, "23:59:59.999"), "2026-07-05", ms("2026-07-05T22:59:59.999Z")),
        (TimeFormat("iso", LONDON, "23:59"), "2026-07-05T11:00", ms("2026-07-05T10:00Z")),
        (TimeFormat("epoch-seconds"), "1767607200", TEN),
        (TimeFormat("epoch-seconds"), "1767607200.1239", TEN + 123),
        (TimeFormat("epoch-seconds"), "0", 0),
        (TimeFormat("epoch-milliseconds"), "1767607200123", TEN + 123),
        (TimeFormat("epoch-milliseconds"), "1767607200123.9", TEN + 123),
        (TimeFormat("%d/%m/%Y %H:%M", LONDON), "05/07/2026 11:00", ms("2026-07-05T10:00Z")),
        (TimeFormat("%d/%m/%Y %H:%M", LONDON), "5/7/2026 11:00", ms("2026-07-05T10:00Z")),
        (TimeFormat("%Y-%m-%d %H:%M:%S", "UTC"), "2026-01-05 10:00:00", TEN),
        (TimeFormat("%Y-%m-%dT%H:%M:%S%z"), "2026-01-05T11:00:00+0100", TEN),
        (TimeFormat("%b %d, %Y %I:%M %p", "UTC"), "Jan 05, 2026 10:00 AM", TEN),
        (TimeFormat("%y%j %H", "UTC"), "26005 10", TEN),
        (TimeFormat("%Y%m%d", "Asia/Kathmandu", "15:45"), "20260105", TEN),
        (TimeFormat("%d.%m.%Y 100%%", "UTC", "10:00"), "05.01.2026 100%", TEN),
    ],
)
def test_forms(form, text, expected):
    assert form.reader()(text) == expected


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (
            TimeFormat(),
            ["", "now", "2026-01-05", "2026-01-05T10:00:00", "1767607200", "1969-12-31T23:59:59Z"],
        ),
        (TimeFormat("iso", LONDON), ["2026-01-05", "20260105", "2026-13-05T10:00"]),
        (TimeFormat("iso", LONDON, "10:00"), ["2026-02-30", "05/01/2026", ""]),
        (
            TimeFormat("epoch-seconds"),
            ["", "-1", "1e9", "１", "9" * 16, "253402300800", "NaN", " 5"],
        ),
        (TimeFormat("epoch-milliseconds"), ["253402300800000", "0x10", "1_000"]),
        (
            TimeFormat("%d/%m/%Y %H:%M", LONDON),
            ["", "31/02/2026 10:00", "05/01/2026 24:00", "05/01/2026 10:60", "05/01/2026 10:00Z",
             "01/01/0001 00:00", "05/01/1969 10:00", "٠٥/01/2026 10:00 "],
        ),
        (TimeFormat("%Y-%m-%dT%H:%M%z"), ["2026-01-05T10:00"]),
    ],
)  # fmt: skip
def test_what_is_no_instant(form, texts):
    read = form.reader()
    assert [text for text in texts if read(text) is not None] == []


@pytest.mark.parametrize(
    "form",
    [TimeFormat("%Y-%m-%d %H:%M", LONDON), TimeFormat("iso", LONDON)],
    ids=["pattern", "iso"],
)
def test_an_hour_that_comes_twice_or_never_names_two_instants(form):
    read = form.reader()
    assert read("2026-10-25 01:30") == (ms("2026-10-25T00:30Z"), ms("2026-10-25T01:30Z"))
    assert read("2026-10-25 00:59") == ms("2026-10-24T23:59Z")
    assert read("2026-10-25 02:00") == ms("2026-10-25T02:00Z")
    assert read("2026-03-29 01:30") == (ms("2026-03-29T00:30Z"), ms("2026-03-29T01:30Z"))
    assert read("2026-03-29 00:59") == ms("2026-03-29T00:59Z")
    assert read("2026-03-29 02:00") == ms("2026-03-29T01:00Z")


def test_a_change_by_half_an_hour():
    read = TimeFormat("%Y-%m-%d %H:%M", "Australia/Lord_Howe").reader()
    assert read("2026-04-05 01:45") == (ms("2026-04-04T14:45Z"), ms("2026-04-04T15:15Z"))
    assert read("2026-04-05 02:00") == ms("2026-04-04T15:30Z")


@pytest.mark.parametrize(
    "wrong",
    [
        ("seconds",),
        ("",),
        ("%c",),
        ("%Y-%m-%d %Q",),
        ("%Y-%m-%d %H:%M %Z",),
        ("%H:%M", "UTC"),
        ("%Y-%d %H", "UTC"),
        ("%Y-%m-%d %Y %H", "UTC"),
        ("%Y-%m-%d %I:%M", "UTC"),
        ("%Y-%m-%d %H %p", "UTC"),
        ("%Y-%m-%d :%M", "UTC"),
        ("%Y-%m-%d %H",),
        ("%Y-%m-%d %H%z", "UTC"),
        ("%Y-%m-%d", "UTC"),
        ("%Y-%m-%d %H", "UTC", "10:00"),
        ("%Y-%m-%d", "UTC", "ten"),
        ("%Y-%m-%d", "UTC", "10:00+01:00"),
        ("iso", "Atlantis"),
        ("iso", "../../etc/passwd"),
        ("iso", "", "10:00"),
        ("epoch-seconds", "UTC"),
        ("%Y-%m-%d %H %", "UTC"),
    ],
)
def test_what_is_no_format(wrong):
    with pytest.raises(BadTimeFormat):
        TimeFormat(*wrong)


def test_every_directive_is_one_that_python_knows():
    moment = datetime.datetime(2026, 1, 5, 10, tzinfo=zoneinfo.ZoneInfo("UTC"))
    for directive in DIRECTIVES:
        text = moment.strftime(f"%{directive}")
        assert datetime.datetime.strptime(text, f"%{directive}")  # noqa: DTZ007
