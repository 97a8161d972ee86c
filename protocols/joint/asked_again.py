"""What a `joint` job asks that scores by an earlier model: which one, and for what price.

Both feature specifications are repeated, so that either side sees what will be read of its people
without looking anything up; a node compares them with those of the job that is named.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.joint.asked import PEOPLE
from protocols.joint.records import JointAgainParams, ScoreParams
from protocols.joint.widths import MOST_COLUMNS, widths
from protocols.lookalike.features import FeatureSpecification
from protocols.psi.params import JOB_CHUNK_ITEMS, OtParams
from protocols.sums.alignment_params import LABEL_BYTES

PROTOCOL = "joint-again/2"
"""What answers the question, under any clause for a joint score."""
_JOB = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class JointAgain(Record):
    """One question. Raises: InvalidParameter if nobody could be scored by it."""

    KIND: ClassVar[str] = "joint-again/1"
    by: str
    """The job that has made the model."""
    ours_dataset: str
    """The receiver's dataset."""
    ours: FeatureSpecification
    theirs_dataset: str
    theirs: FeatureSpecification
    rho_nano: int
    """What the job costs: revealing who matches is charged by it."""

    def __post_init__(self) -> None:
        if not _JOB.fullmatch(self.by):
            raise InvalidParameter("a job has 32 lower-case hexadecimal digits")
        if not 0 < self.rho_nano <= budget.MAX_RELEASE_NANO:
            raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
        if max(sum(widths(features)) for features in (self.ours, self.theirs)) > MOST_COLUMNS:
            raise InvalidParameter(f"{MOST_COLUMNS} columns are the most of one side")


def params_for(asked: JointAgain) -> JointAgainParams:
    """Return the parameters by which nodes run a question; a person brings one identifier.

    There is room for as many columns as any model has: how many an earlier one has is in no
    question.
    """
    first = OtParams(PEOPLE, JOB_CHUNK_ITEMS, label_bytes=2 * LABEL_BYTES)
    return JointAgainParams(first, ScoreParams(MOST_COLUMNS, JOB_CHUNK_ITEMS))
