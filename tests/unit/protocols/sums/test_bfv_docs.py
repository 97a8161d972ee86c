"""The page of `sums-bfv/1` beside the code, with the packing made a second time from the page."""

import math
import re
from pathlib import Path

import pytest

from protocols.sums import seal
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.bfv_packing import MAX_SUMMED, packing
from protocols.sums.bfv_records import PER_MESSAGE
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

PAGE = (Path(__file__).parents[4] / "docs/spec/sums-bfv.md").read_text()


def packed(params):
    """Steps 1 to 6 of the page: the groups' sizes, T, F, the margin, the primes of a reply."""
    layout = params.layout
    bounds = [*layout.dense, *([1] * sum(layout.one_hot))]
    radices = []
    for column, b in enumerate(bounds):
        tail = math.ceil(params.sigma_milli[column] / 100)
        s = layout.max_rows * layout.vector_bound * b
        radices.append(s + 2 * tail + 1 + (s if column < len(layout.dense) else 0))
    for limit in range(59, 0, -1):
        if max(radices) > 2**limit:
            return None
        groups, weights = [[]], {}
        for column, radix in enumerate(radices):
            product = math.prod(radices[c] for c in groups[-1])
            if groups[-1] and product * radix > 2**limit:
                groups.append([])
                product = 1
            weights[column] = product
            groups[-1].append(column)
        largest = max(math.prod(radices[c] for c in group) for group in groups)
        t = max(8, (largest - 1).bit_length())
        w = max(sum(bounds[c] * weights[c] for c in group) for group in groups)
        b = layout.max_rows * w * 22 + 2**19 + 1
        f = 178 - t
        margin = f + 1 - math.ceil(math.log2(b * 8192 * layout.vectors * len(groups)))
        if margin >= 40:
            primes = next(n for n in (1, 2, 3) if 60 * n - 2 - t > 13)
            return [len(group) for group in groups], t, f, margin, primes
    return None


@pytest.mark.parametrize(
    ("layout", "sigma_milli"),
    [
        (SumLayout(1, 1, (), (10,) * 10, 1_000_000), 0),
        (SumLayout(1, 1, (100,) * 100, (), 1_000_000), 25_500),
        (SumLayout(1, 1, (1000,) * 100, (), 1_000_000), 0),
        (SumLayout(3, 5, (1, 2**20, 7), (4, 9), 12_345), 123_456),
        (SumLayout(1, 1, (), (2,) * 100, 2**28), 1),
        (SumLayout(1, 1, (), (1,), 1), 0),
    ],
)
def test_the_packing_is_that_of_the_page(layout, sigma_milli):
    params = SumParams(layout, True, (sigma_milli,) * layout.columns)
    found = packing(params)
    sizes = [len(group.weights) for group in found.groups]
    made = (sizes, found.plain_bits, found.flood_bits, found.security_bits, found.level)
    assert made == packed(params)


def test_the_page_names_every_message_and_only_these():
    names = set(re.findall(r"^`(sums-bfv-[a-z]+/1)`$", PAGE, re.MULTILINE))
    assert names == {kind.KIND for kind in SUMS_BFV.messages}


def test_the_numbers_of_the_page_are_those_of_the_code():
    for prime in seal.scheme(30).primes:
        assert str(prime) in PAGE
    for number in (seal.PUBLIC_BYTES, seal.ENCRYPTED_BYTES, 2 * seal.DEGREE * 8, MAX_SUMMED):
        assert f"{number:,}" in PAGE
    assert f"{PER_MESSAGE} in every message but the last" in PAGE
    assert "from -21 to 21" in PAGE
    assert seal.ERROR_BOUND == 21
    example = SumParams(SumLayout(1, 1, (), (10,) * 10, 1_000_000), True, (0,) * 100)
    assert f"2^-{packing(example).security_bits} in the example" in PAGE
