"""The common model of a federated job, at any partner that has it: over its own people alone.

Everybody is scored whom consent to being scored covers, also those whose label is missing: rows are
encoded by the public bins of the question, and the label is not read.
"""

import numpy as np
from numpy.typing import NDArray

from party_node.scoring.scored import InUse, Scoring, people_of
from protocols.federated import fixed_point, learning
from protocols.federated.asked import Federated, bins_of
from protocols.federated.release import TrainedModel
from protocols.lookalike.encoding import Codes, encode_rows
from protocols.lookalike.model import batches
from protocols.question import read


def score(scoring: Scoring) -> InUse:
    """Return log-odds of a yes to the label, as the common model has them.

    Raises: NotFound if this party has no model of the job; as `Scoring`.
    """
    made = scoring.services.trained.load(scoring.job.job)
    asked = read(scoring.job.question)
    assert isinstance(asked, Federated)
    permitted = scoring.permit()
    columns = scoring.columns(permitted, asked.features)
    codes = encode_rows(bins_of(asked.features), columns)
    return InUse(permitted, people_of(permitted), _scores(made, codes))


def _scores(made: TrainedModel, codes: Codes) -> NDArray[np.float64]:
    weights = fixed_point.read_weights(made.terms, made.weights)
    found = np.empty(len(codes), np.float64)
    for part in batches(len(codes)):
        found[part] = learning.score(made.terms, weights, codes[part])
    return found
