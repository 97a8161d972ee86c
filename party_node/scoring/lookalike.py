"""The model of a lookalike job, at the partner: everybody's rows as they are now."""

from party_node.scoring.scored import InUse, Scoring, people_of
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.encoding import encode_rows
from protocols.lookalike.kept import read_model
from protocols.question import read


def score(scoring: Scoring) -> InUse:
    """Return log-odds of being like the seeds, at the base rate that training assumes.

    Raises: NotFound if the job made no model here; as `Scoring`.
    """
    model = read_model(scoring.services.models.load(scoring.job.job).model)
    asked = read(scoring.job.question)
    assert isinstance(asked, Lookalike)
    permitted = scoring.permit()
    columns = scoring.columns(permitted, asked.features)
    scores = model.score(encode_rows(model.bins, columns))
    return InUse(permitted, people_of(permitted), scores)
