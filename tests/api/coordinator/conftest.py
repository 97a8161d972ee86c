"""Fixtures of the coordinator's tests."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.database import Database
from tests.support.coordinator import World, running_world
from tests.support.postgres import fresh_database


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path / "home") as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each driver in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'coordinator.db'}"
        return
    cluster = request.getfixturevalue("cluster")
    with fresh_database(cluster, f"t{uuid.uuid4().hex}") as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database of each driver in turn."""
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def world_on_each(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A coordinator on each driver in turn."""
    with running_world(tmp_path / "home", database_url=database_url) as made:
        yield made
