"""Scores, audiences and weights."""

import numpy as np
import pyarrow as pa
import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.lookalike import representation
from protocols.lookalike.encoding import encode_rows, learn_bins
from protocols.lookalike.model import FeatureWeight, audience, weights
from tests.support.lookalikes import RHO, SPEC, Prepared, draws, population, prepared, trained
from tests.support.seeded import seeded


def test_weights_name_the_features_that_matter() -> None:
    p = prepared(6000, step=1000)
    found = weights(trained(p, np.flatnonzero(p.wanted)[:900], draws(1)), p.codes, seeded("w"))
    assert {w.column for w in found[:3]} == {"age", "spend", "tier"}
    assert found[0].column == "age"
    assert sum(w.importance_permille for w in found) in range(990, 1011)
    tier = next(w for w in found if w.column == "tier")
    assert tier.highest == ("gold",)
    assert all(decode(FeatureWeight, encode(w)) == w for w in found)


def test_a_bin_that_few_people_have_is_not_named_to_the_other_party() -> None:
    """Of 300 people 1 % would be three: their category is what nobody else has."""
    columns, wanted = population(300)
    said = columns["region"].to_pylist()
    said[:3], wanted[:3] = ["only three"] * 3, True
    said[3:63] = ["a, b\x1b[2J"] * 60
    columns["region"] = pa.array(said)
    bins = learn_bins(SPEC, columns)
    codes = encode_rows(bins, columns)
    made = representation.represent(bins, codes, 50, RHO, seeded("made"))
    p = Prepared(bins, codes, made, wanted)
    found = weights(trained(p, np.flatnonzero(wanted)[:60], draws(1)), codes, seeded("w"))
    region = next(w for w in found if w.column == "region")
    told = {*region.highest, *region.lowest}
    assert told
    assert "only three" not in told
    assert all(name.isprintable() for name in told)
    assert '"a, b\\u001b[2J"' in told


def test_an_audience_is_the_best_scores_with_or_without_some() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.9, 0.5])
    assert audience(scores, 2).tolist() == [1, 3]
    assert audience(scores, 3).tolist() == [1, 2, 3]
    without = np.array([False, True, False, False, False])
    assert audience(scores, 2, without).tolist() == [2, 3]
    assert audience(scores, 4, without).tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("size", [0, -1, 6])
def test_an_audience_of_nobody_or_of_more_than_there_are_is_refused(size: int) -> None:
    with pytest.raises(InvalidParameter):
        audience(np.zeros(5), size)
    with pytest.raises(InvalidParameter):
        audience(np.zeros(5), 5, np.array([True] + [False] * 4))


def test_scores_do_not_hang_on_how_rows_are_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    p = prepared(500)
    model = trained(p, np.flatnonzero(p.wanted)[:160], draws(2))
    whole = model.score(p.codes)
    monkeypatch.setattr("protocols.lookalike.model.BATCH", 64)
    assert np.allclose(whole, model.score(p.codes), atol=1e-4)
