"""The smallest group that anything is said about, and sizes in coarse steps.

Both work on sizes that are safe to speak of: the minimum is compared with the *noisy* size.
Comparing it with the exact one would give one exact bit away with every refusal. The steps are for
what parties tell each other before a run.
"""

from protocols.errors import InvalidParameter, SmallCohort

_FIRST_STEP = 100


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
