import numpy as np
import pytest

from protocols.groups import A, P, hash_to_group, points_from_bytes
from protocols.on_curve import are_on_curve
from tests.support.backends import BACKENDS
from tests.support.pair import CTX
from tests.support.seeded import digests, points


def by_euler(rows: "np.ndarray") -> list[bool]:
    numbers = [int.from_bytes(row.tobytes(), "little") for row in rows]
    return [pow(u**3 + A * u * u + u, (P - 1) // 2, P) == 1 for u in numbers]


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_agrees_with_eulers_criterion(backend):
    rows = points(400, "curve or twist")
    wanted = by_euler(rows)
    assert 100 < sum(wanted) < 300
    assert are_on_curve(rows, backend).tolist() == wanted


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_no_points_it_tells_nothing(backend):
    assert are_on_curve(points(0), backend).tolist() == []


def test_hashing_goes_on_until_the_curve_and_gives_the_same_on_each_back_end():
    rows = points_from_bytes(b"".join(digests(range(200))))
    hashed = [hash_to_group(CTX, rows, True, backend=b.values[0]) for b in BACKENDS]
    assert all(by_euler(hashed[0]))
    assert np.array_equal(hashed[0], hashed[-1])
    one_by_one = [hash_to_group(CTX, rows[i : i + 1], True) for i in range(20)]
    assert np.array_equal(np.concatenate(one_by_one), hashed[0][:20])
