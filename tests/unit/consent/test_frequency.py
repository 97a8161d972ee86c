"""Rule 17: caps by the calendar and rolling ones, several at once, and when they free up."""

import pytest

from consent.durations import from_text
from consent.errors import MalformedRecord, UnknownTimeZone
from consent.frequency import (
    LONGEST_MS,
    MOST,
    Basis,
    Capped,
    FrequencyCap,
    free_at,
    permits,
    refusal,
    window,
)
from consent.instants import MAX_MS
from party_node.contact.time_zones import time_zone
from tests.support.clocks import DAY, HOUR, shown, utc

LONDON, NEW_YORK, TOKYO = map(time_zone, ("Europe/London", "America/New_York", "Asia/Tokyo"))


def calendar(limit: int, per: str) -> FrequencyCap:
    return FrequencyCap(limit, from_text(per), Basis.CALENDAR)


def rolling(limit: int, per: str) -> FrequencyCap:
    return FrequencyCap(limit, from_text(per), Basis.ROLLING)


@pytest.mark.parametrize(
    ("per", "zone", "at", "start", "end"),
    [
        ("P1D", "Europe/London", "2027-01-15 12:00", "2027-01-15 00:00", "2027-01-16 00:00"),
        ("P1D", "Asia/Tokyo", "2027-01-15 16:00", "2027-01-15 15:00", "2027-01-16 15:00"),
        # weeks start on Monday
        ("P1W", "Europe/London", "2027-01-17 23:59", "2027-01-11 00:00", "2027-01-18 00:00"),
        ("P1W", "Europe/London", "2027-01-18 00:00", "2027-01-18 00:00", "2027-01-25 00:00"),
        ("P1W", "America/New_York", "2027-01-18 00:00", "2027-01-11 05:00", "2027-01-18 05:00"),
        ("P1M", "Europe/London", "2028-02-29 12:00", "2028-02-01 00:00", "2028-03-01 00:00"),
        ("P1M", "Europe/London", "2027-12-31 23:59", "2027-12-01 00:00", "2028-01-01 00:00"),
        # days of 23 and of 25 hours
        ("P1D", "Europe/London", "2027-03-28 12:00", "2027-03-28 00:00", "2027-03-28 23:00"),
        ("P1D", "Europe/London", "2027-10-31 12:00", "2027-10-30 23:00", "2027-11-01 00:00"),
        ("P1D", "Australia/Sydney", "2027-10-03 00:00", "2027-10-02 14:00", "2027-10-03 13:00"),
        # a day that begins at 01:00
        ("P1D", "America/Santiago", "2027-09-05 12:00", "2027-09-05 04:00", "2027-09-06 03:00"),
        ("P1D", "America/Santiago", "2027-09-05 03:59", "2027-09-04 04:00", "2027-09-05 04:00"),
        # a day that begins with its second half hour
        ("P1D", "America/Toronto", "1919-03-31 04:40", "1919-03-31 04:30", "1919-04-01 04:00"),
        # set back from 00:01 to 23:01: the day has begun and goes on
        ("P1D", "America/St_Johns", "2005-10-30 02:45", "2005-10-30 02:30", "2005-10-31 03:30"),
        # a week without its Friday
        ("P1W", "Pacific/Apia", "2011-12-30 12:00", "2011-12-26 10:00", "2012-01-01 10:00"),
        ("P1D", "Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00", "2011-12-31 10:00"),
        # before 1970, where instants begin
        ("P1M", "America/New_York", "1970-01-01 00:00", "1969-12-01 05:00", "1970-01-01 05:00"),
    ],
)
def test_rule_17_calendar_periods(per: str, zone: str, at: str, start: str, end: str) -> None:
    found = window(calendar(1, per), utc(at), time_zone(zone))
    assert [shown(ms, "UTC") for ms in found] == [start, end]


def test_rule_17_a_rolling_period_is_less_than_its_length_on_both_sides() -> None:
    at = utc("2027-01-15 12:00")
    assert window(rolling(1, "PT24H"), at, None) == (at - DAY + 1, at + DAY)
    assert window(rolling(1, "P2W"), at, None) == (at - 14 * DAY + 1, at + 14 * DAY)


def test_rule_17_a_day_on_the_calendar_is_not_24_hours() -> None:
    """Braze counts calendar days: late yesterday and early today are two days."""
    late, early = utc("2027-01-15 23:50"), utc("2027-01-16 00:10")
    assert permits(calendar(1, "P1D"), [late], early, LONDON)
    assert not permits(rolling(1, "PT24H"), [late], early, LONDON)
    assert not permits(calendar(1, "P1D"), [late], utc("2027-01-15 23:59"), LONDON)


def test_rule_17_a_rolling_cap_frees_up_to_the_millisecond() -> None:
    sent = utc("2027-01-15 12:00")
    cap = rolling(1, "PT24H")
    assert not permits(cap, [sent], sent + DAY - 1, None)
    assert permits(cap, [sent], sent + DAY, None)
    assert free_at(cap, [sent], sent + HOUR, None) == sent + DAY


def test_rule_17_a_contact_of_a_clock_that_runs_ahead_counts() -> None:
    at = utc("2027-01-15 12:00")
    assert not permits(rolling(1, "PT24H"), [at + 5], at, None)
    assert not permits(calendar(1, "P1D"), [at + 5], at, LONDON)
    assert free_at(rolling(1, "PT24H"), [at + 5], at, None) == at + 5 + DAY


def test_rule_17_the_oldest_contacts_leave_first() -> None:
    noon = utc("2027-01-15 12:00")
    times = [noon + h * HOUR for h in (4, 0, 2)]
    assert free_at(rolling(3, "PT24H"), times, noon + 5 * HOUR, None) == noon + 24 * HOUR
    assert free_at(rolling(1, "PT24H"), times, noon + 5 * HOUR, None) == noon + 28 * HOUR
    assert free_at(rolling(4, "PT24H"), times, noon + 5 * HOUR, None) == noon + 5 * HOUR


def test_rule_17_all_caps_must_permit_and_the_longest_refusal_is_told() -> None:
    monday, wednesday = utc("2027-01-11 09:00"), utc("2027-01-13 09:00")
    a_day, a_week = calendar(1, "P1D"), calendar(2, "P1W")
    at = utc("2027-01-13 12:00")
    assert refusal([a_day, a_week], [monday], at, LONDON) is None
    assert refusal([], [monday] * 50, at, LONDON) is None
    assert refusal([a_day], [wednesday], at, LONDON) == Capped(a_day, utc("2027-01-14 00:00"))
    for caps in ([a_day, a_week], [a_week, a_day]):
        refused = refusal(caps, [monday, wednesday], at, LONDON)
        assert refused == Capped(a_week, utc("2027-01-18 00:00"))


def test_rule_17_free_is_when_every_cap_permits() -> None:
    """A week's cap frees on Monday; three hours before that a message went out in another time."""
    sent = utc("2027-01-17 21:00")
    caps = [calendar(1, "P1W"), rolling(1, "PT12H")]
    refused = refusal(caps, [sent], utc("2027-01-17 22:00"), LONDON)
    assert refused == Capped(caps[1], utc("2027-01-18 09:00"))


def test_rule_17_a_person_who_moves_is_counted_by_the_day_where_they_are() -> None:
    """20:00 UTC is tomorrow in Tokyo, so a message this morning does not count there."""
    morning, evening = utc("2027-01-15 09:00"), utc("2027-01-15 20:00")
    cap = calendar(1, "P1D")
    assert permits(cap, [morning], evening, TOKYO)
    assert not permits(cap, [morning], evening, LONDON)
    assert not permits(cap, [morning], evening, NEW_YORK)


def test_rule_17_a_calendar_needs_a_zone_and_a_rolling_cap_does_not() -> None:
    at = utc("2027-01-15 12:00")
    with pytest.raises(UnknownTimeZone):
        permits(calendar(1, "P1D"), [], at, None)
    with pytest.raises(UnknownTimeZone):
        refusal([rolling(1, "P1D"), calendar(1, "P1D")], [], at, None)
    assert permits(rolling(1, "P1D"), [], at, None)


@pytest.mark.parametrize(
    ("limit", "per", "basis"),
    [
        (0, "P1D", Basis.CALENDAR),
        (-1, "P1D", Basis.CALENDAR),
        (MOST + 1, "P1D", Basis.CALENDAR),
        (True, "P1D", Basis.CALENDAR),
        (1.0, "P1D", Basis.CALENDAR),
        (1, "P2D", Basis.CALENDAR),
        (1, "P7D", Basis.CALENDAR),
        (1, "PT24H", Basis.CALENDAR),
        (1, "P1Y", Basis.CALENDAR),
        (1, "P1M", Basis.ROLLING),
        (1, "P1Y", Basis.ROLLING),
        (1, "P367D", Basis.ROLLING),
        (1, "PT8785H", Basis.ROLLING),
        (1, "P1D", "calendar"),
    ],
)
def test_a_cap_that_cannot_be_is_refused(limit: int, per: str, basis: Basis) -> None:
    with pytest.raises(MalformedRecord):
        FrequencyCap(limit, from_text(per), basis)


def test_a_period_must_be_a_duration() -> None:
    with pytest.raises(MalformedRecord):
        FrequencyCap(1, "P1D", Basis.CALENDAR)  # type: ignore[arg-type]


def test_the_longest_cap_looks_no_further_back_than_is_kept() -> None:
    at = utc("2028-12-31 12:00")
    for cap in (rolling(1, "P366D"), calendar(1, "P1M"), calendar(1, "P1W")):
        assert at - window(cap, at, LONDON)[0] < LONGEST_MS


def test_the_end_of_time_is_refused() -> None:
    for per in ("P1D", "P1W", "P1M"):
        with pytest.raises(MalformedRecord):
            window(calendar(1, per), MAX_MS, time_zone("Pacific/Kiritimati"))
        with pytest.raises(MalformedRecord):
            window(calendar(1, per), MAX_MS, time_zone("UTC"))
