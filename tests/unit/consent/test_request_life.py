"""The life of a request, and until when it must be answered: in any zone, over any clock change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import MalformedRecord
from consent.regimes import Regime
from consent.request_life import Life, due_at, extended_by, strictest
from consent.requests import RequestStatus
from consent.vocabulary import Vocabulary

STEPS = [s for s in RequestStatus if s is not RequestStatus.RECEIVED]
VERIFIED, EXTENDED, COMPLETED = (
    RequestStatus.VERIFIED,
    RequestStatus.EXTENDED,
    RequestStatus.COMPLETED,
)
DAY_MS = 86_400_000


def ms(*when: int, zone: str = "UTC") -> int:
    return int(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[misc]


def test_a_request_that_is_not_verified_cannot_be_completed() -> None:
    assert COMPLETED not in Life().possible
    assert COMPLETED not in Life(extended=True).possible
    with pytest.raises(MalformedRecord, match="cannot become completed now"):
        Life().after(COMPLETED)
    assert Life().after(VERIFIED).after(COMPLETED) == Life(verified=True, ended=True)


@given(st.lists(st.sampled_from(STEPS), max_size=8))
def test_no_walk_leads_past_the_end_or_takes_a_step_twice(walk: list[RequestStatus]) -> None:
    life, taken = Life(), []
    for step in walk:
        if step in life.possible:
            life = life.after(step)
            taken.append(step)
        else:
            with pytest.raises(MalformedRecord):
                life.after(step)
    assert len(taken) == len(set(taken))
    finals = [step for step in taken if step.is_final]
    assert finals == taken[-1:] if life.ended else finals == []
    assert not life.ended or life.possible == ()
    assert COMPLETED not in taken or VERIFIED in taken[: taken.index(COMPLETED)]


def test_an_answer_is_due_at_the_end_of_the_day_in_the_controllers_zone() -> None:
    late = ms(2027, 1, 15, 23, 30, zone="Europe/Berlin")
    due = due_at(late, 30, ZoneInfo("Europe/Berlin"))
    assert due == ms(2027, 2, 15, 0, 0, zone="Europe/Berlin") - 1
    # In Shanghai it is the next day already.
    assert due_at(late, 15, ZoneInfo("Asia/Shanghai")) == ms(2027, 2, 1, zone="Asia/Shanghai") - 1


def test_a_day_without_its_first_hour_ends_where_the_next_begins() -> None:
    # In Santiago clocks jump from midnight to one o'clock on 6 September 2026.
    santiago = ZoneInfo("America/Santiago")
    received = ms(2026, 9, 1, 12, zone="America/Santiago")
    due = due_at(received, 4, santiago)
    assert datetime.fromtimestamp(due / 1000, santiago).day == 5
    assert due == ms(2026, 9, 6, 4) - 1


@given(
    st.integers(0, 4_000_000_000_000),
    st.integers(0, 400),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Asia/Kathmandu"]),
)
def test_due_is_the_end_of_the_right_day(received: int, days: int, zone: str) -> None:
    due = due_at(received, days, ZoneInfo(zone))
    begun = datetime.fromtimestamp(received / 1000, ZoneInfo(zone)).date()
    end = datetime.fromtimestamp(due / 1000, ZoneInfo(zone))
    assert (end.date() - begun).days == days
    after = datetime.fromtimestamp((due + 1) / 1000, ZoneInfo(zone))
    assert (after.date() - begun).days == days + 1


def test_the_strictest_regime_of_the_places_counts() -> None:
    assert strictest(DEFAULT_VOCABULARY, ["DE"]).regime_id == "gdpr"
    assert strictest(DEFAULT_VOCABULARY, ["DE", "CN-31"]).regime_id == "pipl"
    assert strictest(DEFAULT_VOCABULARY, ["US-CA"]).answer_days == 45
    assert strictest(DEFAULT_VOCABULARY, ["US-CA", "GB", None]).regime_id == "uk-gdpr"
    assert strictest(DEFAULT_VOCABULARY, [None, ""]).regime_id == "strictest"
    at_home = Vocabulary(purposes=DEFAULT_VOCABULARY.purposes, controller_place="CN")
    assert strictest(at_home, ["DE"]).regime_id == "pipl"


def test_an_extension_is_at_most_what_the_regime_allows() -> None:
    gdpr = Regime(regime_id="gdpr", places=("DE",), extension_days=60)
    assert (extended_by(gdpr, None), extended_by(gdpr, 10)) == (60, 10)
    for days in (0, 61, -1):
        with pytest.raises(MalformedRecord, match="1 to 60"):
            extended_by(gdpr, days)
    with pytest.raises(MalformedRecord, match="knows no extension"):
        extended_by(Regime(regime_id="pipl", places=("CN",)), None)


def test_a_date_beyond_the_calendar_is_refused() -> None:
    last = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
    with pytest.raises(MalformedRecord):
        due_at(last, 400, ZoneInfo("UTC"))
