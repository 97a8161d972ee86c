"""What is added to a set: it hides the size, and changes no result but a count's, by its noise."""

import math

import numpy as np
import pytest

from protocols.disclosure import FLOOR, step_up
from protocols.errors import InvalidParameter
from protocols.psi import dh, padding
from protocols.psi.padding import NOBODY
from protocols.psi.params import Cardinality, Members, PsiParams
from protocols.session import Role
from protocols.shuffle import permutation
from tests.support.pair import CTX, run_pair
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.seeded import digests, seeded

PLAIN = PsiParams(20_000, 512, strict=False)
NOISY = PsiParams(20_000, 512, strict=False, dummies=40)


def laid_out(numbers, role, params=NOISY, label="layout"):
    """Return whose each item is, by number, and the items, in one secret order."""
    rows = np.frombuffer(b"".join(digests(numbers)), dtype=np.uint8).reshape(-1, 32)
    people = np.array(numbers, dtype=np.uint32)
    whose, items = padding.padded(people, rows, role, params, CTX, seeded(f"{label}/{role}"))
    order = permutation(seeded(f"{label}/{role}/order")(32), len(items))
    return whose[order], [row.tobytes() for row in items[order]]


def known(n=40):
    return {row.tobytes() for row in padding.dummies(CTX, n)}


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_up_to_the_floor_all_sets_look_alike(size):
    assert padding.padded_size(size, PLAIN) == FLOOR
    assert padding.padded_size(size, NOISY) == FLOOR + 40


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("size", [0, 7, 1001, 1250, 1251])
def test_a_set_is_sent_as_its_step_and_the_dummies_whatever_the_coins_said(role, size):
    for seed in "ab":
        whose, items = laid_out(range(size), role, label=seed)
        assert len(items) == len(whose) == len(set(items)) == step_up(size) + 40
        own = dict(zip(items, whose.tolist(), strict=True))
        assert [own[d] for d in digests(range(size))] == list(range(size))
        assert sum(w == NOBODY for w in own.values()) == len(items) - size


def test_where_the_step_is_above_what_the_job_allows_it_is_what_the_job_allows():
    params = PsiParams(1100, 512, strict=False, dummies=40)
    assert padding.padded_size(1000, params) == 1040
    assert padding.padded_size(1001, params) == padding.padded_size(1060, params) == 1100
    with pytest.raises(InvalidParameter):
        padding.padded_size(1061, params)


def test_the_receiver_holds_all_dummies_and_the_sender_those_whose_coin_fell_so():
    assert known() <= set(laid_out(range(5), Role.INITIATOR)[1])
    held = [known() & set(laid_out(range(5), Role.RESPONDER, label=s)[1]) for s in "abcdef"]
    assert len({frozenset(h) for h in held}) == len(held)
    assert all(5 < len(h) < 35 for h in held)


def test_dummies_are_of_one_run():
    other = padding.dummies(bytes(32), 40)
    assert not known() & {row.tobytes() for row in other}
    assert len(known()) == 40


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_members_are_the_same_with_what_was_added(scenario: Scenario):
    mine, my_items = laid_out(scenario.receiver, Role.INITIATOR, PLAIN)
    _, their_items = laid_out(scenario.sender, Role.RESPONDER, PLAIN)
    played = run_pair(dh.MEMBERS, PLAIN, CTX, my_items, their_items)
    plain = set(scenario.receiver) & set(scenario.sender)
    assert played.output == Members(len(plain))
    assert {int(mine[i]) for i in played.matched()} == plain


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_count_has_the_noise_of_the_coins_and_no_other(scenario: Scenario):
    _, my_items = laid_out(scenario.receiver, Role.INITIATOR)
    _, their_items = laid_out(scenario.sender, Role.RESPONDER)
    played = run_pair(dh.CARDINALITY, NOISY, CTX, my_items, their_items)
    heads = len(known() & set(their_items))
    plain = len(set(scenario.receiver) & set(scenario.sender))
    assert played.output == Cardinality(plain + heads - 20)
    assert math.fabs(heads - 20) < 20


def test_a_list_takes_no_dummies():
    with pytest.raises(InvalidParameter, match="counting only"):
        run_pair(dh.MEMBERS, NOISY, CTX, digests(range(3)), digests(range(3)))


def test_a_peer_that_agreed_to_other_noise_fails_at_its_first_message():
    assert PsiParams(9, dummies=2) != PsiParams(9)
    with pytest.raises(InvalidParameter):
        PsiParams(9, dummies=3)
    with pytest.raises(InvalidParameter):
        PsiParams(9, dummies=-2)
    with pytest.raises(InvalidParameter):
        PsiParams(9, dummies=2**17 + 2)
