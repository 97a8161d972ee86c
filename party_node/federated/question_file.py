"""A federated training as people write it, YAML or JSON, read strictly:

features:
  - {column: age, kind: numeric, edges: [25, 35, 50, 65]}
  - {column: tier, kind: ordinal, categories: [basic, silver, gold]}
  - {column: region, kind: categorical, categories: [north, south]}
label: {column: renewed, positive: ["yes"]}
rounds: 2
threshold: 2                  # may be left out: more than half of the partners
ridge: 0.001                 # may be left out: only as strongly as noise and data ask
price: {rho: 0.002}           # of each round, towards each other partner
"""

from collections.abc import Mapping

from party_node.lookalike.question_file import read_feature
from party_node.statistics.question_file import read_price, taken_apart
from protocols.dp.queries.scalars import (
    Place,
    Plain,
    due,
    mapping,
    read_fixed,
    read_int,
    read_list,
    read_text,
    refused_as_query,
)
from protocols.federated.asked import Federated, Label
from protocols.lookalike.features import FeatureSpecification

KEYS = ("features", "label", "rounds", "threshold", "ridge", "price")
LABEL_KEYS = ("column", "positive")


def parse(text: str) -> Federated:
    """Return the question. Raises: InvalidQuery."""
    found = mapping(taken_apart(text), Place(""), KEYS)
    with refused_as_query():
        return _read(found)


def _read(found: Mapping[str, Plain]) -> Federated:
    at = Place("label")
    label = mapping(due(found, "label"), at, LABEL_KEYS)
    positive = read_list(due(label, "positive", at), at.under("positive"), read_text)
    features = tuple(read_list(due(found, "features"), Place("features"), read_feature))
    return Federated(
        features=FeatureSpecification(features),
        label=Label(read_text(due(label, "column", at), at.under("column")), tuple(positive)),
        rounds=read_int(due(found, "rounds"), Place("rounds")),
        threshold=read_int(found.get("threshold", "0"), Place("threshold")),
        ridge_milli=read_fixed(found.get("ridge", "0"), Place("ridge"), 3),
        rho_nano=read_price(found),
    )
