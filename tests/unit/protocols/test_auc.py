"""The area under the curve, against its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.auc import auc

PEOPLE = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30)


@given(PEOPLE)
def test_it_is_how_often_a_yes_scores_above_a_no(people: list[tuple[int, bool]]) -> None:
    scores = np.array([s for s, _ in people], np.float64)
    labels = np.array([y for _, y in people], np.bool_)
    found = auc(scores, labels)
    yes, no = [s for s, y in people if y], [s for s, y in people if not y]
    if not yes or not no:
        assert found is None
        return
    wins = [(a > b) + (a == b) / 2 for a in yes for b in no]
    assert found is not None
    assert abs(found - sum(wins) / len(wins)) < 1e-12
