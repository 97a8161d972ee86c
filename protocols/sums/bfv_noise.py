"""The noise of the side that does not learn the sums, and sums out of numbers and into them."""

from protocols.dp.noise import gaussian
from protocols.sums.bfv_packing import Group, Packing, tail_of
from protocols.sums.records import SumParams, Sums


def noise_number(params: SumParams, group: Group) -> int:
    """Draw the noise of the columns of one group, as one number.

    Noise beyond ten scales is cut off there, because a digit has no room for it: a change of the
    mechanism that 2^-71 of all draws meet. OpenDP draws by itself.
    """
    columns = range(group.first, group.first + len(group.weights))
    return group.number([_noise(params.sigma_milli[column]) for column in columns])


def _noise(sigma_milli: int) -> int:
    if not sigma_milli:
        return 0
    tail = tail_of(sigma_milli)
    return max(-tail, min(tail, int(gaussian(sigma_milli / 1000)(0))))


def sums_of(params: SumParams, packing: Packing, numbers: list[int], rows: int) -> Sums:
    """Return the sums that the numbers have as digits.

    Raises: MalformedMessage if one is outside its bounds.
    """
    groups = packing.groups * params.layout.vectors
    values: list[int] = []
    for number, group in zip(numbers, groups, strict=True):
        values += group.digits(number, packing.plain_bits)
    return Sums(rows, params.layout.vectors, tuple(values))
