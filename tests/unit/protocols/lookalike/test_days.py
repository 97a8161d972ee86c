"""Dates as numbers of days, and back in words."""

import pytest

from protocols.lookalike.days import read_day, written


@pytest.mark.parametrize(
    ("text", "day"), [("1970-01-01", 0), ("1969-12-31", -1), ("2024-03-05", 19787)]
)
def test_a_day_has_a_number_and_is_written_by_it(text: str, day: int) -> None:
    assert read_day(text) == day
    assert written(day) == text


def test_a_moment_is_written_to_the_second_and_what_no_calendar_has_as_a_count() -> None:
    assert written(19787 + 0.6041782) == "2024-03-05 14:30:01"
    assert written(19787.0000001) == "2024-03-05"
    assert written(-719162.0) == "0001-01-01"
    for far in (1e9, -1e9, 1e300):
        assert written(far) == f"day {far:g}"


@pytest.mark.parametrize(
    "wrong", ["", "20240305", "2024-3-5", "2024-02-30", "2024-W10-2", "0000-01-01", "٢٠٢٤-03-05"]
)
def test_what_is_no_day_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"day|year"):
        read_day(wrong)
