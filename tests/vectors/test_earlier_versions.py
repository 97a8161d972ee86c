"""What earlier versions wrote is read and verified: bundles of evidence, and kept models.

The files of `earlier/` were written by the code of then, between two made-up parties: a run each by
`lookalike-cot/1`, `joint-cot/1` and `federated-ridge/1`, which this version does not run.
"""

from pathlib import Path

import pytest

from consent.audit import Outcome
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import RUNS
from party_node.joint.sides import ReceiverSide, SenderSide
from protocols import registry
from protocols.codec import decode
from protocols.federated import fixed_point
from protocols.federated.release import TrainedModel
from protocols.job import JobDescription
from protocols.question import read
from protocols.signed import Signed, peek
from tests.support.evidence import relisted, unpacked

EARLIER = Path(__file__).parent / "earlier"


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("lookalike-1", "lookalike-cot/1"),
        ("joint-1", "joint-cot/1"),
        ("federated-1", "federated-ridge/1"),
    ],
)
def test_evidence_of_a_run_verifies_whose_protocol_is_gone(name: str, protocol: str) -> None:
    files = unpacked((EARLIER / f"{name}.zip").read_bytes())
    checks = audit_bundle(files)
    assert not [check for check in checks if check.outcome is Outcome.FAILED]
    (job,) = [data for file, data in files.items() if file.endswith("/job.cbor")]
    described = peek(JobDescription, decode(Signed, job))
    assert described.protocol == protocol
    assert not registry.runs(protocol)
    told = next(c.detail for c in checks if "signed by its requester" in c.what)
    assert told.endswith(f"by {protocol}, whose parameters this version does not know")
    assert read(described.question), "the question can still be read"


def test_evidence_of_such_a_run_is_still_refused_where_it_was_changed() -> None:
    files = unpacked((EARLIER / "joint-1.zip").read_bytes())
    (name,) = [name for name in files if name.startswith(RUNS) and name.endswith("/job.cbor")]
    changed = files[name].replace(b"joint-scoring", b"joint-storing", 1)
    assert changed != files[name]
    checks = audit_bundle(relisted({**files, name: changed}))
    failed = [c for c in checks if c.outcome is Outcome.FAILED]
    assert any("signed by its requester" in check.what for check in failed)


def test_sides_of_a_joint_model_are_read() -> None:
    ours = decode(ReceiverSide, (EARLIER / "joint-1-receiver-side.cbor").read_bytes())
    theirs = decode(SenderSide, (EARLIER / "joint-1-sender-side.cbor").read_bytes())
    assert ours.job == theirs.job
    assert ours.model.weights == theirs.weights


def test_a_common_model_is_read() -> None:
    made = decode(TrainedModel, (EARLIER / "federated-1-model.cbor").read_bytes())
    assert len(fixed_point.read_weights(made.terms, made.weights)) == made.terms.columns
    assert made.contributed() == (("brand", "publisher"),) * 2
