"""The scores that a joint job has brought, of whom consent covers now: they are of that day."""

import numpy as np
from pyroaring import BitMap

from party_node.people_sets import are_among
from party_node.scoring.scored import InUse, Numbers, Scoring


def score(scoring: Scoring) -> InUse:
    """Return the kept scores. Raises: NotFound if the job brought none here; as `Scoring`."""
    found, scores = scoring.services.scores.load(scoring.job.job).read()
    permitted = scoring.permit(_set_of(found))
    may = are_among(found, permitted.allowed)
    return InUse(permitted, found[may], scores[may])


def people(scoring: Scoring) -> BitMap:
    """Return who has a score. Raises: NotFound if the job brought none here."""
    found, _ = scoring.services.scores.load(scoring.job.job).read()
    return _set_of(found)


def _set_of(people: Numbers) -> BitMap:
    return BitMap(people.astype(np.uint32))
