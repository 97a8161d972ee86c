"""The curve from a noised histogram of held-out seeds; card and forecast beside it."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from party_node import asked_words
from party_node.lookalike import card_words
from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.lookalike import preflight
from protocols.lookalike.card import LIMITS, ModelCard, card
from protocols.lookalike.evaluation import (
    REACHES_PERMILLE,
    ReachCurve,
    buckets,
    curve,
    sum_params,
)
from protocols.lookalike.model import FeatureWeight
from protocols.lookalike.preflight import Caution, Forecast, forecast
from protocols.lookalike.seeds import TooFewSeeds
from protocols.sums.layout import plain_sums
from tests.support.lookalikes import RHO, SPEC, draws


def test_buckets_hold_their_part_of_the_population() -> None:
    found = buckets(np.arange(1000, dtype=np.float32))
    assert np.bincount(found).tolist() == [10, 10, 30, 50, 100, 300, 500]
    assert found[-1] == 0
    assert found[0] == 6
    assert np.bincount(buckets(np.zeros(7)), minlength=7).sum() == 7


def test_a_person_is_in_one_bucket_of_an_aligned_sum() -> None:
    params = sum_params(1000, RHO)
    marks = (np.arange(1000) < 100).astype(np.int32)[:, None]
    told = buckets(draws(1).normal(size=1000))[:, None]
    sums = plain_sums(params.layout, marks, np.zeros((1000, 0), np.int32), told)
    assert sums.sum() == 100
    assert set(params.sigma_milli) == {5391}


def test_the_curve_says_recall_lift_and_calibration() -> None:
    found = curve(draws(1).normal(size=5000), np.array([100, 50, 50, 100, 100, 300, 300]), RHO)
    assert [p.reach_permille for p in found.points] == list(REACHES_PERMILLE)
    assert [p.recall_permille for p in found.points] == [100, 150, 200, 300, 400, 700, 1000]
    assert found.points[0].lift_milli == 10_000
    assert found.points[-1].lift_milli == 1000
    assert found.held_out == 1000
    assert found.reliable
    expected = [p.expected_permille for p in found.points]
    assert expected == sorted(expected)
    assert expected[-1] == 1000
    similar = [p.similarity_permille for p in found.points]
    assert similar == sorted(similar, reverse=True)
    for point in found.points:
        assert 0 <= point.low_permille <= point.recall_permille <= point.high_permille <= 1000
    assert decode(ReachCurve, encode(found)) == found


@pytest.mark.parametrize("sums", [[0] * 7, [-40, 9, -9, 3, -5, 0, 1], [7] * 7])
def test_a_curve_of_hardly_any_seeds_says_that_it_says_nothing(sums: list[int]) -> None:
    found = curve(np.linspace(0, 1, 500), np.array(sums), RHO)
    assert not found.reliable
    assert all(0 <= p.recall_permille <= 1000 for p in found.points)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    """600 draws: at 95 % fewer than 540 hits come by chance less than once in a million."""
    d, truth = draws(3), np.array([0.1, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    scores, hits, tries = d.normal(size=1000), 0, 600
    for _ in range(tries):
        sums = d.multinomial(200, truth) + np.rint(5.391 * d.normal(size=7)).astype(np.int64)
        point = curve(scores, sums, RHO).points[3]
        hits += point.low_permille <= 400 <= point.high_permille
    assert hits >= 540


def test_a_sum_over_other_buckets_is_refused() -> None:
    for shape in (6, 8, (1, 7)):
        with pytest.raises(InvalidParameter):
            curve(np.zeros(100), np.zeros(shape, np.int64), RHO)


def _card(step: int = 2000) -> ModelCard:
    found = curve(draws(1).normal(size=900), np.array([99, 40, 20, 20, 10, 5, 5]), 5_000_000)
    return card(
        purpose="advertising",
        brand="brand",
        partner="publisher",
        features=SPEC,
        seeds_step=step,
        columns=120,
        rho_nano=RHO,
        delta_exponent=8,
        checkpoints=(bytes(32), bytes(range(32))),
        weights=(FeatureWeight("age", 1000, ("> 60",), ("≤ 20",)),),
        curve=found,
    )


def test_a_card_states_the_larger_price_and_its_limits() -> None:
    made = _card()
    assert made.rho_nano == RHO
    assert 999 <= made.epsilon_milli <= 1001
    assert made.limits == LIMITS
    assert made.cautions == ()
    assert Caution.FEW_SEEDS in _card(200).cautions
    assert decode(ModelCard, encode(made)) == made


def test_a_card_names_checkpoints_by_whole_hashes() -> None:
    with pytest.raises(InvalidParameter):
        dataclasses.replace(_card(), checkpoints=(bytes(31),))


def _hostile() -> Iterator[Callable[[ModelCard], ModelCard]]:
    """What a partner could write into a card: the brand's commands and pages show it."""

    def weight(**other: Any) -> Callable[[ModelCard], ModelCard]:
        def alter(made: ModelCard) -> ModelCard:
            return replace(made, weights=(replace(made.weights[0], **other),))

        return alter

    def curve_of(change: Callable[[ReachCurve], ReachCurve]) -> Callable[[ModelCard], ModelCard]:
        return lambda made: replace(made, curve=change(made.curve))

    def point(**other: int) -> Callable[[ModelCard], ModelCard]:
        return curve_of(
            lambda found: replace(
                found, points=(replace(found.points[0], **other), *found.points[1:])
            )
        )

    yield curve_of(lambda found: replace(found, points=found.points[:-1]))
    yield curve_of(lambda found: replace(found, points=found.points[::-1]))
    yield curve_of(lambda found: replace(found, points=()))
    yield curve_of(lambda found: replace(found, held_out=0))
    yield point(reach_permille=100)
    yield point(recall_permille=1001)
    yield point(low_permille=1000)
    yield point(expected_permille=-1)
    yield point(lift_milli=2**60)
    yield weight(column="income")
    yield weight(column="age\x1b[2J")
    yield weight(highest=("\x1b]0;owned\x07",))
    yield weight(lowest=("",))
    yield weight(highest=tuple("abcdef"))
    yield weight(lowest=("x" * 201,))
    yield weight(importance_permille=1001)
    yield lambda made: replace(made, weights=made.weights * 2)
    yield lambda made: replace(made, limits=("\x1b[1;31mIt is perfect",))
    yield lambda made: replace(made, limits=made.limits * 5)
    yield lambda made: replace(made, epsilon_milli=1)
    yield lambda made: replace(made, delta_exponent=1)
    yield lambda made: replace(made, delta_exponent=400)


_HOSTILE = dict(enumerate(_hostile()))


@pytest.mark.parametrize("alter", _HOSTILE.values(), ids=_HOSTILE)
def test_a_card_that_would_break_or_move_what_shows_it_is_refused(
    alter: Callable[[ModelCard], ModelCard],
) -> None:
    with pytest.raises(InvalidParameter):
        alter(_card())


def test_a_forecast_rises_with_seeds_and_price() -> None:
    sizes = [forecast(n, RHO) for n in (50, 100, 500, 2000, 10_000, 500_000)]
    assert [f.auc_middle_permille for f in sizes] == sorted(f.auc_middle_permille for f in sizes)
    assert [f.auc_low_permille for f in sizes] == sorted(f.auc_low_permille for f in sizes)
    assert all(f.auc_low_permille <= f.auc_middle_permille <= 1000 for f in sizes)
    assert forecast(500, 4 * RHO).auc_middle_permille > forecast(500, RHO).auc_middle_permille
    assert sizes[0].cautions == (Caution.FEW_SEEDS,)
    assert sizes[2].cautions == ()
    assert sizes[-1].recall_half_width_permille < sizes[2].recall_half_width_permille
    assert decode(Forecast, encode(sizes[0])) == sizes[0]


def test_below_what_was_measured_nothing_is_foretold() -> None:
    """With a table that went on flat, a price of nearly nothing had a model nearly as good."""
    for seeds, rho in ((25, RHO), (500, RHO // 101), (25_000, 1)):
        found = forecast(seeds, rho)
        assert (found.auc_low_permille, found.auc_middle_permille) == (0, 0)
        assert Caution.NOISE_DROWNS in found.cautions
    assert "not measured" in next(asked_words.forecast(card_words.ahead(forecast(25, RHO))))


def test_a_forecast_refuses_what_training_would() -> None:
    with pytest.raises(TooFewSeeds):
        forecast(24, RHO)
    with pytest.raises(InvalidParameter):
        forecast(500, 0)


def test_the_forecast_is_by_the_table_of_the_page() -> None:
    page = (Path(__file__).parents[4] / "docs/concepts/lookalike.md").read_text()
    rows = re.findall(r"^\| ([0-9,]+) \| 0\.([0-9]{3}) \| 0\.([0-9]{3}) \|$", page, re.MULTILINE)
    told = tuple((int(n.replace(",", "")), int(low), int(mid)) for n, low, mid in rows)
    assert told == preflight.MEASURED
