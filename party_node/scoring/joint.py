"""The scores that a joint job has brought, of whom consent covers now: they are of that day."""

import numpy as np
from pyroaring import BitMap

from party_node.people_sets import are_among
from party_node.scoring.scored import InUse, Scoring


def score(scoring: Scoring) -> InUse:
    """Return the kept scores. Raises: NotFound if the job brought none here; as `Scoring`."""
    people, scores = scoring.services.scores.load(scoring.job.job).read()
    permitted = scoring.permit(BitMap(people.astype(np.uint32)))
    may = are_among(people, permitted.allowed)
    return InUse(permitted, people[may], scores[may])
