"""Which model a question may name: every term that must hold, broken one by one."""

import dataclasses
from typing import Any

import pytest

from party_node.errors import JobRefused
from party_node.tracking.model_checks import check, named
from protocols.codec import encode
from protocols.dp.queries.reading import read_query
from protocols.errors import MalformedMessage
from protocols.job import JobDescription, Source
from protocols.sums.insight import Insight
from protocols.sums.segments import EVERYBODY

MODEL = "a1" * 16
REACH = read_query({"query": "reach", "dataset": "audience", "model": MODEL, "price": {"rho": "1"}})
COUNT = read_query({"query": "count", "dataset": "audience", "price": {"rho": "1"}})
JOB = JobDescription(
    job="b2" * 16,
    collaboration="spring",
    version=2,
    collaboration_hash=bytes(32),
    kind="insight",
    protocol="sums-join-bfv/1",
    params=b"",
    purpose="lookalike-audience",
    requester="brand",
    receiver="brand",
    receiver_dataset="customers",
    senders=(Source("publisher", "audience"),),
    identifiers=("email",),
    minimum_size=50,
    rho_nano=1,
    created_ms=0,
    expires_ms=1,
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


def test_a_model_of_an_earlier_version_of_the_agreement_may_be_named() -> None:
    assert named(JOB) == MODEL
    check(JOB, MADE, "completed")


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


def test_a_model_of_nobody_is_refused() -> None:
    with pytest.raises(JobRefused, match="no job here has made"):
        check(JOB, None, "")


def test_other_questions_name_none() -> None:
    count = dataclasses.replace(JOB, question=encode(Insight(COUNT, EVERYBODY)))
    assert named(count) == ""
    assert named(dataclasses.replace(JOB, kind="overlap", question=b"")) == ""
    with pytest.raises(MalformedMessage):
        named(dataclasses.replace(JOB, question=b"\x00"))
