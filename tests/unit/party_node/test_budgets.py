"""The budget is never overspent, a charge is never lost, and a repeat charges nothing."""

import threading
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from party_node import further_deltas
from party_node.accounts import Account
from party_node.budgets import Budgets
from party_node.errors import IdempotencyConflict
from protocols.dp.budget import Rho
from protocols.errors import BudgetExceeded, DeltaExceeded, InvalidParameter
from tests.support.node import open_storage

LIMIT = 1_000
SHOP = Account("shop")


@pytest.fixture
def budgets(tmp_path):
    return Budgets(open_storage(tmp_path).db)


def charge(budgets, job, rho_nano, what="size", to_party="shop", limit_nano=LIMIT):
    return budgets.charge(job, "spring", to_party, what, rho_nano, limit_nano, now_ms=5)


def test_a_charge_is_counted_once(budgets):
    assert charge(budgets, "j1", 400)
    assert not charge(budgets, "j1", 400)
    assert budgets.spent(SHOP) == Rho(400)
    assert budgets.remaining(SHOP, LIMIT) == Rho(600)
    (only,) = budgets.history()
    assert (only.job, only.to_party, only.what, only.rho_nano) == ("j1", "shop", "size", 400)


def test_what_does_not_fit_is_refused_with_the_difference(budgets):
    charge(budgets, "j1", 800)
    with pytest.raises(BudgetExceeded) as caught:
        charge(budgets, "j2", 300)
    assert (caught.value.requested, caught.value.available, caught.value.missing) == (
        "0.0000003",
        "0.0000002",
        "0.0000001",
    )
    assert charge(budgets, "j3", 200)
    assert budgets.remaining(SHOP, LIMIT) == Rho(0)
    assert not charge(budgets, "j3", 200), "a repeat is answered even when nothing is left"


def test_each_party_has_a_budget_and_all_collaborations_with_it_count_together(budgets):
    charge(budgets, "j1", LIMIT)
    assert charge(budgets, "j1", LIMIT, to_party="telco")
    with pytest.raises(BudgetExceeded):
        budgets.charge("j9", "autumn", "shop", "size", 1, LIMIT, now_ms=6)
    assert budgets.charge("j9", "autumn", "shop", "size", LIMIT, 2 * LIMIT, now_ms=6)
    assert budgets.spent(SHOP) == Rho(2 * LIMIT)
    assert [c.job for c in budgets.history("autumn")] == ["j9"]


def test_a_smaller_limit_in_a_new_version_leaves_nothing_rather_than_less(budgets):
    charge(budgets, "j1", 900)
    assert budgets.remaining(SHOP, 500) == Rho(0)
    with pytest.raises(BudgetExceeded):
        charge(budgets, "j2", 1, limit_nano=500)


def test_the_same_charge_with_another_amount_is_a_conflict(budgets):
    charge(budgets, "j1", 100)
    with pytest.raises(IdempotencyConflict):
        charge(budgets, "j1", 101)


def test_a_negative_charge_is_refused(budgets):
    with pytest.raises(InvalidParameter):
        charge(budgets, "j1", -1)
    assert budgets.history() == []


@settings(max_examples=25)
@given(asked=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 700)), max_size=12))
def test_never_overspent(tmp_path_factory, asked):
    budgets = Budgets(open_storage(tmp_path_factory.mktemp("n")).db)
    charged = {}
    for job, amount in asked:
        try:
            if charge(budgets, f"j{job}", amount):
                charged[job] = amount
        except BudgetExceeded:
            assert amount > LIMIT - sum(charged.values())
        except IdempotencyConflict:
            assert charged[job] != amount
        assert budgets.spent(SHOP).nano == sum(charged.values()) <= LIMIT


def test_never_overspent_by_concurrent_threads(budgets):
    """Eight threads want 150 each at the same moment; only six fit into 1000."""
    start, outcomes = threading.Barrier(8), []

    def run(number):
        start.wait()
        try:
            outcomes.append(charge(budgets, f"j{number}", 150))
        except BudgetExceeded:
            outcomes.append(False)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 2 + [True] * 6
    assert budgets.spent(SHOP) == Rho(900)


def of_words(budgets, job, exponent, to_party="shop", agreed=11):
    return budgets.charge(
        job, "spring", to_party, further_deltas.word(exponent), 1, LIMIT, 5, delta_exponent=agreed
    )


def test_deltas_of_open_words_are_charged_with_the_rho_and_never_pass_the_agreed_one(budgets):
    """Ten answers at 10^-12 come to the 10^-11 that is agreed: the eleventh is refused whole."""
    for n in range(10):
        assert of_words(budgets, f"j{n}", 12)
        assert not of_words(budgets, f"j{n}", 12), "a repeat charges nothing"
    assert budgets.further_delta("shop") == Fraction(1, 10**11)
    with pytest.raises(DeltaExceeded, match="1e-11"):
        of_words(budgets, "j10", 12)
    with pytest.raises(DeltaExceeded):
        of_words(budgets, "j10", 15)
    assert budgets.spent(SHOP) == Rho(10), "what is refused costs no rho either"
    assert charge(budgets, "j11", 5), "answers without a delta go on"
    assert of_words(budgets, "j10", 12, to_party="paper"), "another recipient has its own"
    assert not of_words(budgets, "j3", 12), "a repeat is answered when nothing is left"


def test_a_delta_above_the_agreed_one_is_never_charged(budgets):
    with pytest.raises(DeltaExceeded):
        of_words(budgets, "j1", 9, agreed=10)
    with pytest.raises(DeltaExceeded):
        budgets.charge("j1", "spring", "shop", further_deltas.word(15), 1, LIMIT, 5)
    assert budgets.further_delta("shop") == 0
    assert budgets.history() == []


def test_the_word_of_a_charge_says_its_delta():
    assert further_deltas.word(0) == "statistics"
    assert further_deltas.delta_of(further_deltas.word(12)) == Fraction(1, 10**12)
    for other in ("statistics", "words", "noisy-size", "members"):
        assert further_deltas.delta_of(other) == 0
    assert further_deltas.shown(Fraction(3, 10**12)) == "3e-12"
    assert further_deltas.shown(Fraction(0)) == "0"
