"""Vocabularies: the hierarchy of purposes and its digest."""

from dataclasses import replace

import pytest

from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import MalformedRecord, UnknownPurpose
from consent.purpose import Purpose
from consent.vocabulary import Vocabulary
from consent.words import Operation
from tests.support.consents import TREE


def purpose(name: str, *parents: str) -> Purpose:
    return Purpose(purpose_id=name, title=name, operations=(), parents=parents)


def test_what_accord_comes_with() -> None:
    measurement = DEFAULT_VOCABULARY.find("audience-measurement")
    joint = DEFAULT_VOCABULARY.find("joint-audience")
    assert set(measurement.operations) == {Operation.PSI, Operation.DP_STAT}
    assert set(joint.operations) == {Operation.PSI, Operation.ACTIVATE}
    assert joint.needs_separate("CN-31")
    assert all(i.startswith("https://w3id.org/dpv#") for i in joint.dpv_iris)


def test_ancestors_are_found_along_every_path_nearest_first() -> None:
    assert TREE.ancestors("scoring") == ("analytics", "profiling", "marketing")
    assert TREE.ancestors("marketing") == ()


def test_a_purpose_that_is_not_there_is_an_error() -> None:
    for ask in (TREE.find, TREE.ancestors):
        with pytest.raises(UnknownPurpose):
            ask("")
    assert not TREE.has("score")


def test_cycles_doubles_and_unknown_parents_are_refused() -> None:
    for purposes in (
        (purpose("a", "a"),),
        (purpose("a", "b"), purpose("b", "a")),
        (purpose("a", "b"), purpose("b", "c"), purpose("c", "b")),
        (purpose("a"), purpose("a")),
        (purpose("a", "b"),),
    ):
        with pytest.raises(MalformedRecord):
            Vocabulary(purposes=purposes)


def test_the_digest_depends_on_the_content_and_not_on_the_order() -> None:
    reordered = replace(TREE, purposes=tuple(reversed(TREE.purposes)))
    assert reordered.digest() == TREE.digest()
    assert replace(TREE, recipients=()).digest() != TREE.digest()
    assert replace(TREE, notices_to_renew=frozenset()).digest() != TREE.digest()
    assert TREE.find("scoring").digest() != replace(TREE.find("scoring"), version=2).digest()
