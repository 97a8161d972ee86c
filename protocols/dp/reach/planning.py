"""How accurate a sketch would be, before anybody pays for one: by its size and epsilon alone."""

import math

from protocols.dp.reach import flipping
from protocols.errors import InvalidParameter

_WIDTH = 1.959963984540054


def half_width(exponent: int, epsilon_milli: int, people: int) -> int:
    """Return ± of the 95 % interval of one sketch of 2^exponent buckets, had it reached `people`.

    It is the square root of m² · cov(Z, Z) / Z² (`merging.py`) with everything at its mean. Of
    several sketches it is wider. Raises: InvalidParameter if that many people would fill it up.
    """
    m = 1 << exponent
    if not 0 <= people <= 4 * m:
        raise InvalidParameter("that many people would fill the sketch up")
    p = flipping.chance(epsilon_milli)
    noise = float(p * (1 - p) / (1 - 2 * p) ** 2)
    filled = people / m
    empty = math.exp(-filled)
    variance = m * ((noise + empty) / empty**2 - (1 + filled))
    return math.ceil(_WIDTH * math.sqrt(variance))
