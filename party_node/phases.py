"""The phases of a run, in order; each does its part, stores where it stands, and names the next.

    start     say what this side could bring (pre-flight)
    greet     hear the other side's pre-flight
    agree     the data owner decides; the requester waits
    recall    where both sides can answer from an earlier release: keep it as this job's result
    close     say that this side is done, close the mailbox
    permit    the gate decides and records it; the budget is charged; a quorum cosigns
    protocol  the two-party protocol, step by step
    release   the receiver draws noise and releases; the sender hears the noisy size
    receipt   compare transcripts, sign the run receipt
    sign      hear the other side's signature
    file      hand the receipt in, close the mailbox
    done

A federated job goes from `agree` to `enter` and from `countersign` to `file`
(`federated/phases.py`).

Every phase may be repeated after a crash: what it does outside the one transaction at its end is
idempotent. A phase returns the stored run to go on with, or None if it must wait for someone.
"""

from collections.abc import Callable, Mapping

from party_node import phase_agree, phase_compute, phase_conclude, phase_recall
from party_node.execution import Execution
from party_node.federated import phases as federated
from party_node.runs import Run

Phase = Callable[[Execution, Run], Run | None]

PHASES: Mapping[str, Phase] = {
    "start": phase_agree.start,
    "greet": phase_agree.greet,
    "agree": phase_agree.agree,
    "recall": phase_recall.recall,
    "close": phase_recall.close,
    "permit": phase_compute.permit,
    "protocol": phase_compute.protocol,
    "release": phase_conclude.release,
    "receipt": phase_conclude.receipt,
    "sign": phase_conclude.sign,
    "file": phase_conclude.file,
    "enter": federated.enter,
    "train": federated.train,
    "attest": federated.attest,
    "countersign": federated.countersign,
}
