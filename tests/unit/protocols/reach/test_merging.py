"""Merged sketches say how many people were reached, as accurately as their intervals claim."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dp.reach import flipping
from protocols.dp.reach.errors import SketchesDiffer, SketchesTooFull
from protocols.dp.reach.merging import Estimate, Merged
from protocols.dp.reach.sketch import ReachSketch, Topic
from tests.support.seeded import seeded

NAMES = ("north", "south", "east", "west", "centre")


def crowd(size: int) -> np.ndarray:
    return np.frombuffer(seeded("crowd")(32 * size), np.uint8).reshape(-1, 32)


def merged(
    sets: list[range], epsilon: int | list[int], exponent: int, turn: int = 0, level: int = 1
) -> Merged:
    """Return sketches of these people; another turn is another campaign, and other noise."""
    everybody = crowd(max((s.stop for s in sets), default=0))
    topic = Topic(f"turn-{turn}", "2026-11", "email", level, exponent)
    each = epsilon if isinstance(epsilon, list) else [epsilon] * len(sets)
    rng = seeded(f"noise {turn}")
    return Merged(
        [
            ReachSketch.make(NAMES[j], topic, each[j], everybody[s.start : s.stop], rng)
            for j, s in enumerate(sets)
        ]
    )


def rmse(sets: list[range], true: int, epsilon: int, exponent: int, turns: int) -> float:
    found = [merged(sets, epsilon, exponent, t).everybody().value for t in range(turns)]
    return math.sqrt(sum((v - true) ** 2 for v in found) / turns) / true


def inside(found: Estimate, true: int) -> bool:
    return found.low <= true <= found.high


@pytest.mark.parametrize(
    ("sets", "epsilon", "most"),
    [
        # As in the table of docs/concepts/reach.md, a sixteenth of the size: four times the error.
        ([range(16_000), range(11_000, 27_500)], 1000, 4 * 0.0072),
        ([range(16_000), range(11_000, 27_500)], 2000, 4 * 0.0025),
        ([range(14_000), range(9_000, 22_000), range(17_000, 31_000)], 1000, 4 * 0.0094),
        ([range(14_000), range(9_000, 22_000), range(17_000, 31_000)], 4000, 4 * 0.0014),
    ],
)
def test_the_error_is_that_of_the_table(sets: list[range], epsilon: int, most: float) -> None:
    true = sets[-1].stop
    assert rmse(sets, true, epsilon, 16, 8) < 1.5 * most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sets", "epsilon", "most"),
    [
        ([range(250_000), range(190_000, 440_000)], 1000, 0.0072),
        ([range(250_000), range(190_000, 440_000)], 2000, 0.0025),
        ([range(200_000), range(150_000, 350_000), range(300_000, 496_000)], 1000, 0.0094),
        ([range(20_000), range(12_000, 30_000)], 1000, 0.068),
    ],
)
def test_the_error_is_that_of_the_table_at_full_size(
    sets: list[range], epsilon: int, most: float
) -> None:
    assert rmse(sets, sets[-1].stop, epsilon, 20, 5) < 1.5 * most


def test_intervals_cover_as_often_as_they_say() -> None:
    sets = [range(1500), range(1000, 2600), range(2000, 3200)]
    true = {
        "all": 3200, "south": 1600, "common": 500, "only": 1000,
    }  # fmt: skip
    hits = dict.fromkeys(true, 0)
    turns = 200
    for turn in range(turns):
        found = merged(sets, [1500, 2000, 3000], 13, turn)
        hits["all"] += inside(found.everybody(), true["all"])
        hits["south"] += inside(found.union(["south"]), true["south"])
        hits["common"] += inside(found.common(["north", "south"]), true["common"])
        hits["only"] += inside(found.only("north"), true["only"])
    # 95 % of 200 is 190, with a standard deviation of 3: five of them to each side.
    assert all(175 <= n <= 200 for n in hits.values()), hits
    assert sum(hits.values()) < 4 * turns


def test_estimates_are_right_on_average() -> None:
    sets = [range(1500), range(1000, 2600)]
    errors = [merged(sets, 2000, 12, t).everybody() for t in range(150)]
    mean = sum(e.value for e in errors) / len(errors) - 2600
    width = sum(e.high - e.low for e in errors) / len(errors) / 3.92
    assert abs(mean) < 4 * width / math.sqrt(len(errors))


def test_with_hardly_any_noise_the_estimate_is_that_of_linear_counting() -> None:
    topic = Topic("plain", "2026-11", "email", 1, 12)
    made = ReachSketch.make("north", topic, 10_000, crowd(1000), seeded("plain"))
    ones = int(np.unpackbits(np.frombuffer(made.bits, np.uint8)).sum())
    linear = math.log(1 - ones / 4096) / math.log1p(-1 / 4096)
    assert Merged([made]).everybody().value == pytest.approx(linear, abs=10)


def test_a_union_says_no_more_about_a_set_than_its_own_sketches_do() -> None:
    sets = [range(1500), range(1000, 2600), range(2000, 3200)]
    found = merged(sets, 2000, 13)
    topic_of_two = merged(sets[:2], 2000, 13)
    assert found.union(["north", "south"]) == topic_of_two.everybody()


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    st.integers(500, 6000),
    st.randoms(use_true_random=False),
)
def test_the_order_of_sketches_does_not_matter(sizes: list[int], epsilon: int, random) -> None:
    sketches = []
    topic = Topic("order", "2026-11", "email", 1, 12)
    for name, size in zip(NAMES, sizes, strict=False):
        sketches.append(ReachSketch.make(name, topic, epsilon, crowd(size), seeded(name)))
    mixed = sketches[:]
    random.shuffle(mixed)
    try:
        before = Merged(sketches).everybody()
    except SketchesTooFull:
        with pytest.raises(SketchesTooFull):
            Merged(mixed).everybody()
        return
    after = Merged(mixed).everybody()
    assert abs(before.value - after.value) <= 1
    assert before.low <= before.value <= before.high


def test_parts_add_up_to_the_whole() -> None:
    found = merged([range(1500), range(1000, 2600)], 3000, 13)
    whole = found.everybody().value
    parts = found.only("north").value + found.only("south").value
    assert parts + found.common(NAMES[:2]).value == pytest.approx(whole, abs=2)
    assert found.common(["north"]) == found.union(["north"])
    assert merged([range(9)], 3000, 13).only("north") == merged([range(9)], 3000, 13).everybody()


def test_nobody_reached_is_about_none_and_may_come_out_below_zero() -> None:
    found = [merged([range(0)], 1000, 12, t).everybody() for t in range(20)]
    assert min(e.value for e in found) < 0 < max(e.value for e in found)
    assert all(e.shown().value >= 0 and e.shown().low == 0 for e in found if e.value < 0)
    assert sum(inside(e, 0) for e in found) >= 16


def test_noise_is_what_the_formula_says() -> None:
    p = float(flipping.chance(1000))
    expected = math.sqrt(p * (1 - p)) / (1 - 2 * p) * math.sqrt(2**14)
    found = merged([range(0)], 1000, 14).everybody()
    assert (found.high - found.low) / 3.92 == pytest.approx(expected, rel=0.05)


def test_a_sketch_that_is_too_full_says_so_and_guesses_nothing() -> None:
    with pytest.raises(SketchesTooFull):
        merged([range(20_000)], 2000, 10).everybody()
    full = Topic("full", "2026-11", "email", 1, 10)
    with pytest.raises(SketchesTooFull):
        Merged([ReachSketch("north", full, 1000, b"\xff" * 128)]).everybody()


def test_an_impossible_sketch_of_all_zeroes_still_has_an_estimate() -> None:
    empty = Topic("empty", "2026-11", "email", 1, 10)
    found = Merged([ReachSketch("north", empty, 1000, bytes(128))]).everybody()
    assert found.value < 0
    assert found.low <= found.value <= found.high


def test_what_does_not_fit_together_is_refused() -> None:
    topic, other = (Topic(c, "2026-11", "email", 1, 10) for c in ("spring", "autumn"))
    one, same, another = (
        ReachSketch(party, of, 1000, bytes(128))
        for party, of in (("north", topic), ("north", topic), ("south", other))
    )
    for wrong in ([], [one, same], [one, another]):
        with pytest.raises(SketchesDiffer):
            Merged(wrong)
    many = [ReachSketch(f"p{n}", topic, 1000, bytes(128)) for n in range(11)]
    assert Merged(many[:10]).parties == tuple(f"p{n}" for n in range(10))
    with pytest.raises(SketchesDiffer):
        Merged(many)
    for nobody in ([], ["west"]):
        with pytest.raises(SketchesDiffer):
            Merged([one]).union(nobody)
