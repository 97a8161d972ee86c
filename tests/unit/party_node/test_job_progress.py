"""What both sides are told of a job that is under way: how far it is, and what it takes."""

from collections.abc import Iterator

import pytest

from party_node import job_words
from party_node.job_views import job_list, job_view
from protocols.disclosure import coarse
from tests.support.two_nodes import (
    BRAND,
    FLOOR,
    HELD,
    PARTIES,
    TwoNodes,
    consenting,
    two_nodes,
)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as made:
        yield made


def test_rows_and_time_left_are_shown_at_both_sides_while_the_protocol_runs(
    world: TwoNodes,
) -> None:
    job = world.brand.ask("overlap")
    rows = 2 * FLOOR  # both sets are filled up
    seen: dict[str, list[tuple[int, int]]] = {party: [] for party in PARTIES}

    def look() -> None:
        world.clock.advance(seconds=2)
        for party, node in world.nodes.items():
            if not any(row.job == job for row in node.services.jobs.all()):
                continue
            found = job_view(node.services, job)
            far = found["progress"]
            assert (far is not None) == (found["phase"] == "protocol")
            if far is not None:
                seen[party].append((far["rows_done"], far["rows"]))
                assert (far["seconds_left"] is None) == (far["rows_done"] == 0)
                assert job_words.standing(far) in job_words.stage(found)

    world.settle(job, each=look)
    assert world.brand.state(job) == ("completed", "")
    for steps in seen.values():
        assert steps == sorted(steps, key=lambda step: step[0])
        assert steps[-1][1] == rows
    assert max(done for done, _ in seen["publisher"]) == rows


def test_estimates_know_the_own_number_exactly_and_the_others_step(world: TwoNodes) -> None:
    job = world.brand.ask("overlap")
    world.settle(job, until=lambda: world.brand.phase(job) == "agree")
    found = job_view(world.brand.services, job)
    assert found["estimate"]["seconds"] >= 2
    assert found["estimate"]["traffic_kib"] > 0
    assert world.brand.services.runs.load(job).facts["people"] == len(consenting(BRAND))
    said = found["preflights"][BRAND]
    assert said["permitted_step"] == coarse(len(HELD[BRAND])) == 0
    assert said["traffic_kib"] > 0
    world.settle(job)
    ended = job_view(world.brand.services, job)
    assert (ended["estimate"], ended["progress"]) == (None, None)
    assert "progress" not in job_list(world.brand.services)[0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "a second"), (59, "59 seconds"), (150, "2 minutes"), (9_000, "2.5 hours")],
)
def test_times_are_said_as_people_say_them(seconds: int, said: str) -> None:
    assert job_words.duration(seconds) == said


def test_a_standing_without_a_pace_says_no_time() -> None:
    far = {"rows_done": 0, "rows": 2_000_000, "seconds_left": None}
    assert job_words.standing(far) == "0 %, 0 of 2,000,000 rows"
    some = {"rows_done": 500_000, "rows": 2_000_000, "seconds_left": 30}
    assert job_words.standing(some) == "25 %, 500,000 of 2,000,000 rows, about 30 seconds left"
