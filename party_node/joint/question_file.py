"""A joint score as people write it, YAML or JSON, read strictly:

ours:
  dataset: customers
  features:
    - {column: visits, kind: numeric}
  label:                        # who of one's own people has it
    columns: {churned: {categories: ["yes", "no"]}}
    where: {eq: {churned: "yes"}}
theirs:
  dataset: readers
  features:
    - {column: age, kind: numeric, low: 18, high: 90}
    - {column: region, kind: categorical}
price: {rho: "0.02"}
noise: false                    # true: the sums are differentially private

or, to score by an earlier job's model:

by_job: 0f41b1c0a6a34f0e8c31c5e5d3a1b7aa
price: {rho: "0.02"}            # left out: what that job has cost
"""

from collections.abc import Callable, Mapping

from party_node.lookalike.question_file import read_feature
from party_node.statistics.question_file import read_chosen, read_price, taken_apart
from protocols.dp.queries.scalars import (
    Place,
    Plain,
    due,
    mapping,
    read_list,
    read_text,
    refused_as_query,
)
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.features import FeatureSpecification
from protocols.sums.segments import Segments

KEYS = ("ours", "theirs", "price", "noise")
KEYS_AGAIN = ("by_job", "price")
By = Callable[[str, int | None], JointAgain]
"""(earlier job, price or None) → what asks for scores by its model."""
_TRUTH = {"true": True, "false": False}


def parse(text: str, by: By) -> Joint | JointAgain:
    """Return the question. Raises: InvalidQuery; as `by`."""
    plain = taken_apart(text)
    if isinstance(plain, dict) and "by_job" in plain:
        return _again(mapping(plain, Place(""), KEYS_AGAIN), by)
    found = mapping(plain, Place(""), KEYS)
    with refused_as_query():
        at, there = Place("ours"), Place("theirs")
        ours = mapping(due(found, "ours"), at, ("dataset", "features", "label"))
        theirs = mapping(due(found, "theirs"), there, ("dataset", "features"))
        noise = read_text(found.get("noise", "false"), Place("noise"))
        if noise not in _TRUTH:
            raise Place("noise").wrong("true or false is expected")
        return Joint(
            ours_dataset=read_text(due(ours, "dataset", at), at.under("dataset")),
            ours=_features(due(ours, "features", at), at.under("features")),
            wanted=_label(due(ours, "label", at), at.under("label")),
            theirs_dataset=read_text(due(theirs, "dataset", there), there.under("dataset")),
            theirs=_features(due(theirs, "features", there), there.under("features")),
            rho_nano=read_price(found),
            noise=_TRUTH[noise],
        )


def _again(found: Mapping[str, Plain], by: By) -> JointAgain:
    with refused_as_query():
        price = read_price(found) if "price" in found else None
        return by(read_text(found["by_job"], Place("by_job")), price)


def _features(plain: Plain, at: Place) -> FeatureSpecification:
    return FeatureSpecification(tuple(read_list(plain, at, read_feature)))


def _label(plain: Plain, at: Place) -> Segments:
    return read_chosen(mapping(plain, at, ("columns", "where")), at)
