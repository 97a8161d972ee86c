"""The two nodes, and three witnesses beside the coordinator that know the brand's ledger."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from consent.note import Verifier
from party_node.ledger import trust_policy
from tests.support.two_nodes import Node, TwoNodes, two_nodes
from tests.support.witness import (
    WitnessWorld,
    nobody_is_asked,
    reached_by_nodes,
    running_witness,
)

RULES = "group others 2 a b c\ngroup all all coordinator others\nquorum all\n"


class Witnessed:
    """The two nodes, and three witnesses that know the brand's ledger."""

    def __init__(
        self, world: TwoNodes, witnesses: Mapping[str, WitnessWorld], alive: dict[str, bool]
    ) -> None:
        self.world, self.witnesses, self.alive = world, witnesses, alive
        self.brand: Node = world.brand
        for witness in witnesses.values():
            witness.trust(self.brand.services.ledger.vkey)
        home = self.brand.services.home
        self.text = f"log {self.brand.services.ledger.vkey}\n"
        self.text += f"witness coordinator {home.coordinator_witness.vkey}\n"
        for name, key in self.keys.items():
            self.text += f"witness {name} {key.vkey} https://{name}.example/w\n"
        self.text += RULES
        (home.path / trust_policy.FILE).write_text(self.text)
        self.brand.restart()

    @property
    def keys(self) -> dict[str, Verifier]:
        return {name: witness.verifier for name, witness in self.witnesses.items()}


@contextmanager
def witnessed_brand(folder: Path) -> Iterator[Witnessed]:
    """Open the world; a quorum is the coordinator and two of the three."""
    with two_nodes() as world, ExitStack() as stack:
        witnesses = {
            name: stack.enter_context(
                running_witness(folder / name, world.clock, name=f"{name}.example/w", key_type=kind)
            )
            for name, kind in (("a", "ed25519"), ("b", "ml-dsa-44"), ("c", "ed25519"))
        }
        alive = stack.enter_context(reached_by_nodes(**witnesses))
        yield Witnessed(world, witnesses, alive)
        nobody_is_asked()
        world.brand.services.witnessing.close()
