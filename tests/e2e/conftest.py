"""One small network for all end-to-end tests of a session: three real processes and a proxy.

Tests may kill and starve its processes; whoever takes the fixture gets it whole again.
"""

from collections.abc import Iterator

import pytest

from tests.support.network import SmallNetwork, small_network


@pytest.fixture(scope="session")
def _session_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallNetwork]:
    with small_network(tmp_path_factory.mktemp("network")) as network:
        yield network


@pytest.fixture
def network(_session_network: SmallNetwork) -> Iterator[SmallNetwork]:
    """The running network, with nothing down and nothing in the way, before and after."""
    _session_network.mend()
    yield _session_network
    _session_network.mend()
