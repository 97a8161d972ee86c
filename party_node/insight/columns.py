"""Whether a file has the columns of a question: known before anything is charged or read."""

from party_node.services import Services
from protocols.job import JobDescription
from protocols.sums.insight import question_of


def has_columns(parts: Services, job: JobDescription, party: str) -> bool:
    """Tell whether `party`, which this node is, has the columns that its side of a question needs.

    Raises: UnknownDataset.
    """
    if not job.question:
        return True
    asked = question_of(job.question)
    schema = asked.ours.schema if party == job.receiver else asked.query.schema
    there = parts.datasets.info(job.dataset_of(party)).report.columns
    return all(column.source in there for column in schema.columns)
