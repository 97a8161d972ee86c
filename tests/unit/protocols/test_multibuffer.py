"""The library itself, and Wycheproof for what is composed of it."""

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest

from protocols import multibuffer
from protocols.errors import InvalidElement, LocalError, ProtocolError
from protocols.groups import check_points, evaluate_untrusted, points_from_bytes
from protocols.multibuffer import MultiBuffer
from tests.support.backends import BACKENDS
from tests.support.seeded import points

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "x25519_wycheproof.json"

needs_library = pytest.mark.skipif(
    multibuffer.load() is None, reason="the multi-buffer library does not work here"
)


def rows_at(address: int) -> list[int]:
    return [int(a) for a in np.ctypeslib.as_array((ctypes.c_uint64 * 8).from_address(address))]


def copying(status: int):
    """A stand-in for the library: copies points to results and reports `status`."""

    def call(out: int, _keys: int, inputs: int) -> int:
        for target, source in zip(rows_at(out), rows_at(inputs), strict=True):
            ctypes.memmove(target, source, 32)
        return status

    return MultiBuffer(call)


@needs_library
def test_the_known_answers_come_out():
    library = multibuffer.load()
    assert library is not None
    assert library.answers_are_known()


def test_a_library_with_wrong_answers_is_not_used():
    assert not copying(0).answers_are_known()


@pytest.mark.parametrize("lane", range(8))
def test_the_status_of_every_lane_is_acted_on(lane):
    with pytest.raises(InvalidElement):
        copying(4 << 4 * lane).multiply(bytes(32), points(8))
    with pytest.raises(LocalError):
        copying(10 << 4 * lane).multiply(bytes(32), points(16))


def test_the_status_of_padding_does_not_matter():
    rows = points(9)
    products = copying(0).multiply(bytes(32), rows)
    assert np.array_equal(products, rows)
    # Lanes 5 to 7 of the last call hold no point.
    assert copying(0x44400000).multiply(bytes(32), points(5)).shape == (5, 32)


@pytest.mark.parametrize("failing", ["absent", "not applicable", "wrong"])
def test_a_library_that_cannot_be_used_is_not_loaded(monkeypatch, failing):
    class Function:
        def __init__(self, result: int) -> None:
            self.result = result

        def __call__(self, *_: object) -> int:
            return self.result

    class Library:
        mbx_is_crypto_mb_applicable = Function(0 if failing == "not applicable" else 1)
        mbx_x25519_mb8 = Function(0)

    found = None if failing == "absent" else Library()
    monkeypatch.setattr(multibuffer, "_open_library", lambda: found)
    multibuffer.load.cache_clear()
    try:
        assert multibuffer.load() is None
    finally:
        multibuffer.load.cache_clear()


@pytest.mark.skipif(
    not VECTORS.exists(), reason="the Wycheproof vectors are not beside the project"
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_wycheproof_never_gives_a_wrong_result(backend):
    tests = [t for g in json.loads(VECTORS.read_text())["testGroups"] for t in g["tests"]]
    assert len(tests) == 518
    right = 0
    for test in tests:
        scalar = bytes.fromhex(test["private"])
        rows = points_from_bytes(bytes.fromhex(test["public"]))
        try:
            # As in a batch: a seed, all lanes, the checks before and after.
            product = evaluate_untrusted(scalar, rows, bytes(32), backend=backend)
        except ProtocolError:
            # Refusing is right for special values, and only for them.
            assert test["result"] == "acceptable" or is_special(test), test["tcId"]
            continue
        assert product.tobytes().hex() == test["shared"], test["tcId"]
        right += 1
    assert right == 400


def is_special(test: dict) -> bool:
    u = int(bytes.fromhex(test["public"])[::-1].hex(), 16)
    words = [u >> 64 * i & (2**64 - 1) for i in range(4)]
    ends = {0, 2**62 - 1, 2**62, 2**63 - 1}
    return words[3] in ends or {0, 2**64 - 1} & set(words[1:3]) != set() or words[3] >> 63 == 1


@needs_library
@pytest.mark.skipif(
    not VECTORS.exists(), reason="the Wycheproof vectors are not beside the project"
)
def test_what_the_library_gets_wrong_is_refused_before_it_is_asked():
    """The sample that is computed again is a second line: the first alone must catch all."""
    library = multibuffer.load()
    assert library is not None
    wrong = []
    for test in (t for g in json.loads(VECTORS.read_text())["testGroups"] for t in g["tests"]):
        rows = points_from_bytes(bytes.fromhex(test["public"]))
        try:
            product = library.multiply(bytes.fromhex(test["private"]), rows)
        except InvalidElement:
            continue
        if product.tobytes().hex() != test["shared"]:
            wrong.append(rows)
    for rows in wrong:
        with pytest.raises(InvalidElement):
            check_points(rows)
    assert len(wrong) <= 12
