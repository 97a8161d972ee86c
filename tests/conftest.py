"""What holds for every test.

Hypothesis measures each example against a deadline by default. On a machine that others use too,
that is a coin toss: what must be fast is a benchmark's business.
"""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.postgres import PostgresMissing, temporary_cluster
from tests.support.quick import quick_root

os.environ["TMPDIR"] = str(quick_root())  # for the processes that tests start, too

settings.register_profile("accord", deadline=None)
settings.load_profile("accord")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Let no test log to the stderr of another: what configures logging does so for the process."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


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
