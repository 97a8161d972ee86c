"""What a federated job asks, and the terms that follow from it."""

import dataclasses

import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.federated.asked import (
    LEAST_SIZE,
    PROTOCOL,
    Federated,
    FederatedParams,
    Label,
    bins_of,
    params_for,
    size_of,
    terms_for,
)
from protocols.federated.signers import signers
from protocols.job import JobDescription, Source
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from tests.support.described import described

AGE = Feature("age", FeatureKind.NUMERIC, edges_milli=(30_000, 50_000))
TIER = Feature("tier", FeatureKind.ORDINAL, categories=("basic", "gold"))
ASKED = Federated(
    FeatureSpecification((AGE, TIER)), Label("renewed", ("yes",)), 2, 0, 50, 1_000_000
)


def job(parties: tuple[str, ...] = ("ben", "ada", "cem"), **changes: object) -> JobDescription:
    fields: dict[str, object] = {
        "kind": "federated", "protocol": PROTOCOL, "params": encode(params_for(ASKED)),
        "purpose": "joint-model", "requester": parties[0], "receiver": parties[0],
        "receiver_dataset": "people",
        "senders": tuple(Source(party, "people") for party in parties[1:]),
        "rho_nano": ASKED.price, "question": encode(ASKED),
    }  # fmt: skip
    return described(**(fields | changes))


def test_parameters_follow_from_the_public_bins_with_one_for_all_else_and_one_for_nothing() -> None:
    params = params_for(ASKED)
    assert params.one_hot == (4, 4)
    assert [bins.label(code) for bins in bins_of(ASKED.features) for code in range(4)] == [
        "≤ 30", "≤ 50", "> 50", "missing", "basic", "gold", "other", "missing",
    ]  # fmt: skip
    assert decode(FederatedParams, encode(params)) == params
    assert params.are_of(PROTOCOL)
    assert not params.are_of("psi-dh-members/1")
    assert ASKED.price == 2_000_000


@pytest.mark.parametrize(
    "changes",
    [
        {"features": FeatureSpecification((Feature("age", FeatureKind.NUMERIC),))},
        {"features": FeatureSpecification((Feature("town", FeatureKind.CATEGORICAL),))},
        {"label": Label("age", ("30",))},
        {"rounds": 0},
        {"rounds": 9},
        {"threshold": 1},
        {"ridge_milli": -1},
        {"rho_nano": 0},
        {"rho_nano": 6 * 10**9},
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter):
        dataclasses.replace(ASKED, **changes)  # type: ignore[arg-type]


def test_terms_are_the_same_whoever_works_them_out() -> None:
    sizes = {"cem": 3000, "ada": 1000, "ben": 2000}
    terms = terms_for(job(), params_for(ASKED), sizes)
    assert terms.parties == ("ada", "ben", "cem")
    assert terms.sizes == (1000, 2000, 3000)
    assert terms.threshold == 2
    assert terms == terms_for(job(("cem", "ben", "ada")), params_for(ASKED), sizes)


def test_a_threshold_that_does_not_fit_the_partners_is_refused() -> None:
    params = params_for(dataclasses.replace(ASKED, threshold=2))
    with pytest.raises(InvalidParameter):
        terms_for(
            job(("ada", "ben", "cem", "dov")),
            params,
            dict.fromkeys(("ada", "ben", "cem", "dov"), 1),
        )


def test_a_partner_that_says_nothing_of_its_size_counts_as_a_small_one() -> None:
    assert size_of(0) == LEAST_SIZE
    assert size_of(2000) == 2000


def test_who_stayed_signs_and_nobody_else_as_long_as_they_are_enough() -> None:
    three = job()
    assert signers(three, ("cem", "ben")) == ("ben", "cem")
    assert signers(three, ("ben",)) == ("ben", "ada", "cem")
    assert signers(three, ("ben", "cem", "eva")) == ("ben", "cem")
    other = dataclasses.replace(three, kind="overlap")
    assert signers(other, ("cem", "ben")) == ("ben", "ada", "cem")
