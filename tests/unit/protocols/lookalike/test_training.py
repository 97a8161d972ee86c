"""From a noised sum to a model: what it finds, and what becomes of bad input."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from protocols.errors import InvalidParameter
from protocols.lookalike.features import NothingToLearn
from protocols.lookalike.measured import SeedsNotFound
from protocols.lookalike.seeds import TooFewSeeds, seeds_step, split
from protocols.lookalike.training import train
from tests.support.lookalikes import Prepared, draws, prepared, trained
from tests.support.seeded import seeded


@pytest.fixture(scope="module")
def made() -> Prepared:
    return prepared(6000, step=500)


def test_a_model_of_noised_sums_finds_people_alike(made: Prepared) -> None:
    seeds = np.flatnonzero(made.wanted)[:400]
    model = trained(made, seeds, draws(1))
    other = prepared(3000, label=9)
    codes = np.stack([b.encode(c) for b, c in zip(made.bins, _columns(9), strict=True)], axis=1)
    assert roc_auc_score(other.wanted, model.score(codes)) > 0.78


def _columns(label: int) -> list[object]:
    from tests.support.lookalikes import SPEC, population

    columns, _ = population(3000, label)
    return [columns[f.column] for f in SPEC.features]


def test_without_noise_the_model_is_nearly_that_of_the_labels(made: Prepared) -> None:
    """The sum of the seeds' rows is all that the labels are needed for."""
    seeds = np.flatnonzero(made.wanted)[:400]
    rows = made.made.rows(made.codes)
    exact = rows[seeds].sum(axis=0, dtype=np.int64)
    rich = dataclasses.replace(made.made, rho_nano=10**10)
    model = train(rich, made.codes, exact, seeded("t"))
    x = rows[:, :-1].astype(np.float32) / 2**15
    x -= x.mean(axis=0)
    marks = np.zeros(len(x))
    marks[seeds] = 1
    labels = LogisticRegression(C=10, max_iter=500).fit(x, marks)
    assert np.corrcoef(model.score(made.codes), x @ labels.coef_[0])[0, 1] > 0.8


def test_the_same_sum_gives_the_same_model(made: Prepared) -> None:
    seeds = np.flatnonzero(made.wanted)[:400]
    one, two = (trained(made, seeds, draws(3)) for _ in range(2))
    assert np.array_equal(one.score(made.codes), two.score(made.codes))


def test_seeds_that_are_not_in_the_population_are_missed(made: Prepared) -> None:
    with pytest.raises(SeedsNotFound):
        trained(made, np.zeros(0, np.intp), draws(4))


def test_a_population_of_seeds_only_teaches_nothing() -> None:
    p = prepared(2000, step=500)
    with pytest.raises(NothingToLearn):
        trained(p, np.arange(2000), draws(5))


@pytest.mark.parametrize("sums", ["short", "long", "flat", "huge"])
def test_a_sum_of_another_shape_or_size_is_refused(made: Prepared, sums: str) -> None:
    width = made.made.columns
    hostile = {
        "short": np.zeros(width - 1, np.int64),
        "long": np.zeros(width + 1, np.int64),
        "flat": np.zeros((1, width), np.int64),
        "huge": np.full(width, 2**62, np.int64),
    }[sums]
    with pytest.raises(InvalidParameter):
        train(made.made, made.codes, hostile, seeded("t"))


@pytest.mark.parametrize("label", range(3))
def test_tiny_seeds_give_a_model_that_scores_everybody_with_a_number(label: int) -> None:
    p = prepared(1000, step=25, label=label)
    model = trained(p, np.flatnonzero(p.wanted)[:20], draws(label))
    assert np.isfinite(model.score(p.codes)).all()


def test_more_noise_holds_the_weights_back_more(made: Prepared) -> None:
    seeds = np.flatnonzero(made.wanted)[:450]
    sums = made.made.rows(made.codes[seeds]).sum(axis=0, dtype=np.int64)
    spreads = [
        train(dataclasses.replace(made.made, rho_nano=rho), made.codes, sums, seeded("t"))
        .score(made.codes)
        .std()
        for rho in (1_000_000, 17_210_000, 1_000_000_000)
    ]
    assert spreads[0] < spreads[1] < spreads[2]


def test_seeds_come_in_steps_from_25_on() -> None:
    assert [seeds_step(n) for n in (25, 49, 50, 99, 100, 499, 500, 2000, 500_000)] == [
        25, 25, 50, 50, 100, 200, 500, 2000, 500_000,
    ]  # fmt: skip
    for few in (0, 24, -1):
        with pytest.raises(TooFewSeeds):
            seeds_step(few)
    with pytest.raises(InvalidParameter):
        seeds_step(500_001)


@pytest.mark.parametrize("n", [25, 26, 100, 499, 500, 999, 1000, 2000, 10_000, 500_000])
def test_seeds_are_split_whole(n: int) -> None:
    parts = split(n)
    assert parts.training + parts.held_out == n
    assert n // 10 <= parts.held_out <= max(n // 5, n // 10)
    assert parts.training >= 0.8 * n


def test_few_seeds_train_rather_than_be_held_out_for_a_curve_that_noise_hides() -> None:
    assert [split(n).held_out for n in (25, 200, 299, 300, 500, 1000, 2000)] == [
        2, 20, 29, 60, 100, 100, 200,
    ]  # fmt: skip
