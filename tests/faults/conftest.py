"""What the tests of faults share: homes that are ready to be used, and lives to be ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.busy_node import prepare
from tests.support.lives import Doomed, compile_shim, doomed
from tests.support.migrated import node_database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that nobody opens: copy it."""
    return prepare(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    """The parent of lives, one for all tests, with the shim where it compiles."""
    try:
        shim = compile_shim(tmp_path_factory.mktemp("shim"))
    except pytest.skip.Exception:  # of the tests that need it: see `lives`
        shim = None
    with doomed(shim) as made:
        yield made


@pytest.fixture
def lives(one: Doomed, tmp_path: Path) -> Doomed:
    """The parent of lives that end where the test says."""
    if not one.shimmed:
        compile_shim(tmp_path)  # says why not
    return one


@pytest.fixture
def server(cluster: str, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A home whose database is on PostgreSQL, as ready as `template`, and the database's URL."""
    with node_database(cluster) as url:
        yield prepare(tmp_path / "on-postgres", url), url
