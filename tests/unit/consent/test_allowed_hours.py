"""Rule 16 from the law's side: hours in which contact is allowed, by channel and place."""

import pytest

from consent.allowed_hours import AllowedHours, ClosedHours, outside
from consent.errors import MalformedRecord, UnknownTimeZone
from consent.quiet_hours import Never, QuietHours, quiet_until
from party_node.contact.time_zones import time_zone
from tests.support.clocks import EVERY_DAY, minutes, shown, utc

WEEKDAYS = frozenset(range(1, 6))


def allowed(
    place: str, hours: str, days: frozenset[int] = EVERY_DAY, channel: str = "phone"
) -> AllowedHours:
    """Return the hours of `08:00-21:00`."""
    start, end = hours.split("-")
    return AllowedHours(channel, place, days, minutes(start), minutes(end))


US, FLORIDA = allowed("US", "08:00-21:00"), allowed("US-FL", "08:00-20:00")
FRANCE = [allowed("FR", "10:00-13:00", WEEKDAYS), allowed("FR", "14:00-20:00", WEEKDAYS)]
RULES = [US, FLORIDA, *FRANCE]


def until(place: str, zone: str, at: str, *more: QuietHours, channel: str = "phone") -> str | None:
    windows = [*outside(RULES, channel, place, zone), *more]
    found = quiet_until(windows, utc(at), time_zone, None)
    assert not isinstance(found, Never)
    return None if found is None else shown(found, zone)


def test_rule_16_us_calls_are_between_eight_and_nine_at_the_called_place() -> None:
    """13:30 UTC is 08:30 in New York and 05:30 in Los Angeles."""
    at = "2027-01-15 13:30"
    assert until("US-NY", "America/New_York", at) is None
    assert until("US-CA", "America/Los_Angeles", at) == "2027-01-15 08:00"
    assert until("US-NY", "America/New_York", "2027-01-16 01:59") is None
    assert until("US-NY", "America/New_York", "2027-01-16 02:00") == "2027-01-16 08:00"


def test_rule_16_a_part_of_a_country_has_its_own_hours_and_the_countrys() -> None:
    at = "2027-01-16 01:30"  # 20:30 in Miami and New York
    assert until("US-FL", "America/New_York", at) == "2027-01-16 08:00"
    assert until("US-NY", "America/New_York", at) is None


def test_rule_16_a_place_that_is_not_exactly_known_is_held_to_the_strictest() -> None:
    at = "2027-01-16 01:30"
    assert until("US", "America/New_York", at) == "2027-01-16 08:00", "it may be Florida"
    assert len(outside(RULES, "phone", "", "UTC")) == 3, "it may be anywhere"


def test_rule_16_hours_of_one_place_add_up() -> None:
    """A lunch break, and no calls at the weekend."""
    assert until("FR", "Europe/Paris", "2027-01-15 11:30") is None
    assert until("FR", "Europe/Paris", "2027-01-15 12:30") == "2027-01-15 14:00"
    assert until("FR", "Europe/Paris", "2027-01-15 19:00") == "2027-01-18 10:00"


def test_rule_16_the_law_and_the_person_are_both_heard() -> None:
    evening = QuietHours(EVERY_DAY, minutes("17:00"), minutes("08:30"), "America/New_York")
    assert until("US-NY", "America/New_York", "2027-01-15 23:00", evening) == "2027-01-16 08:30"


def test_rule_16_another_channel_or_place_has_no_hours() -> None:
    assert until("US-NY", "America/New_York", "2027-01-15 05:00", channel="email") is None
    assert until("DE", "Europe/Berlin", "2027-01-15 02:00") is None
    assert outside(RULES, "phone", "DE", "Europe/Berlin") == []


def test_rule_16_hours_for_everywhere() -> None:
    rules = [allowed("*", "09:00-18:00")]
    (closed,) = outside(rules, "phone", "DE", "Europe/Berlin")
    assert quiet_until([closed], utc("2027-01-15 18:00"), time_zone, None) == utc(
        "2027-01-16 08:00"
    )
    assert outside(rules, "phone", "", "UTC") == [ClosedHours(closed.week, "UTC")]


def test_rule_16_allowed_all_day_closes_nothing() -> None:
    (closed,) = outside([allowed("US", "00:00-00:00")], "phone", "US-NY", "America/New_York")
    assert quiet_until([closed], utc("2027-01-15 05:00"), time_zone, None) is None


def test_rule_16_allowed_hours_over_midnight() -> None:
    (closed,) = outside([allowed("US", "20:00-02:00")], "phone", "US", "UTC")
    assert quiet_until([closed], utc("2027-01-15 01:59"), time_zone, None) is None
    assert quiet_until([closed], utc("2027-01-15 02:00"), time_zone, None) == utc(
        "2027-01-15 20:00"
    )


def test_rule_16_the_called_partys_time_must_be_known() -> None:
    with pytest.raises(UnknownTimeZone):
        until("US-NY", "", "2027-01-15 13:30")


@pytest.mark.parametrize(
    ("channel", "place"),
    [
        ("", "US"), ("*", "US"), ("Phone", "US"), ("phone", "us"), ("phone", "US-fl"),
        ("phone", "USA"), ("phone", "US-"), ("phone", "US\n"), ("phone", "*-FL"), (None, "US"),
    ],
)  # fmt: skip
def test_a_spelling_that_no_rule_could_match_is_refused(channel: str, place: str) -> None:
    """Passed over, a rule in another spelling would allow what it forbids."""
    with pytest.raises(MalformedRecord):
        AllowedHours(channel, place, EVERY_DAY, 480, 1260)
    with pytest.raises(MalformedRecord):
        outside(RULES, channel, place, "UTC")


def test_hours_without_a_place_are_refused() -> None:
    with pytest.raises(MalformedRecord):
        AllowedHours("phone", "", EVERY_DAY, 480, 1260)
    with pytest.raises(MalformedRecord):
        AllowedHours("phone", "US", frozenset(), 480, 1260)
