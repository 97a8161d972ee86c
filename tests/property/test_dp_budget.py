"""An account is never overspent, whatever is asked of it in whatever order."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from protocols.dp.budget import MAX_NANO, Account, Rho
from protocols.errors import BudgetExceeded

_nano = st.integers(0, MAX_NANO) | st.integers(0, 100)


@given(_nano, st.lists(_nano, max_size=30))
def test_an_account_is_never_overspent(limit: int, asked: list[int]) -> None:
    account, granted = Account(Rho(limit)), 0
    for nano in asked:
        with contextlib.suppress(BudgetExceeded):
            account = account.charge(Rho(nano))
            granted += nano
        assert account.spent.nano == granted <= limit
        assert account.left.nano == limit - granted


@given(_nano, st.lists(_nano, max_size=10), _nano)
def test_a_charge_is_refused_exactly_when_it_is_not_covered(
    limit: int, before: list[int], nano: int
) -> None:
    account = Account(Rho(limit))
    for charge in before:
        with contextlib.suppress(BudgetExceeded):
            account = account.charge(Rho(charge))
    try:
        after = account.charge(Rho(nano))
    except BudgetExceeded as refused:
        missing = Rho.parse(refused.missing) if nano < 10**18 else Rho(nano) - account.left
        assert missing == Rho(nano - account.left.nano)
        assert nano > account.left.nano
    else:
        assert after.charges == (*account.charges, Rho(nano))


@given(st.integers(0, 10**18 - 1))
def test_what_is_shown_reads_back(nano: int) -> None:
    assert Rho.parse(Rho(nano).decimal()) == Rho(nano)
