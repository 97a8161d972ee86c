"""Fixtures of the tests of the node's console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tracking_nodes
from tests.support.consoles import signed_in
from tests.support.coordinator import TestClient
from tests.support.running_node import Pair, running_pair
from tests.support.two_nodes import TwoNodes


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two enrolled nodes with a collaboration in force."""
    with running_pair(tmp_path, agreed=True) as made:
        yield made


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    """Two nodes after a lookalike."""
    with tracking_nodes.tracking_nodes() as found:
        yield found


@pytest.fixture
def partner(world: TwoNodes) -> Iterator[TestClient]:
    """The console of who keeps the model."""
    with signed_in(world.publisher) as client:
        yield client
