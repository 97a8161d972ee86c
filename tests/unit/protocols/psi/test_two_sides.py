import math

import numpy as np
import pytest

from protocols import groups
from protocols.errors import InvalidElement, InvalidParameter, LocalError
from protocols.groups import P, hash_to_group
from protocols.on_curve import are_on_curve
from protocols.psi import two_sides
from protocols.psi.two_sides import CURVE_ORDER, TWIST_ORDER, Blind, slots
from tests.support.backends import BACKENDS
from tests.support.pair import CTX
from tests.support.seeded import points, seeded

KEY = two_sides.clamped(seeded("key")(32))
CURVE = two_sides.draw(CURVE_ORDER, seeded("curve"))
TWIST = two_sides.draw(TWIST_ORDER, seeded("twist"))


def euler(point: np.ndarray) -> bool:
    """Tell by the curve's equation whether a u is on the curve."""
    u = int.from_bytes(point.tobytes(), "little")
    return pow((u * u + 486662 * u + 1) * u, (P - 1) // 2, P) == 1


@pytest.mark.parametrize("order", [CURVE_ORDER, TWIST_ORDER])
def test_the_orders_are_those_of_the_curve_and_its_twist(order):
    assert pow(3, order - 1, order) == 1  # prime, as far as Fermat sees
    # Hasse: both numbers of points are p + 1 ± t, with t at most 2·√p.
    assert 8 * CURVE_ORDER + 4 * TWIST_ORDER == 2 * P + 2
    assert abs(8 * CURVE_ORDER - P - 1) <= 2 * math.isqrt(P) + 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_side_of_a_point_is_what_the_equation_says(backend):
    rows = points(300)
    found = are_on_curve(rows, backend)
    assert found.tolist() == [euler(row) for row in rows]
    assert 100 < found.sum() < 200


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 17, 200])
def test_unblinding_gives_what_the_key_alone_gives(backend, n):
    """For each item, on whichever side it lies: also against the reference of libsodium."""
    rows = hash_to_group(CTX, points(n, "items"))
    rng = seeded("blinding")
    sent = two_sides.blind(CURVE, TWIST, rows, rng, backend=backend)
    answers = tuple(
        groups.evaluate(KEY, part, backend=backend) for part in (sent.curve, sent.twist)
    )
    found = two_sides.unblind(CURVE, TWIST, sent.sides, answers, rng, backend=backend)
    assert np.array_equal(found, groups.PYNACL.multiply(KEY, rows) if n else rows)


def test_an_inverse_is_clamped_and_undoes_up_to_the_sign():
    rng = seeded("scalars")
    found = {CURVE_ORDER: 0, TWIST_ORDER: 0}
    for _ in range(400):
        scalar = two_sides.clamped(rng(32))
        for order in found:
            inverse = two_sides.inverse(scalar, order)
            if inverse is not None:
                found[order] += 1
                assert two_sides.clamped(inverse) == inverse
                product = int.from_bytes(scalar, "little") * int.from_bytes(inverse, "little")
                assert product % order in (1, order - 1)
    # On the curve every scalar has one, on the twist every second: 400 coins, 8 deviations.
    assert found[CURVE_ORDER] == 400
    assert 120 < found[TWIST_ORDER] < 280


def test_clamping_is_that_of_x25519():
    point = points(1)
    for scalar in (bytes(32), b"\xff" * 32, seeded("any")(32)):
        clamped = two_sides.clamped(scalar)
        number = int.from_bytes(clamped, "little")
        assert number % 8 == 0
        assert 2**254 <= number < 2**255
        assert np.array_equal(
            groups.PYNACL.multiply(scalar, point), groups.PYNACL.multiply(clamped, point)
        )


@pytest.mark.parametrize("n", [0, 1, 2, 9, 60, 61, 1000, 32_768])
def test_nothing_of_the_items_sides_is_visible(n):
    """As many points on the curve as on the twist, however the items lie."""
    assert slots(n) <= n
    if n > 100:
        return
    rows = hash_to_group(CTX, points(n, "items"))
    sent = two_sides.blind(CURVE, TWIST, rows, seeded("x"))
    assert len(sent.curve) == len(sent.twist) == slots(n)
    assert all(euler(row) for row in sent.curve)
    assert not any(euler(row) for row in sent.twist)
    everything = np.concatenate([sent.curve, sent.twist])
    assert not groups.has_duplicates(np.ascontiguousarray(everything).view("<u8"))


@pytest.mark.parametrize("n", [1, 5, 100, 1000, 4096, 32_768, 131_072])
def test_there_is_room_for_all_items_but_once_in_2_to_the_42(n):
    """Hoeffding: more than n/2 + d of n coins fall alike with probability at most e^(-2d²/n)."""
    spare = slots(n) - n / 2
    assert slots(n) == n or 2 * math.exp(-2 * spare * spare / n) < 2**-42


def test_a_chunk_on_one_side_is_refused():
    rows = points(400)
    one_side = rows[are_on_curve(rows, groups.choose_backend())][:150]
    assert slots(150) < 150
    with pytest.raises(LocalError):
        two_sides.blind(CURVE, TWIST, one_side, seeded("x"))


def test_decoys_are_fresh_in_each_run_and_unlike_the_items():
    rows = hash_to_group(CTX, points(40, "items"))
    sent = [two_sides.blind(CURVE, TWIST, rows, seeded(label)) for label in "ab"]
    first, second = ({row.tobytes() for row in s.curve} for s in sent)
    assert len(first & second) == int(sent[0].sides.sum())  # the items; the scalars are the same


@pytest.mark.parametrize("place", ["curve", "twist"])
def test_a_structured_answer_is_refused(place):
    rows = hash_to_group(CTX, points(20, "items"))
    sent = two_sides.blind(CURVE, TWIST, rows, seeded("x"))
    answers = {"curve": sent.curve.copy(), "twist": sent.twist.copy()}
    answers[place][-1] = 0  # in the place of a decoy's answer, too
    with pytest.raises(InvalidElement):
        two_sides.unblind(
            CURVE, TWIST, sent.sides, (answers["curve"], answers["twist"]), seeded("y")
        )


def test_scalars_are_drawn_until_one_has_an_inverse_and_never_shown():
    draws = 0

    def rng(size: int) -> bytes:
        nonlocal draws
        draws += 1
        return seeded(f"draw {draws}")(size)

    blinds = [two_sides.draw(TWIST_ORDER, rng) for _ in range(20)]
    assert 20 < draws < 200
    assert len({blind.put for blind in blinds}) == 20
    assert blinds[0].put.hex()[:8] not in repr(blinds[0])
    assert "put" not in repr(blinds[0])
    with pytest.raises(LocalError):
        two_sides.draw(TWIST_ORDER, lambda size: without_inverse())
    with pytest.raises(InvalidParameter):
        Blind(bytes(31), bytes(32))


def without_inverse() -> bytes:
    rng = seeded("no inverse")
    while two_sides.inverse(two_sides.clamped(scalar := rng(32)), TWIST_ORDER) is not None:
        pass
    return scalar
