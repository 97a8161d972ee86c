"""Federated jobs through the coordinator: what each party sees, pays and signs."""

from collections.abc import Iterator

import pytest

from tests.support.federated_nodes import QUESTION, TWO, MemoryLine, federated_nodes
from tests.support.two_nodes import BRAND, PUBLISHER, TwoNodes

EACH = 4_000_000_000


@pytest.fixture
def two() -> Iterator[tuple[TwoNodes, MemoryLine]]:
    with federated_nodes(TWO) as found:
        yield found


def settle(world: TwoNodes, line: MemoryLine, job: str, each=lambda: None) -> None:
    world.settle(job, each=lambda: (line.turn(job), each()))


def test_two_parties_train_two_rounds_and_both_sign(two) -> None:
    world, line = two
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    receipts = [world.nodes[party].receipt(job) for party in TWO]
    assert receipts[0] is not None
    assert receipts[0] == receipts[1]
    whole, signatures = receipts[0]
    assert set(signatures) == set(TWO)
    assert whole.is_consistent()
    made = [world.nodes[party].services.trained.load(job) for party in TWO]
    assert made[0] == made[1]
    assert made[0].contributed() == (TWO, TWO)
    for party in TWO:
        result = world.nodes[party].result(job)
        assert result is not None
        model = result["model"]
        assert [at["partners"] for at in model["rounds"]] == [list(TWO)] * 2
        assert model["rounds"][1]["auc"] > 0.6
        other = PUBLISHER if party == BRAND else BRAND
        charges = [(c.to_party, c.what, c.rho_nano) for c in world.nodes[party].charges(job)]
        assert charges == [
            (other, "federated-round-1", EACH), (other, "federated-round-2", EACH),
        ]  # fmt: skip
        part = whole.part_of(party)
        assert part is not None
        assert [(r.to, r.what, r.rho_nano, r.commitment) for r in part.released] == [
            (other, "federated-model", 2 * EACH, made[0].commitment())
        ]
