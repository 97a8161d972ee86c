"""What every part of the demo works with: the network, the people, the teller, the checks."""

import math
from dataclasses import dataclass, field
from typing import Any

from party_node.demo.checks import Check, Checks
from party_node.demo.network import Network
from party_node.demo.people import DemoWorld
from party_node.demo.telling import Teller
from protocols.dp import coins
from protocols.dp.budget import Rho

COLLABORATION = "spring-campaign"
MEASUREMENT, JOINT_AUDIENCE = "audience-measurement", "joint-audience"
LOOKALIKE = "lookalike-audience"
RHO = "0.005"
SIGMA = 10
"""Standard deviation of the noise at that price."""
RELATIONSHIPS = (
    "Husband", "Not-in-family", "Own-child", "Unmarried", "Wife", "Other-relative",
)  # fmt: skip
QUESTION = f"""\
query: histogram
dataset: audience
columns: {{relationship: {{categories: [{", ".join(RELATIONSHIPS)}]}}}}
by: relationship
price: {{rho: {RHO}}}
"""
FEATURES = {
    "education_years": "numeric", "hours_per_week": "numeric", "workclass": "categorical",
    "relationship": "categorical", "capital_gain": "numeric", "capital_loss": "numeric",
}  # fmt: skip
LOOKALIKE_RHO = "0.01721"
"""Epsilon 1 at delta 10^-8."""
CELL_BOUND = 5 * SIGMA + 1
MOST_HIDDEN = 50 + CELL_BOUND
"""People; a cell of fewer than the agreed 50, with noise, is hidden."""
NOISE_BOUND = math.ceil(5 * math.sqrt(SIGMA**2 + coins.least(Rho.parse(RHO).nano, False) / 4))
"""Noise beyond five standard deviations comes once in 1.7 million draws; a count has that of the
dummies too.
"""


@dataclass(slots=True)
class Scene:
    """One telling of the demo."""

    network: Network
    world: DemoWorld
    teller: Teller
    checks: Checks = field(default_factory=Checks)
    report: dict[str, Any] = field(default_factory=dict)

    def judge(self, check: Check) -> None:
        """Tell how a comparison came out."""
        how = f"{check.name} ({check.found} against {check.expected}, {check.how})"
        self.teller.verdict(how, right=check.right)
