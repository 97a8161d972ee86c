"""What a specification says, and what it refuses."""

from typing import Any

import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.lookalike.features import (
    MAX_FEATURES,
    MOST_ORDERED,
    Feature,
    FeatureKind,
    FeatureSpecification,
    check_work,
)
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


def stated(kind: FeatureKind, bins: int, features: int = 1) -> FeatureSpecification:
    if kind is N:
        said = {"edges_milli": tuple(range(bins))}
    else:
        said = {"categories": tuple(map(str, range(bins)))}
    return FeatureSpecification(tuple(Feature(f"c{n}", kind, **said) for n in range(features)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spec",
    [
        stated(N, MOST_ORDERED + 1), stated(ORD, MOST_ORDERED + 1),
        stated(N, MOST_ORDERED, 33), stated(C, 4096, 37),
    ],
    ids=["numeric", "ordinal", "pairs", "codes"],
)  # fmt: skip
def test_whoever_asks_cannot_wear_a_partner_out_by_bins_that_it_states(
    spec: FeatureSpecification,
) -> None:
    """A question of a megabyte would have taken the partner's node hours, and all its memory."""
    with pytest.raises(InvalidParameter):
        check_work(spec)


@pytest.mark.parametrize(
    "spec",
    [
        stated(N, MOST_ORDERED, 32), stated(C, 4096, 36),
        FeatureSpecification(tuple(Feature(str(n), N) for n in range(MAX_FEATURES))),
    ],
    ids=["numeric", "codes", "plain"],
)  # fmt: skip
def test_what_a_node_can_do_is_not_refused(spec: FeatureSpecification) -> None:
    check_work(spec)
    assert spec.features


def test_other_bytes_are_no_specification() -> None:
    with pytest.raises(MalformedMessage):
        decode(FeatureSpecification, encode(Feature("age", N)))
