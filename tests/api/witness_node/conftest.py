"""Fixtures of the stand-alone witness's tests."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import fresh_database
from tests.support.witness import GrowingLedger, WitnessWorld, running_witness


@pytest.fixture
def ledger() -> GrowingLedger:
    return GrowingLedger().grow(9)


@pytest.fixture(params=["ed25519", "ml-dsa-44"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, ledger: GrowingLedger
) -> Iterator[WitnessWorld]:
    """A witness with each type of key in turn, that trusts the ledger."""
    with running_witness(tmp_path / "witness", key_type=request.param) as made:
        made.trust(ledger.vkey)
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Empty for the home's own database, then a fresh one of PostgreSQL."""
    if request.param == "sqlite":
        yield ""
        return
    cluster = request.getfixturevalue("cluster")
    with fresh_database(cluster, f"w{uuid.uuid4().hex}") as url:
        yield url


@pytest.fixture
def world_on_each(
    database_url: str, tmp_path: Path, ledger: GrowingLedger
) -> Iterator[WitnessWorld]:
    """A witness on each driver in turn, that trusts the ledger."""
    with running_witness(tmp_path / "witness", database_url=database_url) as made:
        made.trust(ledger.vkey)
        yield made
