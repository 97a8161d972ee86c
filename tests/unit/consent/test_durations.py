"""Rule 8: durations have one spelling each, and are added on the person's calendar."""

import pytest

from consent.durations import Duration, add, from_text, to_text
from consent.errors import MalformedRecord
from consent.instants import MAX_MS
from party_node.contact.time_zones import time_zone
from tests.support.clocks import HOUR, utc

KNOWN = {
    "P1Y": Duration(years=1),
    "P6M": Duration(months=6),
    "P2W": Duration(weeks=2),
    "P30D": Duration(days=30),
    "PT12H": Duration(hours=12),
    "PT15M": Duration(minutes=15),
    "P1Y6M": Duration(years=1, months=6),
    "P12M": Duration(months=12),
    "P1DT12H": Duration(days=1, hours=12),
    "P1Y2M3DT4H5M6S": Duration(years=1, months=2, days=3, hours=4, minutes=5, seconds=6),
    "P999999999D": Duration(days=999_999_999),
}


@pytest.mark.parametrize(("text", "duration"), KNOWN.items())
def test_a_duration_has_one_text(text: str, duration: Duration) -> None:
    assert from_text(text) == duration
    assert to_text(duration) == text


@pytest.mark.parametrize(
    "bad",
    [
        "", "P", "PT", "P0D", "PT0S", "P1Y0M", "P01Y", "P1YT", "p1y", "1Y", "-P1Y", "+P1Y", "P-1Y",
        "P1.5Y", "P0,5D", "P1M1Y", "P1Y2W", "P2W1D", "P1WT1H", "P1H", "PT1D", "P1Y ", " P1Y",
        "P1Y\n", "P１Y", "P1000000000D", "P0001-00-00T00:00:00", "P1S",
    ],
)  # fmt: skip
def test_every_other_text_is_refused(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        from_text(bad)


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"days": 0}, {"days": -1}, {"days": 1.0}, {"days": True}, {"days": 10**9},
        {"weeks": 1, "days": 1}, {"weeks": 1, "hours": 1}, {"days": "1"}, {"days": None},
    ],
)  # fmt: skip
def test_a_duration_without_a_text_cannot_be_made(wrong: dict[str, int]) -> None:
    with pytest.raises(MalformedRecord):
        Duration(**wrong)


@pytest.mark.parametrize(
    ("start", "duration", "zone", "end"),
    [
        # end of month: the last day of the shorter one, in leap years and others
        ("2027-01-31 12:00", "P1M", "UTC", "2027-02-28 12:00"),
        ("2028-01-31 12:00", "P1M", "UTC", "2028-02-29 12:00"),
        ("2028-02-29 12:00", "P1Y", "UTC", "2029-02-28 12:00"),
        ("2028-02-29 12:00", "P4Y", "UTC", "2032-02-29 12:00"),
        ("2027-08-31 12:00", "P6M", "UTC", "2028-02-29 12:00"),
        # years and months at once, then days: 29 February is met once, not on the way
        ("2028-02-29 12:00", "P1Y1M", "UTC", "2029-03-29 12:00"),
        ("2027-01-31 12:00", "P1M1D", "UTC", "2027-03-01 12:00"),
        ("2027-12-31 12:00", "P2M", "UTC", "2028-02-29 12:00"),
        ("2027-01-15 12:00", "P2W", "UTC", "2027-01-29 12:00"),
        # the person's calendar: 23:30 UTC on 30 January is the 31st in Berlin, the 30th in New York
        ("2027-01-30 23:30", "P1M", "UTC", "2027-02-28 23:30"),
        ("2027-01-30 23:30", "P1M", "Europe/Berlin", "2027-02-27 23:30"),
        ("2027-01-31 04:30", "P1M", "UTC", "2027-02-28 04:30"),
        ("2027-01-31 04:30", "P1M", "America/New_York", "2027-03-01 04:30"),
        # the same time of day across a change: an hour less, an hour more
        ("2027-03-27 12:00", "P1D", "Europe/London", "2027-03-28 11:00"),
        ("2027-10-30 11:00", "P1D", "Europe/London", "2027-10-31 12:00"),
        ("2027-04-03 01:00", "P1D", "Australia/Sydney", "2027-04-04 02:00"),
        # elapsed time does not follow the clock
        ("2027-03-27 12:00", "PT24H", "Europe/London", "2027-03-28 12:00"),
        # 02:30 does not exist on 28 March in Berlin: 03:30
        ("2027-02-28 01:30", "P1M", "Europe/Berlin", "2027-03-28 01:30"),
        # 01:30 comes twice on 7 November in New York: the first
        ("2027-10-07 05:30", "P1M", "America/New_York", "2027-11-07 05:30"),
        # time is added after the calendar: two hours after that first 01:30 it is 02:30
        ("2027-10-07 05:30", "P1MT2H", "America/New_York", "2027-11-07 07:30"),
        # from the second 01:30, half an hour on
        ("2027-11-07 06:30", "PT30M", "America/New_York", "2027-11-07 07:00"),
        # a day that a country left out
        ("2011-12-30 00:00", "P1D", "Pacific/Apia", "2011-12-31 00:00"),
    ],
)
def test_rule_8_a_duration_ends_on_the_persons_calendar(
    start: str, duration: str, zone: str, end: str
) -> None:
    assert add(utc(start), from_text(duration), time_zone(zone)) == utc(end)


def test_milliseconds_are_kept() -> None:
    start = utc("2027-01-31 12:00") + 123
    assert add(start, from_text("P1M"), time_zone("UTC")) == utc("2027-02-28 12:00") + 123


@pytest.mark.parametrize(
    "duration", ["P9999Y", "P999999999Y", "P999999999D", "PT999999999H", "P99999M", "P1D"]
)
def test_an_end_beyond_the_year_9999_is_refused(duration: str) -> None:
    late = MAX_MS if duration == "P1D" else utc("2027-01-01 00:00")
    for zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        with pytest.raises(MalformedRecord):
            add(late, from_text(duration), time_zone(zone))
    assert add(MAX_MS - HOUR, from_text("PT1H"), time_zone("Pacific/Kiritimati")) == MAX_MS
