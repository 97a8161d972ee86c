"""A lift as people read it: rates in percent, differences in points."""

from typing import Any

from party_node import job_words


def line(measure: str, value: float | None, hidden: str | None = None) -> str:
    row = {"key": ["test", measure, "both"], "value": value, "low": value, "high": value,
           "people": 9, "hidden": hidden}  # fmt: skip
    found: dict[str, Any] = {"query": "lift", "keys": ["arm", "measure", "interval"], "rows": [row],
                             "hidden": [], "notes": []}  # fmt: skip
    _, told = job_words.statistics(found)
    return told


def test_rates_are_in_percent_and_differences_in_points() -> None:
    assert line("people", 1200) == "  test, people, both: 1,200 (1,200 to 1,200)"
    assert line("rate", 0.0125) == "  test, rate, both: 1.250% (1.250% to 1.250%)"
    assert line("lift", -0.00681) == (
        "  test, lift, both: -0.681 points (-0.681 points to -0.681 points)"
    )
    assert line("relative-lift", 1.2) == "  test, relative-lift, both: +120.0% (+120.0% to +120.0%)"


def test_what_is_hidden_has_its_reason() -> None:
    assert line("lift", None, "too-noisy") == "  test, lift, both: hidden (too-noisy)"


def test_a_histogram_by_a_bucket_called_rate_is_not_in_percent() -> None:
    row = {"key": ["new", "rate"], "value": 7, "low": 5, "high": 9, "people": None, "hidden": None}
    found = {"query": "histogram", "keys": ["a", "b"], "rows": [row], "hidden": [], "notes": []}
    assert list(job_words.statistics(found))[1] == "  new, rate: 7 (5 to 9)"
