"""Conversions within a time after each person's exposure, from noisy counts by both times.

The sender's cells are by arm and by bin of the time of exposure, the asker's groups by bin of the
time of conversion. So each count is of people who were exposed in one bin and converted in another:

    within the window    0 ≤ lower edge of the conversion − lower edge of the exposure < under
    not converted        all other counts, also those of who has converted before or too late

With bins of one day it is exact in days; with wider ones a conversion may be a bin too early or too
late. Whose exposure lies in no bin is left out: nobody knows their window. Nothing of this costs
more; but the numbers of an answer are sums of many counts, so their noise is wider by the root of
how many.
"""

from collections.abc import Sequence

import numpy as np

from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, Plan
from protocols.dp.queries.query import Lift
from protocols.dp.queries.schema import BinColumn
from protocols.errors import InvalidParameter


def bins_within(ask: Lift, seen: BinColumn, bought: BinColumn) -> frozenset[tuple[int, int]]:
    """Return which bins of exposure and of conversion are within the window, by their numbers.

    Only conversions that the question names count. Raises: InvalidParameter if there are none.
    """
    assert ask.window is not None
    labels = bought.labels()
    found = frozenset(
        (e, c)
        for e, exposed in enumerate(seen.edges[:-1])
        for c, converted in enumerate(bought.edges[:-1])
        if labels[c] in ask.converted and 0 <= converted - exposed < ask.window.under
    )
    if not found:
        raise InvalidParameter("no bin of conversions lies in the window of any exposure")
    return found


def apart(
    plan: Plan,
    by_conversion: Sequence[tuple[int, Noisy]],
    others: Sequence[Noisy],
    bought: BinColumn,
) -> tuple[list[Noisy], list[Noisy]]:
    """Return the counts by arm within the window, and all others.

    `by_conversion` has the cells of each bin of conversion that is in the run, with its number;
    `others` those of who has not converted.
    """
    ask = plan.query.ask
    assert isinstance(ask, Lift)
    assert ask.window is not None
    seen = plan.query.schema.grouping(ask.window.after)
    assert isinstance(seen, BinColumn)
    inside = bins_within(ask, seen, bought)
    within, not_within = list[Noisy](), list[Noisy]()
    for exposure in range(len(seen.edges) - 1):
        for conversion, noisy in by_conversion:
            to = within if (exposure, conversion) in inside else not_within
            to.append(_of_exposure(plan, noisy, exposure))
        not_within += (_of_exposure(plan, noisy, exposure) for noisy in others)
    return within, not_within


def _of_exposure(plan: Plan, noisy: Noisy, exposure: int) -> Noisy:
    """Return the cells of one bin of exposure, by arm."""
    arms, exposures = (len(axis) for axis in plan.axes)
    table = np.array(noisy.cells[ROWS]).reshape(arms, exposures)
    return Noisy({ROWS: tuple(table[:, exposure].tolist())})
