"""For which purpose people are scored by a kept model, and are in its audience.

It is the purpose of the job, where that covers scoring. A federated job may be for training alone:
who has consented to that has not consented to being scored. Then it is the purpose of another
`federated` clause of the same agreement, to which people have to consent on its own.
"""

from consent.vocabulary import Vocabulary
from party_node.errors import ScoringNotAgreed
from party_node.job_kinds import FEDERATED
from protocols.collaboration import Collaboration
from protocols.job import SCORING, JobDescription


def purpose_for(job: JobDescription, agreed: Collaboration, vocabulary: Vocabulary) -> str:
    """Return the purpose. Raises: ScoringNotAgreed."""
    if job.kind != FEDERATED:
        return job.purpose  # the job itself has scored people for it
    clauses = [clause.purpose for clause in agreed.permitted if clause.kind == FEDERATED]
    for purpose in (job.purpose, *clauses):
        if vocabulary.has(purpose) and set(SCORING) <= set(vocabulary.find(purpose).operations):
            return purpose
    raise ScoringNotAgreed
