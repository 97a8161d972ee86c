import hashlib

import pytest

from protocols.errors import InvalidElement
from protocols.ot.base import POINT_BYTES, SEED_BYTES, choose, give, point_of, scalar_from
from tests.support.pair import CTX
from tests.support.seeded import seeded

L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BITS = bytes([0, 1, 1, 0, 1])
IDENTITY = (1).to_bytes(32, "little")
MINUS_ONE = (P - 1).to_bytes(32, "little")
"""The point of order two."""


def rows(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def transferred(bits: bytes = BITS, ctx: bytes = CTX, give_ctx: bytes = CTX):
    scalar = scalar_from(seeded("giver")(SEED_BYTES))
    points, keys = choose(ctx, point_of(scalar), bits, seeded("chooser")(SEED_BYTES * len(bits)))
    zeros, ones = give(give_ctx, scalar, points)
    return [rows(keys, 16), rows(zeros, 16), rows(ones, 16)]


@pytest.mark.parametrize("bits", [BITS, bytes(3), bytes([1, 1, 1])])
def test_the_chooser_gets_the_key_of_its_bit_and_not_the_other(bits):
    for bit, key, zero, one in zip(bits, *transferred(bits), strict=True):
        assert key == (zero, one)[bit]
        assert key != (one, zero)[bit]


def test_no_key_comes_twice():
    _, zeros, ones = transferred()
    assert len({*zeros, *ones}) == 2 * len(BITS)


def test_keys_are_bound_to_the_context():
    keys, zeros, ones = transferred(give_ctx=bytes(32))
    assert not set(keys) & {*zeros, *ones}


# The same with integers: edwards25519 (RFC 8032 §5.1) of a few lines.


def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = p, q
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(n: int, p: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    for bit in f"{n:b}":
        result = add(result, result)
        result = add(result, p) if bit == "1" else result
    return result


def encoded(p: tuple[int, int]) -> bytes:
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, -1, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = BASE_X, BASE_Y


def test_points_and_keys_are_those_of_the_specification():
    a = int.from_bytes(seeded("giver")(64), "little") % L
    given = times(a, BASE)
    seeds = rows(seeded("chooser")(64 * 2), 64)
    points, keys = choose(CTX, encoded(given), bytes([0, 1]), b"".join(seeds))
    for i, (bit, seed) in enumerate(zip([0, 1], seeds, strict=True)):
        b = int.from_bytes(seed, "little") % L
        point = add(times(b, BASE), given) if bit else times(b, BASE)
        assert rows(points, 32)[i] == encoded(point)
        shared = encoded(times(b, given))
        said = [b"accord/base-ot/1\x00", CTX, i.to_bytes(4, "big"), encoded(given), encoded(point)]
        assert rows(keys, 16)[i] == hashlib.sha256(b"".join([*said, shared])).digest()[:16]


@pytest.mark.parametrize(
    "point",
    [
        IDENTITY,
        MINUS_ONE,
        bytes(32),
        b"\xff" * 32,
        (P + 1).to_bytes(32, "little"),
        encoded(add(times(5, BASE), (0, P - 1))),
        encoded(BASE)[:-1],
        b"",
    ],
    ids=[
        "identity",
        "order 2",
        "order 4",
        "no point",
        "not canonical",
        "with torsion",
        "short",
        "",
    ],
)
def test_a_point_outside_the_group_is_refused_by_both(point):
    seed = seeded("x")(SEED_BYTES)
    with pytest.raises(InvalidElement):
        choose(CTX, point, b"\x01", seed)
    with pytest.raises(InvalidElement):
        give(CTX, scalar_from(seed), point or IDENTITY)


def test_a_point_twice_or_the_givers_own_is_refused():
    scalar = scalar_from(seeded("x")(SEED_BYTES))
    other = point_of(scalar_from(seeded("y")(SEED_BYTES)))
    for points in (other + other, other + point_of(scalar)):
        with pytest.raises(InvalidElement):
            give(CTX, scalar, points)
    assert len(give(CTX, scalar, other)[0]) == 16
    assert len(other) == POINT_BYTES
