"""For what a party is charged towards each other party of a job: nothing, where that learns nothing
that needs noise.
"""

from party_node.job_kinds import FEDERATED, INSIGHT, LOOKALIKE
from protocols.collaboration_terms import REVEALING
from protocols.federated.release import FEDERATED_MODEL
from protocols.job import JobDescription
from protocols.release import MEMBERS, MODEL_METRICS, NOISY_SIZE, STATISTICS


def charged_for(job: JobDescription, peer: str) -> str:
    """Return what a job's other party is charged for towards `peer`; empty for nothing."""
    if job.kind == INSIGHT:
        # The sender sees the size of a list that is filled up, and nothing else.
        return STATISTICS if peer == job.receiver else ""
    if job.kind == LOOKALIKE:
        # The receiver learns sums over seeds; the sender how many match, and how good the model is.
        return STATISTICS if peer == job.receiver else MODEL_METRICS
    if job.kind == FEDERATED:
        return FEDERATED_MODEL  # in parts, a round at a time
    return MEMBERS if job.kind in REVEALING and peer == job.receiver else NOISY_SIZE


def price_at(job: JobDescription, party: str) -> int:
    """Return what a job costs `party` towards each of those that it is charged towards."""
    return job.rho_nano if any(charged_for(job, peer) for peer in job.others(party)) else 0
