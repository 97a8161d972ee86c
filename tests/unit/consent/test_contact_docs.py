"""The examples and limits on the contact page are what the code answers."""

from pathlib import Path

from consent import quiet_hours
from consent.durations import add, from_text, to_text
from consent.frequency import LONGEST_MS, Basis, FrequencyCap
from consent.quiet_hours import Never, QuietHours, quiet_until
from party_node.contact.tables import ContactState
from party_node.contact.time_zones import time_zone
from tests.support.clocks import DAY, EVERY_DAY, minutes, shown, utc

PAGE = (Path(__file__).parents[3] / "docs" / "concepts" / "contact.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    lines = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_the_examples_of_quiet_hours_are_right() -> None:
    rows = table("quiet")
    assert len(rows) == 9
    for hours, zone, at, expected, _ in rows:
        start, end = hours.split(" to ")
        window = QuietHours(EVERY_DAY, minutes(start), minutes(end), zone)
        found = quiet_until([window], utc(at), time_zone, None)
        if isinstance(found, Never):
            assert expected == found.value
        else:
            assert expected == ("not quiet" if found is None else shown(found, "UTC")), at


def test_the_examples_of_durations_are_right() -> None:
    rows = table("from, UTC")
    assert len(rows) == 7
    for start, duration, name, end, _ in rows:
        zone = time_zone(name)
        assert zone is not None
        assert shown(add(utc(start), from_text(duration), zone), "UTC") == end, start


def test_the_periods_of_each_basis_are_named() -> None:
    periods = {row[0]: [cell.strip("` ") for cell in row[1].split(",")] for row in table("basis")}
    assert set(periods) == {basis.value for basis in Basis}
    for period in periods["calendar"]:
        assert to_text(FrequencyCap(1, from_text(period), Basis.CALENDAR).per) == period
    assert periods["rolling"][0] == f"up to {LONGEST_MS // DAY} days"


def test_how_far_the_end_of_the_quiet_is_looked_for_is_said() -> None:
    assert f"the coming {quiet_hours._LOOK_AHEAD_MS // DAY} days" in PAGE


def test_every_state_of_a_contact_has_its_step() -> None:
    steps = {row[0].strip("()") for row in table("step")}
    states = {state.value for state in ContactState}
    assert {step for step in steps if f"{step.removesuffix('e')}ed" in states} == steps - {
        "expires"
    }
    assert len(steps) == len(states) + 1
