"""The smallest group that anything is said about, and sizes in coarse steps.

The minimum is compared with the *noisy* size. Comparing it with the exact one would give one exact
bit away with every refusal.

Two ladders make sizes coarse. A set is filled up to a step of the fine one before it is sent
(`step_up`): ten steps for each power of ten, so that at most 28 % and on average 12 % is added.
What is said before a run (`coarse`) follows from that step, and so says nothing more than the run
does.
"""

from protocols.errors import InvalidParameter, SmallCohort

FLOOR = 1000
"""Sets of up to so many people all look alike."""

_FIRST_STEP = 100
_TENTHS = (10, 12.5, 16, 20, 25, 32, 40, 50, 63, 80)
"""Preferred numbers, ten for each power of ten (ISO 3, R10), rounded."""


def check_minimum(noisy: int, minimum: int) -> None:
    """Return if a group of this noisy size may be spoken of.

    `noisy` is people after differential privacy's noise, so it may be negative; `minimum` is
    people, at least 1.

    Raises: SmallCohort below the minimum; InvalidParameter for a minimum below 1.
    """
    if minimum < 1:
        raise InvalidParameter("a minimum size is at least 1")
    if noisy < minimum:
        raise SmallCohort(f"the group is below the agreed minimum of {minimum} people")


def step_down(n: int) -> int:
    """Return the greatest step of the ladder 0, 100, 200, 500, 1000, 2000, 5000, … up to n.

    Raises: InvalidParameter for a negative n.
    """
    if n < 0:
        raise InvalidParameter("a size is not negative")
    if n < _FIRST_STEP:
        return 0
    power: int = 10 ** (len(str(n)) - 1)
    return max(power * leading for leading in (1, 2, 5) if power * leading <= n)


def step_up(n: int) -> int:
    """Return the least step of the ladder 1000, 1250, 1600, 2000, 2500, 3200, … that holds n.

    The steps are 1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8 times a power of ten, from `FLOOR` on.
    Raises: InvalidParameter for a negative n.
    """
    if n < 0:
        raise InvalidParameter("a size is not negative")
    if n <= FLOOR:
        return FLOOR
    power: int = 10 ** (len(str(n - 1)) - 1)
    steps = (*(int(power * leading) // 10 for leading in _TENTHS), 10 * power)
    return min(step for step in steps if step >= n)


def coarse(n: int) -> int:
    """Return what is said of a size before a run: the greatest step of 1000, 2000, 5000, … below n.

    0 stands for anything up to `FLOOR`. It follows from `step_up(n)`. Raises: InvalidParameter for
    a negative n.
    """
    step = step_up(n)
    return 0 if step == FLOOR else step_down(step - 1)
