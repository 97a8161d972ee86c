"""Fixtures of the tests of the node's local API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_node import Node, Pair, running_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two enrolled nodes with a collaboration in force."""
    with running_pair(tmp_path, agreed=True) as made:
        yield made


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """One enrolled node with nothing in it."""
    with running_pair(tmp_path) as made:
        yield made.shop
