"""Two looks: the first says what matters, and the second asks of people alike in that."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from protocols.errors import InvalidParameter
from protocols.lookalike.asked import Lookalike, params_for
from protocols.lookalike.encoding import Bins, Codes, encode_rows, learn_bins
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.looking import first_look, second_look
from protocols.lookalike.measured import Look, SeedsNotFound
from protocols.lookalike.representation import Representation, represent
from protocols.lookalike.sums import SENSITIVITY, columns_for, prices, told_apart
from protocols.lookalike.training import train
from protocols.sums.segments import EVERYBODY
from tests.support.lookalikes import RHO, draws, noised, prepared
from tests.support.seeded import seeded

SEEDS = 2000


@dataclass(frozen=True, slots=True)
class People:
    bins: tuple[Bins, ...]
    codes: Codes
    wanted: NDArray[np.bool_]


@pytest.fixture(scope="module")
def people() -> People:
    """Twelve numbers that say nothing, and one of 110 trades, which says all: a third is wanted."""
    d, rows = draws(1), 8000
    trades = d.integers(0, 110, rows)
    columns = {f"n{i}": pa.array(d.normal(size=rows)) for i in range(12)}
    columns["trade"] = pa.array([f"t{n}" for n in trades])
    features = [Feature(name, FeatureKind.NUMERIC) for name in list(columns)[:-1]]
    spec = FeatureSpecification((*features, Feature("trade", FeatureKind.CATEGORICAL)))
    bins = learn_bins(spec, columns)
    return People(bins, encode_rows(bins, columns), trades % 3 == 0)


@pytest.fixture(scope="module")
def seeds(people: People) -> NDArray[np.intp]:
    return np.flatnonzero(people.wanted)[:SEEDS]


@pytest.fixture(scope="module")
def before(people: People, seeds: NDArray[np.intp]) -> Look:
    return looked(people, seeds)


@pytest.fixture(scope="module")
def second(people: People, before: Look) -> Representation:
    return second_look(before, people.codes, seeded("second"))


def looked(p: People, seeds: NDArray[np.intp]) -> Look:
    first = first_look(p.bins, p.codes, SEEDS, RHO, seeded("first"))
    return Look(first, noised(first, p.codes[seeds], draws(1)))


def test_both_looks_cost_what_one_would_have_cost():
    for rho in (4, 7, RHO, 10**10):
        assert sum(prices(rho)) == rho
        assert min(prices(rho)) > 0


@pytest.mark.parametrize("rho", [RHO // 100, RHO, 10**9])
@pytest.mark.parametrize("step", [25, 500, 2000, 100_000])
def test_a_seed_that_trains_pays_the_stated_price_for_both_looks_and_no_more(step, rho):
    asked = replace(question(rho), seeds=step)
    *looks, judged = params_for(asked).sums
    spent = sum(Fraction(SENSITIVITY * 1000, one.sigma_milli[0]) ** 2 / 2 for one in looks)
    assert spent <= Fraction(rho, 10**9)
    assert spent > Fraction(rho, 10**9) * Fraction(999, 1000)
    assert Fraction(1000, judged.sigma_milli[0]) ** 2 / 2 <= Fraction(rho, 10**9)


def question(rho: int) -> Lookalike:
    features = FeatureSpecification((Feature("age", FeatureKind.NUMERIC),))
    return Lookalike("readers", features, "customers", EVERYBODY, 500, rho, 0)


def test_a_price_too_small_for_two_is_refused():
    with pytest.raises(InvalidParameter, match="rho"):
        prices(3)


def test_the_second_look_is_at_what_is_left_of_the_price(before, second):
    assert (before.made.rho_nano, before.made.rest_nano) == prices(RHO)
    assert (second.rho_nano, second.rest_nano) == (prices(RHO)[1], 0)


def test_columns_fit_into_what_was_agreed_before(before, second):
    most = columns_for(SEEDS, RHO)
    assert before.made.columns - 1 <= most
    assert second.columns - 1 <= most


def test_the_second_look_tells_people_apart_by_what_matters(people, before, second):
    def part_of_trades(made: Representation) -> float:
        """Return which part of how rows differ is between trades."""
        rows, trades = made.rows(people.codes)[:, :-1].astype(np.float64), people.codes[:, -1]
        rows -= rows.mean(axis=0)
        means = np.stack([rows[trades == t].mean(axis=0) for t in np.unique(trades)])
        shares = np.bincount(trades)[np.unique(trades)] / len(trades)
        return float(shares @ np.square(means).sum(axis=1) / np.square(rows).sum(axis=1).mean())

    assert part_of_trades(second) > 1.5 * part_of_trades(before.made)


def test_two_looks_find_people_alike_better_than_one_at_that_price(people, seeds, before, second):
    sums = noised(second, people.codes[seeds], draws(2))
    both = train(second, people.codes, sums, seeded("t"), before)
    made = represent(people.bins, people.codes, SEEDS, RHO, seeded("one"))
    plain = noised(made, people.codes[seeds], draws(2))
    one = train(made, people.codes, plain, seeded("t"))
    areas = [roc_auc_score(people.wanted, model.score(people.codes)) for model in (both, one)]
    assert areas[0] > areas[1] + 0.01
    assert areas[0] > 0.9


def test_of_few_seeds_both_looks_together_are_one_at_the_whole_price():
    p = prepared(1500, step=200)
    seeds = np.flatnonzero(p.wanted)[:250]
    assert not told_apart(200, RHO)
    first = first_look(p.bins, p.codes, 200, RHO, seeded("made"))
    exact = first.rows(p.codes[seeds]).sum(axis=0, dtype=np.int64)
    again = second_look(Look(first, exact), p.codes, seeded("s"))
    both = train(again, p.codes, exact, seeded("t"), Look(first, exact))
    one = train(first.at_price(RHO), p.codes, exact, seeded("t"))
    assert np.corrcoef(both.score(p.codes), one.score(p.codes))[0, 1] > 0.999


def test_seeds_that_are_not_there_are_missed_at_the_first_look(people):
    with pytest.raises(SeedsNotFound):
        second_look(looked(people, np.zeros(0, np.intp)), people.codes, seeded("s"))
