"""Which model a question may name: every term that must hold, broken one by one; and what is kept
of it.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from party_node.earlier_models import check, kept, named
from party_node.errors import JobRefused, ModelGone, SealBroken
from party_node.joint.sides import ReceiverSide, SenderSide, Side, sides_in
from party_node.vault import Vault
from protocols.codec import encode
from protocols.dp.queries.filters import OneOf
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.schema import CategoryColumn, Schema
from protocols.errors import MalformedMessage
from protocols.job import JobDescription, Source
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.joint.basis import Basis
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.sums.insight import Insight
from protocols.sums.segments import EVERYBODY, Segments
from tests.support.described import described
from tests.support.seeded import seeded

MODEL = "a1" * 16
REACH = read_query({"query": "reach", "dataset": "audience", "model": MODEL, "price": {"rho": "1"}})
COUNT = read_query({"query": "count", "dataset": "audience", "price": {"rho": "1"}})
JOB = described(
    job="b2" * 16,
    version=2,
    kind="insight",
    protocol="sums-join-bfv/1",
    purpose="lookalike-audience",
    question=encode(Insight(REACH, EVERYBODY)),
)
MADE = dataclasses.replace(
    JOB,
    job=MODEL,
    version=1,
    kind="lookalike",
    protocol="lookalike-bfv/2",
    receiver="publisher",
    receiver_dataset="audience",
    senders=(Source("brand", "seeds"),),
    question=b"",
)
FEATURES = FeatureSpecification((Feature("visits", FeatureKind.NUMERIC),))
OTHERS = FeatureSpecification((Feature("age", FeatureKind.NUMERIC),))
YES = Segments(Schema((CategoryColumn("left", "left", ("yes",)),)), "", OneOf("left", ("yes",)))
AGAIN = JointAgain(MODEL, "customers", FEATURES, "audience", OTHERS, 1)
BY = dataclasses.replace(JOB, kind="joint", purpose="joint-scoring", question=encode(AGAIN))
MADE_JOINT = dataclasses.replace(
    BY,
    job=MODEL,
    version=1,
    protocol="joint-cot/3",
    question=encode(Joint("customers", FEATURES, YES, "audience", OTHERS, 1, False)),
)


def test_a_model_of_an_earlier_version_of_the_agreement_may_be_named() -> None:
    assert named(JOB) == MODEL
    check(JOB, MADE, "completed")
    assert named(BY) == MODEL
    check(BY, MADE_JOINT, "completed")


@pytest.mark.parametrize(
    ("change", "state", "says"),
    [
        ({}, "running", "has made no model"),
        ({}, "failed", "has made no model"),
        ({"kind": "joint"}, "completed", "has made no model"),
        ({"collaboration": "autumn"}, "completed", "of another collaboration"),
        ({"senders": (Source("rival", "seeds"),)}, "completed", "who brought the seeds"),
        ({"receiver": "rival"}, "completed", "who brought the seeds"),
        (
            {"receiver": "brand", "senders": (Source("publisher", "audience"),)},
            "completed",
            "who brought the seeds",
        ),
        ({"receiver_dataset": "others"}, "completed", "the dataset others"),
        ({"purpose": "joint-audience"}, "completed", "joint-audience"),
    ],
)
def test_every_other_model_is_refused(change: dict[str, Any], state: str, says: str) -> None:
    with pytest.raises(JobRefused, match=says):
        check(JOB, dataclasses.replace(MADE, **change), state)


@pytest.mark.parametrize(
    ("change", "state", "says"),
    [
        ({}, "running", "has made no model"),
        ({"kind": "lookalike"}, "completed", "has made no model"),
        ({"question": BY.question}, "completed", "by the model of another one"),
        ({"collaboration": "autumn"}, "completed", "of another collaboration"),
        ({"purpose": "another"}, "completed", "made for: another"),
        ({"receiver": "publisher"}, "completed", "same two parties"),
        ({"receiver_dataset": "others"}, "completed", "same datasets"),
        ({"senders": (Source("rival", "audience"),)}, "completed", "same two parties"),
        ({"senders": (Source("publisher", "others"),)}, "completed", "same datasets"),
    ],
)
def test_every_other_joint_model_is_refused(change: dict[str, Any], state: str, says: str) -> None:
    with pytest.raises(JobRefused, match=says):
        check(BY, dataclasses.replace(MADE_JOINT, **change), state)


@pytest.mark.parametrize("change", [{"ours": OTHERS}, {"theirs": FEATURES}])
def test_a_joint_model_of_other_columns_is_refused(change: dict[str, Any]) -> None:
    job = dataclasses.replace(BY, question=encode(dataclasses.replace(AGAIN, **change)))
    with pytest.raises(JobRefused, match="the features are not those"):
        check(job, MADE_JOINT, "completed")


@pytest.mark.parametrize("job", [JOB, BY])
def test_a_model_of_nobody_is_refused(job: JobDescription) -> None:
    with pytest.raises(JobRefused, match="no job here has made"):
        check(job, None, "")


def test_what_is_not_kept_or_of_another_kind_or_version_is_gone(tmp_path: Path) -> None:
    vault = Vault(bytes(32), seeded("kept"))
    files = sides_in(tmp_path, vault)
    with pytest.raises(ModelGone):
        kept(files, MODEL, SenderSide)
    side: Side = SenderSide(MODEL, Basis(()), (1, 2))
    files.keep(MODEL, side)
    assert kept(files, MODEL, SenderSide) == side
    with pytest.raises(ModelGone):
        kept(files, MODEL, ReceiverSide)
    file = tmp_path / f"{MODEL}.side"
    file.write_bytes(vault.seal(f"joint-side/{MODEL}", b"\x80"))
    with pytest.raises(ModelGone):
        kept(files, MODEL, SenderSide)
    file.write_bytes(bytes(64))
    with pytest.raises(SealBroken):
        kept(files, MODEL, SenderSide)


def test_other_questions_name_none() -> None:
    count = dataclasses.replace(JOB, question=encode(Insight(COUNT, EVERYBODY)))
    assert named(count) == ""
    assert named(dataclasses.replace(JOB, kind="overlap", question=b"")) == ""
    assert named(MADE_JOINT) == ""
    with pytest.raises(MalformedMessage):
        named(dataclasses.replace(JOB, question=b"\x00"))
