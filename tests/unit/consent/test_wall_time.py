"""What clocks show, and when: gaps, overlaps, and days that begin in one."""

import pytest

from consent.errors import MalformedRecord
from consent.instants import MAX_MS
from consent.wall_time import check_zone_name, first_instant, offset_at, to_instant, to_wall
from party_node.contact.time_zones import time_zone
from tests.support.clocks import DAY, HOUR, MINUTE, utc


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/London", "2027-07-01 12:00", "2027-07-01 11:00"),
        ("Asia/Kathmandu", "2027-07-01 12:00", "2027-07-01 06:15"),
        # gaps: moved forward by as much as the clock jumps
        ("Europe/London", "2027-03-28 01:30", "2027-03-28 01:30"),
        ("America/New_York", "2027-03-14 02:30", "2027-03-14 07:30"),
        ("Australia/Sydney", "2027-10-03 02:30", "2027-10-02 16:30"),
        ("Australia/Lord_Howe", "2027-10-03 02:15", "2027-10-02 15:45"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 22:00"),
        # overlaps: the earlier
        ("Europe/London", "2027-10-31 01:30", "2027-10-31 00:30"),
        ("America/New_York", "2027-11-07 01:30", "2027-11-07 05:30"),
        ("Australia/Sydney", "2027-04-04 02:30", "2027-04-03 15:30"),
        ("Pacific/Chatham", "2027-04-04 03:00", "2027-04-03 13:15"),
    ],
)
def test_a_wall_time_is_one_instant(zone: str, wall: str, instant: str) -> None:
    assert to_instant(utc(wall), time_zone(zone)) == utc(instant)


def test_the_clock_shows_what_it_shows_to_the_millisecond() -> None:
    london = time_zone("Europe/London")
    jump = utc("2027-03-28 01:00")
    assert to_wall(jump - 1, london) == utc("2027-03-28 01:00") - 1
    assert to_wall(jump, london) == utc("2027-03-28 02:00")
    assert offset_at(jump, london) - offset_at(jump - 1, london) == HOUR


@pytest.mark.parametrize(
    ("zone", "midnight", "instant"),
    [
        ("Europe/London", "2027-03-28 00:00", "2027-03-28 00:00"),
        # the clock jumps at midnight, so the day begins at 01:00
        ("America/Santiago", "2027-09-05 00:00", "2027-09-05 04:00"),
        # from 23:30 to 00:30: the day begins with its second half hour
        ("America/Toronto", "1919-03-31 00:00", "1919-03-31 04:30"),
        # a day that was left out begins when the next one does
        ("Pacific/Apia", "2011-12-30 00:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        # midnight twice
        ("America/Havana", "2027-11-07 00:00", "2027-11-07 04:00"),
    ],
)
def test_a_day_begins_when_the_clock_first_shows_it(zone: str, midnight: str, instant: str) -> None:
    assert first_instant(utc(midnight), time_zone(zone)) == utc(instant)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_beyond_the_year_9999_there_is_no_time(zone: str) -> None:
    for ask in (to_instant, to_wall, first_instant, offset_at):
        with pytest.raises(MalformedRecord):
            ask(MAX_MS + DAY, time_zone(zone))
    assert to_wall(0, time_zone("America/New_York")) == -5 * HOUR


def test_zones_whose_offset_has_seconds() -> None:
    monrovia = time_zone("Africa/Monrovia")
    assert offset_at(utc("1971-01-01 00:00"), monrovia) == -(44 * MINUTE + 30_000)
    assert to_instant(utc("1971-01-01 00:00"), monrovia) == utc("1971-01-01 00:44") + 30_000


@pytest.mark.parametrize("name", ["", "UTC", "Etc/GMT+5", "America/North_Dakota/New_Salem"])
def test_names_of_zones_and_no_name(name: str) -> None:
    check_zone_name(name)


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/passwd", "Europe//Paris", "Europe/Paris\n", "a" * 33, "Ö", None]
)
def test_a_path_is_no_zone_name(name: object) -> None:
    with pytest.raises(MalformedRecord):
        check_zone_name(name)  # type: ignore[arg-type]
