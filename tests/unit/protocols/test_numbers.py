"""What a trained job adds up is pinned to its protocol's number: whoever changes it, changes that.

Agreements name protocols by number, and both nodes make the parameters from the question. Nodes
that make other ones under the same number agree to something that they cannot run.
"""

import hashlib

import numpy as np
import pytest

from protocols import registry
from protocols.codec import encode
from protocols.dp.queries.filters import OneOf
from protocols.dp.queries.schema import CategoryColumn, Schema
from protocols.joint import moments
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.question import params_for
from protocols.sums.segments import Segments

FEATURES = FeatureSpecification(
    (
        Feature("age", FeatureKind.NUMERIC),
        Feature("tier", FeatureKind.CATEGORICAL, categories=("a", "b")),
    )
)
YES = Segments(Schema((CategoryColumn("left", "left", ("yes",)),)), "", OneOf("left", ("yes",)))
QUESTIONS = {
    "joint": Joint("ours", FEATURES, YES, "theirs", FEATURES, 10**7, True),
    "joint-looking": Joint("ours", FEATURES, YES, "theirs", FEATURES, 10**7, False),
    "joint-again": JointAgain("a1" * 16, "ours", FEATURES, "theirs", FEATURES, 1),
    "lookalike": Lookalike("people", FEATURES, "seeds", YES, 2000, 10**7, 500),
}


@pytest.mark.parametrize(
    ("kind", "protocols", "digest"),
    [
        ("joint", ("joint-bfv/3", "joint-cot/3"), "4ef13c78a696f611"),
        ("joint-looking", ("joint-bfv/3", "joint-cot/3"), "d3f8cea154d7f694"),
        ("joint-again", ("joint-again/2",), "520e46d07ab5404c"),
        ("lookalike", ("lookalike-bfv/2", "lookalike-cot/2"), "babea6d8bd8bc69c"),
    ],
)
def test_parameters_are_those_of_the_number(kind, protocols, digest):
    params = params_for(QUESTIONS[kind], 50)
    assert {registry.params_of(protocol) for protocol in protocols} == {type(params)}
    assert hashlib.sha256(encode(params)).hexdigest()[:16] == digest


def test_entries_of_joint_sums_are_those_of_the_number():
    rows = np.array([[0, 32, 7], [16, 1, 30]], np.uint8)
    assert moments.with_products(rows).tolist() == [
        [-512, 512, -288, -512, -512, -512, 512, -288, -463],
        [0, -480, 448, -256, -496, -32, -511, -482, 388],
    ]
    assert moments.plainly(rows).tolist() == [[-16, 16, -9], [0, -15, 14]]
