"""Sums of rho, their limit, and what they are worth."""

import pytest

from protocols.dp.budget import (
    NANO,
    Account,
    Rho,
    epsilon,
    price_of,
    questions_left,
    sigma_for,
    sigma_milli,
)
from protocols.dp.noise import half_width, price
from protocols.errors import BudgetExceeded, InvalidParameter


@pytest.mark.parametrize(
    ("text", "nano", "shown"),
    [
        ("0.005", 5_000_000, "0.005"),
        ("0", 0, "0"),
        ("1.000000000", NANO, "1"),
        ("0.000000001", 1, "0.000000001"),
        ("10.5", 10_500_000_000, "10.5"),
        ("100", 100 * NANO, "100"),
    ],
)
def test_a_rho_is_read_and_shown_exactly(text: str, nano: int, shown: str) -> None:
    assert Rho.parse(text) == Rho(nano)
    assert Rho(nano).decimal() == str(Rho(nano)) == shown


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e-3", ".5", "1.", "0.0000000001", " 1", "1 ", "1,5", "nan", "١", "1" * 10],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        Rho.parse(text)


@pytest.mark.parametrize("nano", [-1, 2**63, 0.5, True])
def test_a_rho_is_a_whole_number_that_is_not_negative(nano: int) -> None:
    with pytest.raises(InvalidParameter):
        Rho(nano)


def test_rho_adds_and_subtracts_but_never_below_zero() -> None:
    assert Rho(3) + Rho(4) == Rho(7)
    assert Rho(7) - Rho(7) == Rho(0)
    assert Rho(1) < Rho(2)
    with pytest.raises(InvalidParameter):
        Rho(3) - Rho(4)


def test_an_account_refuses_what_it_does_not_cover_and_says_how_much_is_missing() -> None:
    account = Account(Rho.parse("0.012")).charge(Rho.parse("0.005")).charge(Rho.parse("0.005"))
    assert account.spent == Rho.parse("0.01")
    with pytest.raises(BudgetExceeded) as caught:
        account.charge(Rho.parse("0.005"))
    assert (caught.value.requested, caught.value.available, caught.value.missing) == (
        "0.005",
        "0.002",
        "0.003",
    )
    assert account.charge(Rho.parse("0.002")).left == Rho(0)


def test_an_overspent_account_cannot_exist() -> None:
    with pytest.raises(InvalidParameter):
        Account(Rho(5), (Rho(3), Rho(3)))


@pytest.mark.parametrize(
    ("rho", "delta_exponent", "published"),
    [
        ("0.01", 6, 0.622),
        ("0.01", 8, 0.752),
        ("0.05", 8, 1.755),
        ("0.1", 6, 2.142),
        ("0.1", 10, 2.882),
        ("1", 8, 8.977),
        ("0.01721", 8, 1.0),
    ],
)
def test_epsilon_is_opendps_rounded_up(rho: str, delta_exponent: int, published: float) -> None:
    shown = epsilon(Rho.parse(rho).nano, delta_exponent)
    assert published <= shown <= published + 0.0015


def test_epsilon_is_below_the_textbook_bound_and_grows() -> None:
    # rho + 2 sqrt(rho ln(1/delta)), Bun and Steinke 2016, proposition 1.3: looser.
    assert epsilon(NANO // 10, 8) < 0.1 + 2 * (0.1 * 8 * 2.302585) ** 0.5
    assert epsilon(0, 8) == 0.0
    assert (
        epsilon(10, 8) <= epsilon(NANO // 100, 8) < epsilon(NANO // 10, 8) < epsilon(10 * NANO, 8)
    )
    for bad in (0, 31):
        with pytest.raises(InvalidParameter):
            epsilon(1, bad)


@pytest.mark.parametrize("nano", [1, 2, 1000, 999_983, 5_000_000, 17_210_000, NANO, 10 * NANO])
def test_the_scale_is_safe_and_the_next_smaller_one_is_not(nano: int) -> None:
    milli = sigma_milli(nano)
    assert price(milli / 1000) * NANO <= nano < price((milli - 1) / 1000) * NANO
    assert sigma_for(nano) == milli / 1000


@pytest.mark.parametrize("nano", [1000, 5_000_000, 17_210_000, NANO, 10 * NANO])
@pytest.mark.parametrize("sensitivity", [2, 3, 16])
def test_a_person_who_counts_more_needs_a_wider_scale(nano: int, sensitivity: int) -> None:
    milli = sigma_milli(nano, sensitivity)
    assert price(milli / 1000, sensitivity) * NANO <= nano
    assert nano < price((milli - 1) / 1000, sensitivity) * NANO
    assert abs(milli - sensitivity * sigma_milli(nano)) <= sensitivity + 1


def test_a_person_changes_a_count_by_at_least_one() -> None:
    with pytest.raises(InvalidParameter):
        sigma_milli(5_000_000, 0)


@pytest.mark.parametrize("nano", [0, -1, 10 * NANO + 1])
def test_prices_out_of_range_have_no_scale(nano: int) -> None:
    with pytest.raises(InvalidParameter):
        sigma_milli(nano)


@pytest.mark.parametrize(
    ("rho", "counts"),
    [
        ("0.01721", (5, 21, 88, 356)),
        ("0.06394", (19, 81, 329, 1324)),
        ("0.13656", (42, 174, 703, 2829)),
        ("0.35005", (109, 446, 1804, 7253)),
    ],
)
def test_questions_left_is_the_budget_preview(rho: str, counts: tuple[int, ...]) -> None:
    left = Rho.parse(rho)
    assert tuple(questions_left(left, width) for width in (25, 50, 100, 200)) == counts
    assert questions_left(left) == counts[2]


@pytest.mark.parametrize("width", [2, 3, 25, 100, 500])
def test_the_price_of_an_accuracy_buys_it(width: int) -> None:
    nano = price_of(width).nano
    assert half_width(sigma_for(nano)) <= width
    assert questions_left(Rho(nano), width) == 1
    assert questions_left(Rho(nano - 1), width) == 0


@pytest.mark.parametrize("width", [-1, 0, 1, 10_001])
def test_accuracies_out_of_range_have_no_price(width: int) -> None:
    with pytest.raises(InvalidParameter):
        price_of(width)
