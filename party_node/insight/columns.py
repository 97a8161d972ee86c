"""Whether a side has what a question needs, columns and a model: known before anything is charged
or read.
"""

from party_node.errors import MissingColumn, ModelGone
from party_node.services import Services
from party_node.tracking import model_checks
from party_node.tracking.laying import features_of
from protocols.job import JobDescription
from protocols.question import columns_of, read


def lacks(parts: Services, job: JobDescription, party: str) -> str:
    """Return the code of the error for which `party`, which this node is, could not answer its side
    of a question; empty if it could. Raises: UnknownDataset.
    """
    if not has_columns(parts, job, party):
        return MissingColumn.code
    model = model_checks.named(job)
    if not model or party == job.receiver:
        return ""
    if parts.models.find(model) is None:
        return ModelGone.code
    scored_by = columns_of(features_of(parts.jobs.description(model)), receiver=True)
    there = set(parts.datasets.info(job.dataset_of(party)).report.columns)
    return "" if scored_by <= there else MissingColumn.code


def has_columns(parts: Services, job: JobDescription, party: str) -> bool:
    """Tell whether `party`, which this node is, has the columns that its side of a question needs.

    Raises: UnknownDataset.
    """
    if not job.question:
        return True
    needed = columns_of(read(job.question), receiver=party == job.receiver)
    return needed <= set(parts.datasets.info(job.dataset_of(party)).report.columns)
