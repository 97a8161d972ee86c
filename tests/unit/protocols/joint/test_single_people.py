"""What sums over the people of both tell of single ones, as the docs say: all, without noise."""

import numpy as np
import pyarrow as pa

from protocols.joint import moments
from protocols.joint.basis_learning import learn
from protocols.joint.widths import UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.sums.layout import plain_sums

PEOPLE, THEIRS = 500, 20
VICTIMS = range(40, 56)
RHO = 20_000_000
_NONE = np.zeros((PEOPLE, 0), np.uint16)


def brand_columns() -> np.ndarray:
    """Return columns of a brand that gives each of sixteen people a category of their own."""
    names = [f"v{n}" for n in VICTIMS]
    said = ["other"] * PEOPLE
    for name, person in zip(names, VICTIMS, strict=True):
        said[person] = name
    feature = Feature("segment", FeatureKind.CATEGORICAL, categories=tuple(names))
    table = {"segment": pa.array(said)}
    return learn(FeatureSpecification((feature,)), table).encode(table)


def test_without_noise_a_column_that_one_person_has_tells_all_columns_of_that_person() -> None:
    """Known, and said in docs/concepts/joint-score.md: `noise: true` is there for it."""
    own = brand_columns()
    theirs = np.random.default_rng(1).integers(0, UNIT + 1, (PEOPLE, THEIRS)).astype(np.uint8)
    values = np.concatenate([np.zeros((PEOPLE, 1), np.int32), own], axis=1)
    layout = moments.across_params(THEIRS, own.shape[1], PEOPLE, 0).layout
    across = plain_sums(layout, moments.vectors_of(values), moments.plainly(theirs), _NONE)
    told = across[1:] // UNIT + moments.MIDDLE
    assert np.array_equal(told, theirs[list(VICTIMS)])


def test_with_noise_a_single_person_is_drowned() -> None:
    params = moments.across_params(THEIRS, 16, PEOPLE, RHO // 2)
    one_person = UNIT * UNIT
    assert min(params.sigma_milli) / 1000 > 50 * one_person
    within = moments.within_params(THEIRS, PEOPLE, RHO // 2)
    assert min(within.sigma_milli) / 1000 > 50 * one_person
