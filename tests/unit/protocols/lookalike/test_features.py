"""What a specification says, and what it refuses."""

from typing import Any

import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from tests.support.lookalikes import SPEC

N, ORD, C = FeatureKind.NUMERIC, FeatureKind.ORDINAL, FeatureKind.CATEGORICAL


def test_a_specification_has_one_encoding() -> None:
    assert decode(FeatureSpecification, encode(SPEC)) == SPEC


@pytest.mark.parametrize(
    "given",
    [
        ("", N),
        ("a\nb", N),
        ("x" * 65, N),
        ("age", N, 5, 5),
        ("age", N, 6, 5),
        ("age", N, 2**53),
        ("age", N, None, None, (2, 2)),
        ("age", N, None, None, (3, 2)),
        ("age", N, None, None, (), ("a",)),
        ("tier", ORD),
        ("tier", ORD, None, None, (), ("one",)),
        ("tier", ORD, None, None, (), ("one", "one")),
        ("tier", C, 1),
        ("tier", C, None, None, (1,)),
        ("tier", C, None, None, (), tuple(map(str, range(4097)))),
    ],
)
def test_a_feature_that_contradicts_itself_is_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidParameter):
        Feature(*given)


def test_a_specification_has_features_each_once() -> None:
    one = Feature("age", N)
    for features in ((), (one, one), tuple(Feature(str(i), N) for i in range(1025))):
        with pytest.raises(InvalidParameter):
            FeatureSpecification(features)


def test_other_bytes_are_no_specification() -> None:
    with pytest.raises(MalformedMessage):
        decode(FeatureSpecification, encode(Feature("age", N)))
