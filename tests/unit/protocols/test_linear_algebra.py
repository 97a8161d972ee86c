"""How many threads linear algebra takes: in this process, and in those that it starts."""

from collections.abc import Iterator

import numpy as np  # whose library is asked about
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from protocols.linear_algebra import limit_threads


def taken() -> set[int]:
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    assert np.linalg.det(np.eye(2)) == 1
    with threadpool_limits(1, user_api="blas"):
        yield


def test_so_many_threads_are_taken_here_and_by_processes_that_are_started() -> None:
    environ: dict[str, str] = {}
    limit_threads(2, environ)
    assert taken() == {2}
    assert environ == {"OPENBLAS_NUM_THREADS": "2"}


def test_none_are_named_where_the_library_is_to_choose() -> None:
    environ: dict[str, str] = {}
    limit_threads(0, environ)
    assert (taken(), environ) == ({1}, {})
