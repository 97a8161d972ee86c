"""Durations, quiet hours and caps against the plainest thing that could be right."""

from datetime import UTC, datetime, timedelta, tzinfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.allowed_hours import AllowedHours, outside
from consent.durations import Duration, add, from_text, to_text
from consent.errors import MalformedRecord
from consent.frequency import Basis, FrequencyCap, free_at, permits, refusal, window
from consent.quiet_hours import Never, QuietHours, quiet_until
from consent.wall_time import to_instant, to_wall
from party_node.contact.time_zones import time_zone
from tests.support.clocks import DAY, HOUR, MINUTE, utc
from tests.support.depth import examples

ZONES = [
    "UTC", "Europe/London", "America/New_York", "America/St_Johns", "America/Santiago",
    "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia",
    "Pacific/Chatham", "Africa/Casablanca", "America/Havana", "Asia/Gaza", "Africa/Monrovia",
]  # fmt: skip
CHANGES = [
    utc(day)
    for day in (
        "2027-03-28 01:00", "2027-10-31 01:00",  # London
        "2027-03-14 07:00", "2027-11-07 06:00",  # New York
        "2027-04-03 16:00", "2027-10-02 16:00",  # Sydney
        "2027-04-03 15:00", "2027-10-02 15:30",  # Lord Howe
        "2027-04-03 14:00", "2027-09-25 14:00",  # Chatham
        "2027-04-04 03:00", "2027-09-05 04:00",  # Santiago
        "2005-10-30 02:31", "2005-04-03 03:31",  # St John's, past midnight
        "2011-12-30 10:00", "2027-11-07 05:00",  # Samoa leaves out a day; Havana
        "2027-02-07 02:00", "2027-03-14 02:00",  # Casablanca around Ramadan
    )
]  # fmt: skip

zone_names = st.sampled_from(ZONES)
# Most near a change of some clock, some anywhere.
minutes_near = st.builds(
    lambda change, minute: change + minute * MINUTE,
    st.sampled_from(CHANGES),
    st.integers(-1600, 1600),
)
instants = st.builds(
    lambda at, ms: at + ms,
    minutes_near | st.integers(utc("1981-01-01 00:00"), utc("2100-01-01 00:00")),
    st.sampled_from([0, 0, 1, 59_999]),
)
small = st.integers(0, 40)
durations = (
    st.tuples(st.integers(0, 3), small, small, st.integers(0, 30), st.sampled_from([0, 0, 30]))
    .filter(any)
    .map(lambda n: Duration(years=n[0], months=n[1], days=n[2], hours=n[3], minutes=n[4]))
)


def zone_of(name: str) -> tzinfo:
    zone = time_zone(name)
    assert zone is not None
    return zone


def clock(at_ms: int, zone: tzinfo) -> datetime:
    """What the standard library says that the clock shows."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return at.astimezone(zone).replace(tzinfo=None)


# Wall time


@given(instants, zone_names)
def test_a_wall_time_leads_back_to_it_or_to_its_earlier_twin(at: int, name: str) -> None:
    zone = zone_of(name)
    back = to_instant(to_wall(at, zone), zone)
    assert back <= at
    assert to_wall(back, zone) == to_wall(at, zone)


# Durations


@given(durations)
def test_a_text_is_read_as_it_was_written(duration: Duration) -> None:
    assert from_text(to_text(duration)) == duration


@given(st.text("P0123456789YMWDTHS.-+ ", max_size=12))
def test_a_text_is_refused_or_is_the_one_text(text: str) -> None:
    try:
        duration = from_text(text)
    except MalformedRecord:
        return
    assert to_text(duration) == text


@settings(max_examples=examples(100))
@given(instants, durations, zone_names)
def test_a_duration_ends_after_it_began_and_no_earlier_than_a_shorter_one(
    at: int, duration: Duration, name: str
) -> None:
    zone = zone_of(name)
    end = add(at, duration, zone)
    assert end > at
    longer = Duration(
        years=duration.years, months=duration.months, days=duration.days + 2,
        hours=duration.hours, minutes=duration.minutes,
    )  # fmt: skip
    assert add(at, longer, zone) > end


@settings(max_examples=examples(100))
@given(instants, st.integers(1, 60), zone_names)
def test_so_many_months_later_is_the_same_day_or_the_last_of_the_month(
    at: int, months: int, name: str
) -> None:
    zone = zone_of(name)
    start, end = clock(at, zone), clock(add(at, Duration(months=months), zone), zone)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    wanted_day = start.day
    while True:
        try:
            wanted = start.replace(year=year, month=month + 1, day=wanted_day)
            break
        except ValueError:
            wanted_day -= 1
    # A time that does not exist moves forward by the length of the jump: in Samoa by a whole day.
    jumps = {0, 30, 60, 24 * 60}
    assert (end - wanted) // timedelta(minutes=1) in jumps


# Quiet hours

minute_of_day = st.sampled_from([0, 60, 90, 120, 150, 360, 480, 1320, 1380, 1410]) | st.integers(
    0, 1439
)
some_days = st.frozensets(st.integers(1, 7), min_size=1) | st.just(frozenset(range(1, 8)))
windows = st.builds(QuietHours, some_days, minute_of_day, minute_of_day, zone_names)
SIMULATED_MINUTES = 3 * 1440


def shows_quiet(window: QuietHours | AllowedHours, now: datetime) -> bool:
    """Read a window off a clock, as a person would."""
    minute, today = now.hour * 60 + now.minute, now.isoweekday()
    yesterday = (today - 2) % 7 + 1
    if window.start_minute < window.end_minute:
        return today in window.days and window.start_minute <= minute < window.end_minute
    started_today = today in window.days and minute >= window.start_minute
    return started_today or (yesterday in window.days and minute < window.end_minute)


def simulate(quiet: "list[QuietHours]", at_ms: int) -> int | None:
    """Look at every clock every minute; -1 if three days do not end it."""
    looks = [at_ms, *(at_ms // MINUTE * MINUTE + n * MINUTE for n in range(1, SIMULATED_MINUTES))]
    zones = [zone_of(window.time_zone) for window in quiet]
    for look in looks:
        if not any(shows_quiet(w, clock(look, zone)) for w, zone in zip(quiet, zones, strict=True)):
            return None if look == at_ms else look
    return -1


@settings(max_examples=examples(75))
@given(st.lists(windows, max_size=4), instants)
@example([QuietHours(frozenset(range(1, 8)), 1320, 360, "Europe/Berlin")], utc("2027-01-15 04:30"))
def test_quiet_hours_end_when_a_simulated_clock_says_so(quiet: list[QuietHours], at: int) -> None:
    found, simulated = quiet_until(quiet, at, time_zone, None), simulate(quiet, at)
    if simulated == -1:
        assert isinstance(found, Never) or found is not None
        assert isinstance(found, Never) or found >= at + (SIMULATED_MINUTES - 1) * MINUTE
    else:
        assert found == simulated


@given(st.lists(windows, max_size=4), windows, instants)
def test_another_window_never_ends_the_quiet_sooner(
    quiet: list[QuietHours], more: QuietHours, at: int
) -> None:
    def rank(answer: int | Never | None) -> float:
        return -1.0 if answer is None else 2.0**62 if isinstance(answer, Never) else answer

    few, many = (quiet_until(w, at, time_zone, None) for w in (quiet, [*quiet, more]))
    assert rank(many) >= rank(few)


@given(st.lists(windows, max_size=4), instants)
def test_where_the_quiet_ends_it_is_not_quiet(quiet: list[QuietHours], at: int) -> None:
    found = quiet_until(quiet, at, time_zone, None)
    if isinstance(found, int):
        assert quiet_until(quiet, found, time_zone, None) is None
        assert quiet_until(quiet, found - 1, time_zone, None) == found


places = st.sampled_from(["US", "US-FL", "US-NY", "FR", "*"])
rules = st.builds(
    AllowedHours, st.sampled_from(["phone", "email"]), places, some_days, minute_of_day,
    minute_of_day,
)  # fmt: skip


@settings(max_examples=examples(75))
@given(
    st.lists(rules, max_size=6), st.sampled_from(["", "US", "US-FL", "FR", "DE"]), zone_names,
    instants,
)  # fmt: skip
def test_it_is_quiet_exactly_when_the_rules_of_some_place_do_not_allow(
    law: list[AllowedHours], place: str, zone: str, at: int
) -> None:
    now = clock(at, zone_of(zone))
    closed = False
    for where in ("US", "US-FL", "US-NY", "FR", "*"):
        holds = where == "*" or not place or where.startswith(place) or place.startswith(where)
        hours = [r for r in law if r.place == where and r.channel == "phone"]
        closed |= holds and bool(hours) and not any(shows_quiet(r, now) for r in hours)
    answer = quiet_until(outside(law, "phone", place, zone), at, time_zone, None)
    assert (answer is not None) == closed


# Caps

rolling_periods = st.integers(1, 60).map(lambda h: Duration(hours=h)) | st.integers(1, 9).map(
    lambda d: Duration(days=d)
)
calendar_periods = st.sampled_from([Duration(days=1), Duration(weeks=1), Duration(months=1)])
caps = st.builds(
    FrequencyCap, st.integers(1, 4), calendar_periods, st.just(Basis.CALENDAR)
) | st.builds(FrequencyCap, st.integers(1, 4), rolling_periods, st.just(Basis.ROLLING))


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[int]]:
    """An instant, and contacts of the days before it."""
    at = draw(instants)
    back = draw(st.lists(st.integers(0, 40 * 24 * 60), max_size=9))
    return at, [at - minutes * MINUTE for minutes in back]


def plainly_permits(cap: FrequencyCap, times: list[int], at: int, zone: tzinfo) -> bool:
    """Count one by one, by what the calendar shows."""
    if cap.basis is Basis.ROLLING:
        return sum(at - t < cap.length_ms for t in times if t <= at) < cap.limit

    def period(ms: int) -> object:
        now = clock(ms, zone)
        if cap.per == Duration(days=1):
            return now.date()
        return now.isocalendar()[:2] if cap.per == Duration(weeks=1) else (now.year, now.month)

    return sum(period(t) == period(at) for t in times) < cap.limit


REVISITING = {"America/St_Johns", "America/Havana"}
"""Their clocks have gone back past midnight, so that yesterday was shown again."""


@settings(max_examples=examples(100))
@given(histories(), caps, zone_names.filter(lambda name: name not in REVISITING))
def test_a_cap_counts_what_the_calendar_shows(
    history: tuple[int, list[int]], cap: FrequencyCap, name: str
) -> None:
    at, times = history
    zone = zone_of(name)
    assert permits(cap, times, at, zone) == plainly_permits(cap, times, at, zone)


@settings(max_examples=examples(100))
@given(instants, calendar_periods, zone_names)
def test_periods_follow_one_another_without_a_gap(at: int, per: Duration, name: str) -> None:
    zone, cap = zone_of(name), FrequencyCap(1, per, Basis.CALENDAR)
    start, end = window(cap, at, zone)
    assert start <= at < end
    assert window(cap, start, zone) == window(cap, end - 1, zone) == (start, end)
    assert window(cap, end, zone)[0] == end
    assert window(cap, start - 1, zone)[1] == start


@settings(max_examples=examples(100))
@given(histories(), st.lists(caps, max_size=3), zone_names)
def test_a_refusal_names_the_first_instant_that_all_caps_permit(
    history: tuple[int, list[int]], several: list[FrequencyCap], name: str
) -> None:
    at, times = history
    zone = zone_of(name)
    refused = refusal(several, times, at, zone)
    assert (refused is None) == all(permits(cap, times, at, zone) for cap in several)
    if refused is not None:
        free = refused.free_at_ms
        assert all(permits(cap, times, free, zone) for cap in several)
        assert refused.cap in several
        assert not permits(refused.cap, times, free - 1, zone)
        for earlier in range(at, free, max(1, (free - at) // 7)):
            assert not all(permits(cap, times, earlier, zone) for cap in several)


@settings(max_examples=examples(50))
@given(
    st.lists(st.integers(0, 20 * 24 * 60), min_size=1, max_size=40), st.lists(caps, max_size=3),
    minutes_near, zone_names,
)  # fmt: skip
def test_who_asks_before_each_contact_never_exceeds_a_cap(
    wishes: list[int], several: list[FrequencyCap], start: int, name: str
) -> None:
    zone = zone_of(name)
    sent: list[int] = []
    for minute in sorted(wishes):
        at = start + minute * MINUTE
        if refusal(several, sent, at, zone) is None:
            sent.append(at)
    for cap in several:
        for at in sent:
            begins, ends = window(cap, at, zone)
            begins = at if cap.basis is Basis.ROLLING else begins
            assert sum(begins <= t < ends for t in sent) <= cap.limit


@given(histories(), caps)
def test_a_contact_ahead_of_the_clock_makes_no_room(
    history: tuple[int, list[int]], cap: FrequencyCap
) -> None:
    at, times = history
    ahead = [*times, at + HOUR]
    free = free_at(cap, ahead, at, zone_of("UTC"))
    assert free >= free_at(cap, times, at, zone_of("UTC"))
    assert free <= at + 41 * DAY + HOUR
