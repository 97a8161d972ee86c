"""Which pairs of bins are within a window, and counts added up by that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, plan
from protocols.dp.queries.query import Lift
from protocols.dp.queries.scalars import InvalidQuery
from protocols.dp.queries.schema import BinColumn
from protocols.dp.queries.windows import apart, bins_within
from protocols.errors import InvalidParameter
from tests.support.campaigns import lift_question

DAYS = 10
EDGES = [str(day) for day in range(DAYS + 1)]
COLUMNS = {"arm": {"categories": ["test", "control"]}, "seen": {"bins": EDGES}}
BOUGHT = BinColumn("bought", "bought", 0, tuple(range(DAYS + 1)))
NAMED = list(BOUGHT.labels()[:DAYS])


def asked(under: int, named: list[str] = NAMED):
    return lift_question(
        columns=COLUMNS, converted=named, window={"after": "seen", "under": str(under)}
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, DAYS + 1), st.integers(0, DAYS)), max_size=60
    ),
    st.integers(1, DAYS),
)
def test_with_bins_of_a_day_it_is_exact(people: list[tuple[int, int, int]], under: int) -> None:
    """All have an arm, a day of exposure (10 and 11: none) and one of conversion (10: none)."""
    made = plan(asked(under))
    wide = len(made.axes[1])
    by_day = [[0] * made.cells for _ in range(DAYS + 1)]
    for arm, seen, bought in people:
        by_day[bought][arm * wide + seen] += 1
    noisy = [Noisy({ROWS: tuple(cells)}) for cells in by_day]
    within, others = apart(made, list(enumerate(noisy[:DAYS])), [noisy[DAYS]], BOUGHT)
    for arm in range(2):
        dated = [(s, b) for a, s, b in people if a == arm and s < DAYS]
        soon = [1 for s, b in dated if b < DAYS and 0 <= b - s < under]
        assert sum(one.cells[ROWS][arm] for one in within) == len(soon)
        assert sum(one.cells[ROWS][arm] for one in others) == len(dated) - len(soon)
    assert len(within) + len(others) == DAYS * (DAYS + 1)


def test_only_named_conversions_count() -> None:
    question = asked(3, NAMED[4:5])
    ask = question.ask
    assert isinstance(ask, Lift)
    seen = question.schema.find("seen")
    assert isinstance(seen, BinColumn)
    assert bins_within(ask, seen, BOUGHT) == {(2, 4), (3, 4), (4, 4)}


def test_a_window_that_nothing_lies_in_is_refused() -> None:
    question = asked(1, NAMED[:1])
    late = BinColumn("seen", "seen", 0, (5, 6, 7))
    assert isinstance(question.ask, Lift)
    with pytest.raises(InvalidParameter, match="lies in the window"):
        bins_within(question.ask, late, BOUGHT)


@pytest.mark.parametrize(
    ("columns", "window", "rule"),
    [
        (COLUMNS | {"kind": {"categories": ["x"]}}, {"after": "kind", "under": "3"}, "is a time"),
        (COLUMNS, {"after": "seen", "under": "0"}, "a window is"),
        (COLUMNS, {"after": "seen"}, "after and under"),
        (COLUMNS, {"after": "seen", "under": "3", "from": "1"}, "not a key"),
        (COLUMNS, {"after": "sean", "under": "3"}, "declared"),
        (
            COLUMNS | {"seen": {"bins": ["0", "0.5"], "decimals": "1"}},
            {"after": "seen", "under": "3"},
            "whole numbers",
        ),
        (COLUMNS, {"after": "seen", "under": "3"} | {"under": "x"}, "whole number"),
    ],
)
def test_a_window_that_says_no_time_is_refused(columns, window, rule: str) -> None:
    with pytest.raises(InvalidQuery, match=rule):
        lift_question(columns=columns, converted=NAMED, window=window)
