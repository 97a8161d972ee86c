"""The desk on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, desk_in
from tests.support.migrated import node_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Anna and Bo have agreed; nobody has asked for anything yet."""
    if request.param == "sqlite":
        with desk_in(tmp_path) as made:
            yield made
        return
    cluster = request.getfixturevalue("cluster")
    with (
        node_database(cluster) as url,
        desk_in(tmp_path, url) as made,
    ):
        assert made.node.db.dialect == "postgresql"
        yield made
