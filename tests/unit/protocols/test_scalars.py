import pytest
from nacl.bindings import crypto_scalarmult

from protocols import groups
from protocols.errors import InvalidParameter
from protocols.scalars import L, clamped, leading_from
from tests.support.pair import CTX
from tests.support.seeded import digests, seeded


def curve_points(n: int) -> list[bytes]:
    rows = groups.points_from_bytes(b"".join(digests(range(n))))
    return [row.tobytes() for row in groups.hash_to_group(CTX, rows, strict=True)]


@pytest.mark.parametrize("i", range(8))
def test_a_blind_is_undone_on_the_curve(i):
    draw = seeded(f"scalars {i}")
    for point in curve_points(4):
        blind, key = draw(32), draw(32)
        blinded = crypto_scalarmult(blind, point)
        assert crypto_scalarmult(leading_from(blind, key), blinded) == crypto_scalarmult(key, point)
        # Without a key, what is left of the point after any other scalar is as it was.
        evaluated = crypto_scalarmult(key, blinded)
        assert crypto_scalarmult(leading_from(blind), evaluated) == crypto_scalarmult(key, point)


@pytest.mark.parametrize("i", range(20))
def test_it_is_clamped_already(i):
    scalar = leading_from(seeded(f"{i}")(32), seeded(f"key {i}")(32))
    assert clamped(scalar) == int.from_bytes(scalar, "little")


def test_clamping_is_that_of_rfc_7748():
    number = clamped(b"\xff" * 32)
    assert number == 2**255 - 8
    assert clamped(bytes(32)) == 2**254


def test_the_order_is_a_prime_that_points_of_the_curve_have():
    assert pow(2, L - 1, L) == 1
    assert L.bit_length() == 253


def test_a_scalar_of_another_length_is_refused():
    with pytest.raises(InvalidParameter):
        leading_from(bytes(31))
