"""What is said before a sketch is made is what its interval says afterwards."""

import numpy as np
import pytest

from protocols.dp.reach.merging import Merged
from protocols.dp.reach.planning import half_width
from protocols.dp.reach.sketch import ReachSketch, Topic
from protocols.errors import InvalidParameter
from tests.support.seeded import seeded


@pytest.mark.parametrize("people", [0, 100, 4000, 20_000])
@pytest.mark.parametrize("epsilon", [500, 2000, 6000])
def test_the_interval_has_the_width_that_was_said(people: int, epsilon: int) -> None:
    crowd = np.frombuffer(seeded("crowd")(32 * people), np.uint8).reshape(-1, 32)
    topic = Topic("planned", "2026-11", "email", 1, 14)
    found = Merged([ReachSketch.make("north", topic, epsilon, crowd, seeded("x"))]).everybody()
    assert (found.high - found.low) / 2 == pytest.approx(
        half_width(14, epsilon, people), rel=0.1, abs=2
    )


def test_too_many_people_are_refused() -> None:
    assert half_width(10, 1000, 4096) > 1000
    for people in (-1, 4097):
        with pytest.raises(InvalidParameter):
            half_width(10, 1000, people)
