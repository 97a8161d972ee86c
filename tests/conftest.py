"""What holds for every test.

Hypothesis measures each example against a deadline by default. On a machine that others use too,
that is a coin toss: what must be fast is a benchmark's business.
"""

import gc
import logging
import os
import tempfile
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.depth import examples
from tests.support.near_client import overlapping_requests
from tests.support.postgres import PostgresMissing, temporary_cluster
from tests.support.quick import quick_root
from tests.support.routes import share_routes
from tests.support.statements import share_statements

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    # Matrices here are small, and the tests of several workers take all cores: threads that wait
    # for each other would spin for most of the time. Read when numpy is imported, after this.
    os.environ.setdefault(_threads, "1")
gc.disable()  # until all is collected: modules and tests stay
os.environ["TMPDIR"] = str(quick_root())  # for the processes that tests start, too
tempfile.tempdir = None  # whoever asked before now asks again: pytest makes `tmp_path` there

settings.register_profile("accord", deadline=None, max_examples=examples(30, deep=200))
settings.load_profile("accord")
share_statements()
share_routes()


def pytest_collection_finish() -> None:
    """Keep the collector off what lives to the end: all modules and the tests themselves.

    A node collects garbage before and after bulk work. Here it would walk over some million objects
    each time.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let the process end as it would: libraries look then for what of theirs is left."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Let no test log to the stderr of another: what configures logging does so for the process."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture
def overlapping() -> Iterator[None]:
    """For tests in which requests to one application overlap: threads, long-polls."""
    with overlapping_requests():
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A PostgreSQL server of our own, one for all tests of a process: `fresh_database` makes a
    database in it.
    """
    try:
        with temporary_cluster() as url:
            yield url
    except PostgresMissing as e:
        pytest.skip(f"NOT TESTED on PostgreSQL: {e}")
