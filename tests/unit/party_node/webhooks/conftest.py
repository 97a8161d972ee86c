"""The queue on both databases, each with a real receiver on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.migrated import node_database
from tests.support.webhooks import Rig, rig


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A node's webhooks with nothing in them, on either database."""
    if request.param == "sqlite":
        with rig(tmp_path) as made:
            yield made
        return
    cluster = request.getfixturevalue("cluster")
    with (
        node_database(cluster) as url,
        rig(tmp_path, url=url) as made,
    ):
        assert made.node.db.dialect == "postgresql"
        yield made


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Rig]:
    """The same on SQLite alone, where the database makes no difference."""
    with rig(tmp_path) as made:
        yield made
