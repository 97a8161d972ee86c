"""A node's storage on each database, with its ledger open."""

import pytest

from tests.support.migrated import node_database
from tests.support.node import NodeStorage, open_storage


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def node(request, tmp_path) -> NodeStorage:
    if request.param == "sqlite":
        yield open_storage(tmp_path)
        return
    with node_database(request.getfixturevalue("cluster")) as url:
        made = open_storage(tmp_path, url=url)
        assert made.db.dialect == "postgresql"
        yield made
        made.db.close()


@pytest.fixture
def ledger(node):
    return node.open_ledger()
