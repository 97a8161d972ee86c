"""A node's storage on each database; on PostgreSQL one for all tests, emptied before each."""

import pytest
from sqlmodel import delete

from party_node.contact.reservations import Reservations
from party_node.contact.tables import ContactRow
from tests.support.migrated import node_database
from tests.support.node import SeededRng, open_storage


@pytest.fixture(scope="session")
def postgres_node(cluster, tmp_path_factory):
    with node_database(cluster) as url:
        node = open_storage(tmp_path_factory.mktemp("node"), url=url)
        assert node.db.dialect == "postgresql"
        yield node
        node.db.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def node(request, tmp_path):
    if request.param == "sqlite":
        return open_storage(tmp_path)
    node = request.getfixturevalue("postgres_node")
    with node.db.writing() as session:
        session.exec(delete(ContactRow))
    return node


@pytest.fixture
def reservations(node):
    return Reservations(node.vault, SeededRng("tokens"))
