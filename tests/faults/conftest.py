"""What the tests of faults share: homes that are ready to be used, and lives to be ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.busy_node import prepare
from tests.support.lives import Doomed, compile_shim, doomed


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that nobody opens: copy it."""
    return prepare(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    """The parent of lives that end where the test says."""
    with doomed(compile_shim(tmp_path_factory.mktemp("shim"))) as made:
        yield made
