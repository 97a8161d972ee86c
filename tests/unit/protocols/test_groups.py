import hashlib

import numpy as np
import pytest
from nacl.bindings import crypto_scalarmult

from protocols import multibuffer
from protocols.errors import InvalidElement, InvalidParameter, LocalError
from protocols.groups import (
    PYNACL,
    A,
    Backend,
    P,
    check_points,
    choose_backend,
    evaluate,
    evaluate_untrusted,
    hash_to_group,
    points_from_bytes,
)
from tests.support.backends import BACKENDS
from tests.support.seeded import points, seeded

CTX = bytes(range(32))
SCALAR = seeded("scalar")(32)


def point(u: int) -> bytes:
    return (u % 2**256).to_bytes(32, "little")


def among_others(u: int) -> "np.ndarray":
    """A batch of good points with this one in the middle."""
    rows = points(20).tobytes()
    return points_from_bytes(rows[:320] + point(u) + rows[320:])


# Hashing


def test_hashing_is_sha256_over_label_context_digest_and_counter():
    digest = bytes(range(32, 64))
    wanted = bytearray(
        hashlib.sha256(b"accord/hash-to-group/1\x00" + CTX + digest + b"\x00").digest()
    )
    wanted[31] &= 0x7F
    assert hash_to_group(CTX, points_from_bytes(digest)).tobytes() == bytes(wanted)


def test_hashing_depends_on_the_context_and_the_item():
    rows = points(3)
    hashed = hash_to_group(CTX, rows)
    assert len({row.tobytes() for row in hashed}) == 3
    assert not np.array_equal(hashed, hash_to_group(bytes(32), rows))


def is_on_curve(row: bytes) -> bool:
    u = int.from_bytes(row, "little")
    return pow(u**3 + A * u * u + u, (P - 1) // 2, P) == 1


def test_strict_hashing_takes_points_of_the_curve_only():
    rows = points(60)
    strict = hash_to_group(CTX, rows, strict=True)
    loose = hash_to_group(CTX, rows)
    assert all(is_on_curve(row.tobytes()) for row in strict)
    on_curve = np.array([is_on_curve(row.tobytes()) for row in loose])
    assert 10 < on_curve.sum() < 50
    # Where the first try is on the curve, both agree.
    assert np.array_equal((strict == loose).all(axis=1), on_curve)


def test_curve_or_twist_shows_through_blinding():
    # The reason for strict mode.
    rows = hash_to_group(CTX, points(40))
    blinded = evaluate(SCALAR, rows, backend=PYNACL)
    assert [is_on_curve(r.tobytes()) for r in rows] == [is_on_curve(r.tobytes()) for r in blinded]


@pytest.mark.parametrize("shape", [(3, 31), (32,), (2, 2, 32)])
def test_digests_of_another_shape_are_refused(shape):
    with pytest.raises(InvalidParameter):
        hash_to_group(CTX, np.zeros(shape, dtype=np.uint8))


def test_bytes_that_are_not_whole_points_are_refused():
    with pytest.raises(InvalidElement):
        points_from_bytes(bytes(33))


# Evaluating


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 63, 64, 130, 517])
def test_every_back_end_gives_the_bytes_of_libsodium(backend, n):
    rows = points(n)
    wanted = [crypto_scalarmult(SCALAR, row.tobytes()) for row in rows]
    products = evaluate(SCALAR, rows, backend=backend)
    assert products.shape == (n, 32)
    assert [row.tobytes() for row in products] == wanted


@pytest.mark.parametrize("backend", BACKENDS)
def test_scalars_commute_on_curve_and_twist(backend):
    rows, other = points(200), seeded("other")(32)
    ab = evaluate(SCALAR, evaluate(other, rows, backend=backend), backend=backend)
    ba = evaluate(other, evaluate(SCALAR, rows, backend=backend), backend=backend)
    assert np.array_equal(ab, ba)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 200])
def test_an_all_zero_result_is_refused(backend, n):
    rows = points(n)
    rows[n // 2] = 0
    with pytest.raises(InvalidElement):
        evaluate(SCALAR, rows, backend=backend)


def test_a_back_end_that_returns_zeros_is_refused():
    zeros = Backend("zeros", exact=True, multiply=lambda _, rows: np.zeros_like(rows))
    with pytest.raises(InvalidElement):
        evaluate(SCALAR, points(3), backend=zeros)


@pytest.mark.parametrize("backend", BACKENDS)
def test_shapes_are_checked(backend):
    for scalar, rows in ((bytes(31), points(2)), (SCALAR, np.zeros((2, 31), dtype=np.uint8))):
        with pytest.raises(InvalidParameter):
            evaluate(scalar, rows, backend=backend)


def test_back_ends_are_chosen_by_name():
    assert choose_backend("pynacl") is PYNACL
    assert choose_backend().name in ("pynacl", "multibuffer")
    with pytest.raises(InvalidParameter):
        choose_backend("openssl")


def test_without_the_library_auto_falls_back_and_asking_for_it_fails(monkeypatch):
    monkeypatch.setattr(multibuffer, "load", lambda: None)
    assert choose_backend("auto") is PYNACL
    with pytest.raises(LocalError):
        choose_backend("multibuffer")


# Points of a peer


def test_honest_points_pass():
    assert check_points(hash_to_group(CTX, points(5000))) is None
    assert check_points(points(0)) is None


ORDER_EIGHT = (
    0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
)


@pytest.mark.parametrize("top", [0, 2**255])
@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, *ORDER_EIGHT])
def test_small_order_points_are_refused(u, top):
    # Every encoding of every u of small order: nothing else is one of them modulo P below 2^255.
    with pytest.raises(InvalidElement):
        check_points(among_others(u + top))


def test_the_list_of_small_orders_is_complete():
    # Their x-coordinates are the roots of u(u²-1) and of the polynomial of 8-torsion; libsodium
    # refuses the same.
    for u in (0, 1, P - 1, *ORDER_EIGHT):
        with pytest.raises(Exception, match="Unexpected library error"):
            crypto_scalarmult(SCALAR, point(u))


@pytest.mark.parametrize(
    "u",
    [
        2,
        9,
        2**128 - 1,
        P - 2,
        P - 2**128,
        2**255 - 1,
        2**255 - 2**128,
        2**254 - 9,  # one half: wrong in the library with status 0
        (P - 39) // 2,
        2**254,
        P - 2**171 - 1,  # wrong too
        0x7FFFFFFFFFFFFFFFFFFFFBFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF,  # wrong too
        2**93 - 1,  # wrong too
    ],
)
def test_structured_points_are_refused(u):
    with pytest.raises(InvalidElement):
        check_points(among_others(u))


def test_points_that_are_not_canonical_are_refused():
    good = int.from_bytes(points(1).tobytes(), "little")
    for u in (good + 2**255, P, P + 5, 2**256 - 1):
        with pytest.raises(InvalidElement):
            check_points(among_others(u))


def test_a_point_sent_twice_is_refused():
    rows = points(50).copy()
    rows[49] = rows[3]
    with pytest.raises(InvalidElement):
        check_points(rows)


def test_points_that_share_their_first_word_are_no_duplicates():
    rows = points(50).copy()
    rows[49, :8] = rows[3, :8]
    assert check_points(rows) is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_peers_points_are_checked_before_they_are_evaluated(backend):
    with pytest.raises(InvalidElement):
        evaluate_untrusted(SCALAR, among_others(2**254 - 9), bytes(32), backend=backend)
    rows = points(130)
    wanted = evaluate(SCALAR, rows, backend=PYNACL)
    assert np.array_equal(evaluate_untrusted(SCALAR, rows, bytes(32), backend=backend), wanted)


def test_a_fast_back_end_that_computes_wrongly_is_found_out():
    def wrong(scalar: bytes, rows: "np.ndarray") -> "np.ndarray":
        products = PYNACL.multiply(scalar, rows).copy()
        products[:, 5] ^= 1
        return products

    for n in (1, 64, 500):
        with pytest.raises(LocalError):
            evaluate_untrusted(
                SCALAR, points(n), bytes(32), backend=Backend("wrong", exact=False, multiply=wrong)
            )
