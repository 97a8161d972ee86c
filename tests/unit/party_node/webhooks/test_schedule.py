"""When it is tried again: the table, its spread, and what a receiver may ask for."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.webhooks import schedule
from tests.support.node import SeededRng

NOW = 1_790_000_000_000


def lowest(count: int) -> bytes:
    return bytes(count)


def test_fourteen_attempts_in_about_three_days() -> None:
    waits = [schedule.wait_ms(n, lowest) for n in range(1, 15)]
    assert waits[-1] is None
    assert waits[0] == 4_500
    assert waits[12] == 43_200_000 * 9 // 10
    total = sum(schedule.WAITS_SECONDS) / 86_400
    assert 2.9 < total < 3.0
    assert list(schedule.WAITS_SECONDS) == sorted(schedule.WAITS_SECONDS)


def test_there_is_no_wait_before_a_failure_or_after_the_last() -> None:
    for failures in (0, -1, 14, 100):
        assert schedule.wait_ms(failures, lowest) is None


@given(st.integers(1, 13), st.text(max_size=8))
def test_a_wait_is_spread_by_a_tenth_and_no_more(failures: int, seed: str) -> None:
    nominal = schedule.WAITS_SECONDS[failures - 1] * 1000
    assert nominal * 9 // 10 <= schedule.wait_ms(failures, SeededRng(seed)) <= nominal * 11 // 10


def test_waits_of_messages_that_failed_together_differ() -> None:
    rng = SeededRng()
    assert len({schedule.wait_ms(6, rng) for _ in range(20)}) > 15


def test_a_receiver_is_left_alone_for_five_minutes_at_most() -> None:
    holds = [schedule.hold_ms(n, lowest) for n in range(1, 60)]
    assert holds[0] == 4_500
    assert max(holds) == holds[-1] == schedule.LONGEST_HOLD_MS == 300_000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", 120_000),
        (" 7 ", 7_000),
        ("0", 0),
        ("3600", 3_600_000),
        ("3601", 3_600_000),
        ("999999999", 3_600_000),
        (format_datetime(datetime.fromtimestamp(NOW / 1000 + 90, UTC), usegmt=True), 90_000),
        (format_datetime(datetime.fromtimestamp(NOW / 1000 - 90, UTC), usegmt=True), 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3_600_000),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("9999999999", 0),
    ],
)
def test_retry_after_is_read_within_its_bound(header: str, expected: int) -> None:
    assert schedule.retry_after_ms(header, NOW) == expected


@given(st.text(max_size=64))
def test_any_retry_after_is_a_time_within_the_bound(header: str) -> None:
    assert 0 <= schedule.retry_after_ms(header, NOW) <= schedule.LONGEST_RETRY_AFTER_MS
