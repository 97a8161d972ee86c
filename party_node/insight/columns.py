"""Whether a file has the columns of a question: known before anything is charged or read."""

from party_node.services import Services
from protocols.job import JobDescription
from protocols.question import columns_of, read


def has_columns(parts: Services, job: JobDescription, party: str) -> bool:
    """Tell whether `party`, which this node is, has the columns that its side of a question needs.

    Raises: UnknownDataset.
    """
    if not job.question:
        return True
    needed = columns_of(read(job.question), receiver=party == job.receiver)
    return needed <= set(parts.datasets.info(job.dataset_of(party)).report.columns)
