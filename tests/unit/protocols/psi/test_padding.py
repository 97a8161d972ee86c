"""What is added to a set: it hides the size, and changes no result but a count's, by its noise."""

import dataclasses
import math

import numpy as np
import pytest

from protocols.disclosure import FLOOR, step_up
from protocols.errors import ContextMismatch, InvalidParameter
from protocols.psi import dh, padding
from protocols.psi.padding import NOBODY
from protocols.psi.params import Cardinality, Members, PsiParams, RowParams
from protocols.session import Items, Role
from protocols.shuffle import permutation
from tests.support.pair import CTX, run_pair
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.seeded import digests, seeded

PLAIN = PsiParams(20_000, 512, strict=False)
NOISY = RowParams(20_000, 512, strict=False, dummies=40)


def laid_out(numbers, role, params=NOISY, label="layout"):
    """Return whose each item is, by number, and the items, in one secret order."""
    rows = np.frombuffer(b"".join(digests(numbers)), dtype=np.uint8).reshape(-1, 32)
    people = np.array(numbers, dtype=np.uint32)
    tossed = padding.tossed_by(int(role is Role.RESPONDER), 1, params.dummies)
    more = padding.added(len(rows), tossed, params, CTX, seeded(f"{label}/{role}"))
    items = np.concatenate([rows, more])
    whose = np.concatenate([people, np.full(len(more), NOBODY, dtype=np.uint32)])
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


def test_a_limit_tells_nothing_about_a_set_that_its_step_does_not_tell():
    """A peer that chooses `max_items` would else find the exact size by halving."""
    params = RowParams(1290, 512, strict=False, dummies=40)
    assert {padding.padded_size(size, params) for size in range(1001, 1251)} == {1290}
    for size in (1251, 1290):
        with pytest.raises(InvalidParameter):
            padding.padded_size(size, params)
    below = RowParams(1289, 512, strict=False, dummies=40)
    for size in (1001, 1249, 1250):
        with pytest.raises(InvalidParameter):
            padding.padded_size(size, below)


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


@pytest.mark.parametrize("role", list(Role))
def test_rows_are_filled_up_by_whole_rows(role):
    params = RowParams(20_000, 512, strict=False, per_person=3)
    more = padding.added(7, range(0), params, CTX, seeded(str(role)), 3)
    assert len(more) == 3 * (FLOOR - 7)
    assert len({row.tobytes() for row in more}) == len(more)
    assert padding.padded_size(6000, params, 3) == 6300
    with pytest.raises(InvalidParameter):
        padding.padded_size(6667, params, 3)


def test_a_list_and_rows_of_several_items_take_no_dummies():
    assert PLAIN.dummies == 0
    with pytest.raises(InvalidParameter, match="dummies"):
        RowParams(20_000, 512, per_person=2, dummies=40)


def test_an_odd_number_of_dummies_and_one_out_of_range_is_refused():
    for dummies in (3, -2, 2**17 + 2):
        with pytest.raises(InvalidParameter):
            RowParams(9, dummies=dummies)


def test_a_peer_that_agreed_to_other_noise_fails_at_its_first_message():
    other = dataclasses.replace(NOISY, dummies=42)
    sender = dh.CARDINALITY.begin(Role.RESPONDER, other, CTX, Items(0, 512), seeded("s"))
    receiver = dh.CARDINALITY.begin(Role.INITIATOR, NOISY, CTX, Items(0, 512), seeded("r"))
    with pytest.raises(ContextMismatch):
        dh.CARDINALITY.step(sender.state, receiver.message, {}.__getitem__, seeded("s"))


def test_every_dummy_has_one_sender_that_tosses_for_it():
    for senders in (1, 2, 5):
        parts = [padding.tossed_by(number, senders, 20) for number in range(senders + 1)]
        assert not parts[0]
        assert [i for part in parts[1:] for i in part] == list(range(20))
    with pytest.raises(InvalidParameter):
        padding.tossed_by(1, 3, 20)


def test_a_sender_of_several_holds_all_dummies_but_those_it_tosses_for():
    known = [bytes(row) for row in padding.dummies(CTX, 40)]
    tossed = padding.tossed_by(2, 2, 40)
    more = padding.added(3, tossed, NOISY, CTX, seeded("second"))
    held = {bytes(row) for row in more}
    assert held >= set(known[:20])
    heads = len(held & set(known[20:]))
    assert 0 < heads < 20
