"""The main job, told and checked: consent, matching, a noisy overlap, an audience, the proof.

Every step goes through the doors that people use: commands, and the nodes' own interfaces. What
comes out is compared with `truth`, which knows the people only from the generator and shares no
code with the product.
"""

from party_node.demo import asking, finding, opening, proving
from party_node.demo.scene import Scene


def tell(scene: Scene) -> None:
    """Run every step. Raises: DemoFailed if one does not do what it should."""
    opening.agree(scene)
    opening.register(scene)
    opening.import_consents(scene)
    asking.overlap(scene)
    asking.insight(scene)
    first = asking.audience(scene)
    asking.withdraw(scene, first)
    finding.lookalike(scene)
    proving.audit(scene)
    proving.compare(scene)
