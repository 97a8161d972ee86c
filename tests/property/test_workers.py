"""The same bytes wherever they are computed: on threads, in processes, on a Ray cluster."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import groups
from protocols.psi.dh import PsiParams
from protocols.registry import find
from tests.support.backends import BACKENDS
from tests.support.depth import examples
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests, points, seeded
from tests.support.workers import WAYS, backend_by

SIZES = st.one_of(st.integers(0, 40), st.integers(500, 1_600))


@pytest.mark.parametrize("reference", BACKENDS)
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=examples(6))
@given(size=SIZES, label=st.binary(max_size=4))
def test_multiplying_gives_the_same_bytes_everywhere(way, reference, size, label):
    scalar, rows = seeded(label)(32), points(size, label)
    wanted = groups.evaluate(scalar, rows, backend=reference)
    found = groups.evaluate(scalar, rows, backend=backend_by(way, reference.name))
    assert found.tobytes() == wanted.tobytes()
    assert found.shape == wanted.shape == (size, 32)
    checked = groups.evaluate_untrusted(
        scalar, rows, bytes(32), backend=backend_by(way, reference.name)
    )
    assert np.array_equal(checked, wanted)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=examples(4))
@given(size=SIZES, label=st.binary(max_size=4))
def test_hashing_gives_the_same_bytes_everywhere(way, strict, size, label):
    rows = points(size, label)
    wanted = groups.hash_to_group(CTX, rows, strict)
    found = groups.hash_to_group(CTX, rows, strict, backend=backend_by(way))
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_run_gives_the_same_bytes_everywhere(way):
    params = PsiParams(max_items=4_000, chunk_items=1_024, tag_bytes=12, strict=False)
    mine, theirs = digests(range(1_500)), digests(range(700, 2_300))
    runs = [
        run_pair(find("psi-dh-members/1", backend), params, CTX, mine, theirs)
        for backend in (None, backend_by(way))
    ]
    assert runs[1].matched() == list(range(700, 1_500))
    assert runs[0].receiver.sent == runs[1].receiver.sent
    assert runs[0].sender.sent == runs[1].sender.sent
