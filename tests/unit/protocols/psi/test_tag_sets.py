import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidParameter, LocalError, MalformedMessage
from protocols.psi import tag_sets
from protocols.psi.tag_sets import EMPTY, Checksum
from tests.support.pair import CTX

T = 12
tag = st.binary(min_size=T, max_size=T)
near = st.sampled_from([bytes(T), bytes(T - 1) + b"\x01", b"\x01" + bytes(T - 1), b"\xff" * T])
sets = st.sets(tag | near, max_size=30)


def of(found) -> tag_sets.Tags:
    return tag_sets.tags_from_bytes(b"".join(found), T)


def each(tags: tag_sets.Tags) -> list[bytes]:
    return [row.tobytes() for row in tags]


@given(st.lists(tag | near, max_size=30))
def test_order_is_byte_order(found):
    assert each(tag_sets.in_order(of(found))) == sorted(found)


def test_order_looks_beyond_the_first_eight_bytes():
    found = [b"same eight bytes"[:8] + bytes([b, 0, 0, 0]) for b in (3, 1, 2)]
    assert each(tag_sets.in_order(of(found))) == sorted(found)


@given(sets)
def test_strict_order_is_checked(found):
    ordered = sorted(found)
    tag_sets.check_order(of(ordered))
    if len(ordered) > 1:
        for wrong in (ordered[::-1], [*ordered, ordered[-1]]):
            with pytest.raises(MalformedMessage):
                tag_sets.check_order(of(wrong))


@given(sets, st.integers(0, 8))
def test_buckets_hold_everything_in_its_place(found, bits):
    buckets = tag_sets.cut(of(sorted(found)), bits)
    assert len(buckets) == 2**bits
    assert [t for bucket in buckets for t in each(bucket)] == sorted(found)
    for number, bucket in enumerate(buckets):
        assert all(int.from_bytes(t[:2], "big") >> (16 - bits) == number for t in each(bucket))


@given(sets, sets)
def test_contained_is_membership(needles, kept):
    wanted = list(needles)
    found = tag_sets.contained(of(wanted), of(sorted(kept)))
    assert found.tolist() == [t in kept for t in wanted]


@given(sets, st.data())
def test_a_change_is_that_of_sets(before, data):
    removed = data.draw(st.sets(st.sampled_from(sorted(before)))) if before else set()
    added = data.draw(sets) - (before - removed)
    after = tag_sets.changed(of(sorted(before)), of(sorted(removed)), of(sorted(added)))
    assert each(after) == sorted((before - removed) | added)
    checksum = EMPTY.plus(of(before)).minus(of(removed)).plus(of(added))
    assert checksum == EMPTY.plus(after)


def test_a_change_that_does_not_fit_is_refused():
    kept = of([b"a" * T, b"b" * T])
    for removed, added in (([b"c" * T], []), ([], [b"a" * T])):
        with pytest.raises(MalformedMessage):
            tag_sets.changed(kept, of(removed), of(added))


def test_a_digest_depends_on_every_part():
    one, other = (EMPTY.plus(of([c * T])) for c in (b"a", b"b"))
    digests = {
        found.digest(ctx, number)
        for found in (EMPTY, one, other, Checksum(2, one.sum))
        for ctx in (CTX, bytes(32))
        for number in (0, 1)
    }
    assert len(digests) == 16
    expected = (
        b"accord/prepared-set/1\x00" + CTX + bytes(7) + b"\x01" + bytes(7) + b"\x01" + one.sum
    )
    assert one.digest(CTX, 1) == hashlib.sha256(expected).digest()
    assert one.sum == b"a" * T + bytes(4)


def test_bits_keep_buckets_small():
    assert [tag_sets.bits_for(n, 16) for n in (0, 1, 16, 17, 32, 33, 10**9)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        16,
    ]
    rng = np.random.default_rng(5)
    tags = tag_sets.in_order(rng.integers(0, 256, (200_000, T), dtype=np.uint8))
    bits = tag_sets.bits_for(len(tags), 4096)
    sizes = [len(bucket) for bucket in tag_sets.cut(tags, bits)]
    assert max(sizes) <= 4096 < tag_sets.largest_bucket(4096)


def test_damaged_tags_and_impossible_sums_are_refused():
    with pytest.raises(LocalError):
        tag_sets.read_tags(bytes(T + 1), T)
    for count, total in ((-1, bytes(16)), (0, bytes(15))):
        with pytest.raises(InvalidParameter):
            Checksum(count, total)
    with pytest.raises(InvalidParameter):
        EMPTY.minus(of([b"a" * T]))
