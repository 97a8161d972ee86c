"""A common model as a document: as results store it, and the command line shows it."""

from collections.abc import Sequence
from typing import Any

from party_node.federated.judging import Judged
from protocols.dp.budget import Rho
from protocols.federated import fixed_point, noise
from protocols.federated.asked import Federated, bins_of
from protocols.federated.release import TrainedModel

LIMITS = (
    "It ranks. How often the label is a yes differs among partners: a score is no probability.",
    "It is not for decisions with legal or similarly significant effects on a person.",
    "Features can stand in for protected traits: look at the weights before it is used.",
    "It adds features up: what they do only together is not in it.",
    "Who withdraws is out of later scores, not out of what the rounds have taught it.",
)


def document(
    made: TrainedModel, asked: Federated, judged: Sequence[Judged | None]
) -> dict[str, Any]:
    """Return a model for people; `judged` is how good it was after each round, over own people."""
    weights = fixed_point.read_weights(made.terms, made.weights).tolist()
    at, features = 1, []
    for bins in bins_of(asked.features):
        features.append(
            {
                "column": bins.feature.column,
                "weights": [
                    {"value": bins.label(code), "weight": round(weights[at + code], 4)}
                    for code in range(bins.size)
                ],
            }
        )
        at += bins.size
    return {
        "federated": True,
        "label": asked.label.column,
        "positive": list(asked.label.positive),
        "rounds": [
            {"partners": list(partners), **_area(found)}
            for partners, found in zip(made.contributed(), judged, strict=True)
        ],
        "signed_by": list(made.signers()),
        "rho_each_round": Rho(made.terms.rho_nano).decimal(),
        "constant": round(weights[0], 4),
        "features": features,
        "noise_people": round(noise.people(made.terms), 1),
        "commitment": made.commitment().hex(),
        "limits": list(LIMITS),
    }


def _area(judged: Judged | None) -> dict[str, Any]:
    found = judged or Judged(None, 0, 0)
    return {
        "auc": found.area,
        "judged_on": found.with_label + found.without,
        "with_label": found.with_label,
    }
