"""Fixtures of the tests of the node's console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_node import Pair, running_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two enrolled nodes with a collaboration in force."""
    with running_pair(tmp_path, agreed=True) as made:
        yield made
