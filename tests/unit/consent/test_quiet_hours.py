"""Rule 16: quiet hours by the person's clock, with every trick that clocks play."""

import itertools

import pytest

from consent.errors import MalformedRecord, UnknownTimeZone
from consent.quiet_hours import Never, QuietHours, quiet_until
from consent.wall_time import offset_at
from party_node.contact.time_zones import time_zone
from tests.support.clocks import DAY, EVERY_DAY, HOUR, minutes, shown, utc


def quiet(hours: str, zone: str = "Europe/London", days: frozenset[int] = EVERY_DAY) -> QuietHours:
    """Return the window of `22:00-06:00`."""
    start, end = hours.split("-")
    return QuietHours(days, minutes(start), minutes(end), zone)


def until(*windows: QuietHours, at: str, fallback: str | None = None) -> str | None:
    """Return the answer as UTC."""
    found = quiet_until(windows, utc(at), time_zone, fallback)
    if isinstance(found, Never):
        return found.value
    return None if found is None else shown(found, "UTC")


def test_rule_16_a_message_at_half_past_five_waits_until_six() -> None:
    """Braze's example: quiet from 22 to 06."""
    night = quiet("22:00-06:00", "Europe/Berlin")
    assert until(night, at="2027-01-15 04:30") == "2027-01-15 05:00"
    assert until(night, at="2027-01-15 21:00") == "2027-01-16 05:00"
    assert until(night, at="2027-01-15 20:59") is None
    assert until(night, at="2027-01-15 05:00") is None, "06:00 itself is not quiet"


def test_rule_16_no_windows_no_wait() -> None:
    assert until(at="2027-01-15 03:00") is None


def test_rule_16_the_first_and_the_last_millisecond() -> None:
    noon = quiet("12:00-13:00")
    start, end = utc("2027-01-15 12:00"), utc("2027-01-15 13:00")
    assert [
        quiet_until([noon], at, time_zone, None) for at in (start - 1, start, end - 1, end)
    ] == [None, end, end, None]


def test_rule_16_the_day_is_the_one_on_which_the_window_starts() -> None:
    friday_night = quiet("22:00-06:00", days=frozenset({5}))
    assert until(friday_night, at="2027-01-15 23:00") == "2027-01-16 06:00"  # a Friday
    assert until(friday_night, at="2027-01-16 05:59") == "2027-01-16 06:00"
    assert until(friday_night, at="2027-01-16 23:00") is None
    assert until(friday_night, at="2027-01-15 05:00") is None


def test_rule_16_a_window_runs_from_sunday_into_monday() -> None:
    sunday_night = quiet("23:00-07:00", days=frozenset({7}))
    assert until(sunday_night, at="2027-01-17 23:30") == "2027-01-18 07:00"
    assert until(sunday_night, at="2027-01-18 06:59") == "2027-01-18 07:00"
    weekend = [quiet("00:00-00:00", days=frozenset({6, 7})), quiet("00:00-09:00")]
    assert until(*weekend, at="2027-01-16 12:00") == "2027-01-18 09:00"


def test_rule_16_start_equal_to_end_is_the_whole_day() -> None:
    sunday = quiet("00:00-00:00", days=frozenset({7}))
    assert until(sunday, at="2027-01-17 00:00") == "2027-01-18 00:00"
    assert until(sunday, at="2027-01-16 23:59") is None
    from_eight = quiet("08:00-08:00", days=frozenset({7}))
    assert until(from_eight, at="2027-01-17 07:59") is None
    assert until(from_eight, at="2027-01-17 08:00") == "2027-01-18 08:00"


def test_rule_16_an_end_at_midnight() -> None:
    evening = quiet("20:00-00:00", days=frozenset({3}))
    assert until(evening, at="2027-01-13 23:59") == "2027-01-14 00:00"


def test_rule_16_windows_that_overlap_or_touch_are_one() -> None:
    windows = [quiet("20:00-23:00"), quiet("22:00-02:00"), quiet("02:00-07:00")]
    assert until(*windows, at="2027-01-15 20:00") == "2027-01-16 07:00"
    london, paris = quiet("20:00-23:00"), quiet("00:00-08:00", "Europe/Paris")
    assert until(london, paris, at="2027-01-15 20:00") == "2027-01-16 07:00", (
        "touching at 23:00 UTC"
    )


def test_rule_16_always_quiet_is_never_and_not_a_date() -> None:
    assert until(quiet("08:00-08:00"), at="2027-01-15 12:00") == "never"
    halves = quiet("00:00-12:00"), quiet("12:00-00:00")
    assert until(*halves, at="2027-01-15 12:00") == "never"
    # the same in two zones that are always five and a half hours apart
    apart = quiet("00:00-12:00", "UTC"), quiet("17:30-05:30", "Asia/Kolkata")
    assert until(*apart, at="2027-01-15 12:00") == "never"


def test_rule_16_windows_of_two_zones_may_leave_a_gap_in_one_season_only() -> None:
    """New York is five hours behind London, and four while only one of them has changed clocks."""
    windows = quiet("00:00-12:00", "America/New_York"), quiet("17:00-05:00", "Europe/London")
    found = until(*windows, at="2026-12-01 12:00")
    assert found == "2027-03-14 16:00"


# Clocks that change: both hemispheres, gaps and overlaps


def test_rule_16_a_night_with_a_gap_is_an_hour_shorter() -> None:
    north, south = quiet("22:00-06:00"), quiet("22:00-06:00", "Australia/Sydney")
    assert until(north, at="2027-03-27 22:00") == "2027-03-28 05:00"
    assert until(south, at="2027-10-02 12:00") == "2027-10-02 19:00"


def test_rule_16_a_night_with_an_overlap_is_an_hour_longer() -> None:
    north, south = quiet("22:00-06:00"), quiet("22:00-06:00", "Australia/Sydney")
    assert until(north, at="2027-10-30 21:00") == "2027-10-31 06:00"
    assert until(south, at="2027-04-03 11:00") == "2027-04-03 20:00"


def test_rule_16_an_end_that_is_jumped_over_is_the_jump() -> None:
    assert until(quiet("22:00-01:30"), at="2027-03-28 00:30") == "2027-03-28 01:00"
    assert until(quiet("22:00-02:30", "Australia/Sydney"), at="2027-10-02 15:30") == (
        "2027-10-02 16:00"
    )


def test_rule_16_a_start_that_is_jumped_over_is_the_jump() -> None:
    early = quiet("01:30-06:00")
    assert until(early, at="2027-03-28 00:59") is None
    assert until(early, at="2027-03-28 01:00") == "2027-03-28 05:00"


def test_rule_16_a_window_inside_the_gap_does_not_happen() -> None:
    inside = quiet("01:10-01:50")
    assert [until(inside, at=f"2027-03-28 {t}") for t in ("00:59", "01:00", "01:30")] == [None] * 3
    assert until(inside, at="2027-03-29 00:10") == "2027-03-29 00:50"


def test_rule_16_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """London shows 01:00 to 02:00 from 00:00 UTC and again from 01:00 UTC."""
    late = quiet("22:00-01:30")
    assert until(late, at="2027-10-30 23:00") == "2027-10-31 00:30"
    assert until(late, at="2027-10-31 00:45") is None
    assert until(late, at="2027-10-31 01:00") == "2027-10-31 01:30"
    sydney = quiet("22:00-02:30", "Australia/Sydney")
    assert until(sydney, at="2027-04-03 14:00") == "2027-04-03 15:30"
    assert until(sydney, at="2027-04-03 15:45") is None
    assert until(sydney, at="2027-04-03 16:00") == "2027-04-03 16:30"


def test_rule_16_a_window_that_ends_with_the_second_hour() -> None:
    """Quiet until 02:00: at 00:59:59 UTC London's clock falls back to 01:00, still quiet."""
    assert until(quiet("22:00-02:00"), at="2027-10-30 23:00") == "2027-10-31 02:00"


@pytest.mark.parametrize(
    ("zone", "at", "end"),
    [
        ("Asia/Kolkata", "2027-01-15 00:00", "2027-01-15 00:30"),
        ("Asia/Kathmandu", "2027-01-15 00:00", "2027-01-15 00:15"),
        ("Australia/Eucla", "2027-01-15 21:00", "2027-01-15 21:15"),
        ("Pacific/Chatham", "2027-01-15 16:00", "2027-01-15 16:15"),
        ("Pacific/Marquesas", "2027-01-15 15:00", "2027-01-15 15:30"),
        # Lord Howe changes by half an hour: the night of 3 April is half an hour longer
        ("Australia/Lord_Howe", "2027-04-03 11:00", "2027-04-03 19:30"),
        ("Australia/Lord_Howe", "2027-04-02 11:00", "2027-04-02 19:00"),
        # 30 December 2011 did not happen in Samoa
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 16:00"),
    ],
)
def test_rule_16_zones_of_half_and_quarter_hours(zone: str, at: str, end: str) -> None:
    assert until(quiet("22:00-06:00", zone), at=at) == end


def test_rule_16_a_day_that_a_country_leaves_out_is_not_quiet() -> None:
    friday = quiet("00:00-00:00", "Pacific/Apia", frozenset({5}))
    assert until(friday, at="2011-12-30 12:00") is None
    into_saturday = quiet("22:00-06:00", "Pacific/Apia", frozenset({5}))
    assert until(into_saturday, at="2011-12-30 10:00") == "2011-12-30 16:00"


def test_rule_16_a_person_who_moves_is_read_by_the_clock_where_they_are() -> None:
    """At the same instant it is night in London and evening in New York."""
    at = "2027-01-15 23:30"
    assert until(quiet("22:00-06:00", "Europe/London"), at=at) == "2027-01-16 06:00"
    assert until(quiet("22:00-06:00", "America/New_York"), at=at) is None
    # told to wait until six in London, the person is in New York by then, where it is one
    assert until(quiet("22:00-06:00", "America/New_York"), at="2027-01-16 06:00") == (
        "2027-01-16 11:00"
    )


# What cannot be told


@pytest.mark.parametrize("zone", ["", "Europe/Atlantis"])
def test_rule_16_an_unknown_zone_is_read_by_the_fallback_or_refused(zone: str) -> None:
    night = quiet("22:00-06:00", zone)
    assert until(night, at="2027-01-15 23:00", fallback="Europe/London") == "2027-01-16 06:00"
    for fallback in (None, "Europe/Atlantis", ""):
        with pytest.raises(UnknownTimeZone):
            until(night, at="2027-01-15 12:00", fallback=fallback)


def test_rule_16_one_unknown_zone_among_known_ones_is_not_passed_over() -> None:
    with pytest.raises(UnknownTimeZone):
        until(quiet("22:00-06:00"), quiet("01:00-02:00", ""), at="2027-01-15 12:00")


def test_rule_16_a_known_zone_needs_no_fallback() -> None:
    night = quiet("22:00-06:00", "Asia/Tokyo")
    assert until(night, at="2027-01-15 12:00", fallback="Europe/London") is None


@pytest.mark.parametrize(
    ("days", "start", "end", "zone"),
    [
        (frozenset(), 0, 60, "UTC"),
        (frozenset({0}), 0, 60, "UTC"),
        (frozenset({8}), 0, 60, "UTC"),
        (frozenset({True}), 0, 60, "UTC"),
        (frozenset({1.0}), 0, 60, "UTC"),
        ({1}, 0, 60, "UTC"),
        ((1, 2), 0, 60, "UTC"),
        (EVERY_DAY, -1, 60, "UTC"),
        (EVERY_DAY, 0, 1440, "UTC"),
        (EVERY_DAY, 0, 60.0, "UTC"),
        (EVERY_DAY, False, 60, "UTC"),
        (EVERY_DAY, 0, 60, "../../secret"),
        (EVERY_DAY, 0, 60, None),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    days: object, start: object, end: object, zone: object
) -> None:
    with pytest.raises(MalformedRecord):
        QuietHours(days, start, end, zone)  # type: ignore[arg-type]


def test_the_end_of_time_is_refused_and_not_quiet_for_ever() -> None:
    with pytest.raises(MalformedRecord):
        until(quiet("22:00-06:00"), at="9999-12-31 23:30")


@pytest.mark.parametrize(
    "name", ["Africa/Casablanca", "Africa/Cairo", "America/Noronha", "Asia/Gaza", "Asia/Tehran"]
)
def test_no_zone_changes_its_clocks_twice_within_a_day(name: str) -> None:
    """What the search for the end of a window relies on, in the zones that change most often."""
    zone = time_zone(name)
    assert zone is not None
    instants = range(utc("1995-01-01 00:00"), utc("2035-01-01 00:00"), 4 * HOUR)
    offsets = [(at, offset_at(at, zone)) for at in instants]
    changes = [at for (_, a), (at, b) in itertools.pairwise(offsets) if a != b]
    assert len(changes) >= 2
    assert min(b - a for a, b in itertools.pairwise(changes)) > 2 * DAY
