import math

import numpy as np
import pytest

from protocols.errors import HashingFailed
from protocols.ot.aes import derive_key
from protocols.psi.buckets import Plan, blocks_of, bound, split
from protocols.psi.cuckoo import bin_count
from tests.support.seeded import digests, seeded
from tests.unit.protocols.ot.test_code import aes, xor

SESSION = bytes(range(32))


def test_one_bucket_has_room_for_the_set_and_no_more():
    assert Plan.of(1000, 700, 1000) == Plan(1, bin_count(1000), 1000, 700)


def test_an_empty_set_has_no_bucket():
    assert Plan.of(0, 10, 1000) == Plan.of(10, 0, 1000) == Plan(0, 0, 0, 0)


def test_the_larger_set_decides_how_many_buckets_there_are():
    assert Plan.of(10, 1001, 1000).buckets == Plan.of(1001, 10, 1000).buckets == 2
    assert Plan.of(2**24, 5, 2**20).buckets == 16


def overflow_log2(n: int, buckets: int, room: int) -> float:
    """Return log2 of an upper bound of the chance that some bucket has more than `room` items."""
    p, total = 1 / buckets, 0.0
    for k in range(room + 1, min(n, room + 2000) + 1):
        log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        total += math.exp(log + k * math.log(p) + (n - k) * math.log1p(-p))
    return math.log2(total * buckets) if total else -math.inf


@pytest.mark.parametrize(
    ("n", "buckets"), [(40, 3), (5000, 5), (10, 10), (10_000, 16), (2**21, 2), (10**7, 10)]
)
def test_a_bucket_overflows_as_rarely_as_stated(n, buckets):
    assert overflow_log2(n, buckets, bound(n, buckets)) < -42


def test_filling_up_costs_less_than_a_hundredth_of_a_large_set():
    assert bound(10**7, 10) < 1.009 * 10**6


@pytest.mark.parametrize("buckets", [1, 2, 7, 300])
def test_every_item_is_in_the_bucket_that_its_block_says(buckets):
    blocks = blocks_of(SESSION, np.frombuffer(seeded("x")(32 * 2000), np.uint8).reshape(-1, 32))
    parts = split(blocks, buckets, 2000)
    assert len(parts) == buckets
    assert sorted(np.concatenate(parts).tolist()) == list(range(2000))
    for bucket, part in enumerate(parts):
        assert all(int(blocks[i, 1] >> 32) * buckets >> 32 == bucket for i in part.tolist())
        assert part.tolist() == sorted(part.tolist())


def test_a_bucket_that_overflows_ends_the_run():
    blocks = np.zeros((30, 2), dtype=np.uint64)
    assert [len(part) for part in split(blocks, 2, 30)] == [30, 0]
    with pytest.raises(HashingFailed):
        split(blocks, 2, 29)


def test_a_block_is_two_encryptions_of_the_whole_digest():
    rows = digests(range(3))
    found = blocks_of(SESSION, np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32))
    key = derive_key(SESSION, "item")
    wanted = [aes(key, xor(aes(key, row[:16]), row[16:])) for row in rows]
    assert [block.tobytes() for block in found] == wanted
