"""Jobs of three parties, through the coordinator, with what each party sees, pays and signs."""

from collections.abc import Iterator

import pytest

from tests.support.three_nodes import ALL_HAVE, BRAND, PUBLISHER, SHOP, THREE, three_nodes
from tests.support.two_nodes import NOISE, RHO_NANO, TwoNodes


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with three_nodes() as found:
        yield found


def charged(world: TwoNodes, job: str) -> dict[str, dict[str, tuple[str, int]]]:
    return {
        party: {c.to_party: (c.what, c.rho_nano) for c in world.nodes[party].charges(job)}
        for party in THREE
    }


def test_three_parties_count_what_all_have_and_all_sign(world: TwoNodes) -> None:
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job) == ("completed", "")
    receipts = [world.nodes[party].receipt(job) for party in THREE]
    assert receipts[0] is not None
    assert receipts[0] == receipts[1] == receipts[2]
    whole, signatures = receipts[0]
    assert [part.party for part in whole.parts] == list(THREE)
    assert set(signatures) == set(THREE)
    for party in THREE:
        result = world.nodes[party].result(job)
        assert result is not None
        assert abs(result["size"]["value"] - len(ALL_HAVE)) <= NOISE
        assert result["with"] == " and ".join(p for p in THREE if p != party)
    price = ("noisy-size", RHO_NANO)
    assert charged(world, job) == {
        BRAND: {PUBLISHER: price, SHOP: price},
        PUBLISHER: {BRAND: price, SHOP: price},
        SHOP: {BRAND: price, PUBLISHER: price},
    }
    assert world.outcomes(job) == dict.fromkeys(THREE, "completed")
    assert world.bodies(job) == []
