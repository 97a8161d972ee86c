"""What the sender lays of a question about reach: of each row, the audiences that the person is in.

Everybody who is brought to the run is scored by the kept model, from the rows as they are now, and
ranked among all of them. It is read under the run's own permission, which covers scoring.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from party_node.earlier_models import kept
from party_node.laid_rows import Rows
from party_node.lookalike.models import MadeModel
from party_node.lookalike.reading import Numbers, read_people
from party_node.permission import Permission
from party_node.services import Services
from protocols.dp.queries.reach import memberships
from protocols.job import JobDescription
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.encoding import encode_rows
from protocols.lookalike.evaluation import buckets
from protocols.lookalike.kept import read_model
from protocols.question import read
from protocols.sums.layout import columns_chunk, write_columns


def features_of(made: JobDescription) -> Lookalike:
    """Return what the job asked that made a model: it names the columns that scores come from."""
    asked = read(made.question)
    assert isinstance(asked, Lookalike)
    return asked


def memberships_of(
    services: Services, permission: Permission, model: str, persons: Numbers
) -> NDArray[np.int32]:
    """Return of each of these people, who rise, the audiences that the person would be in.

    Raises: ModelGone; MissingColumn, MisfitColumn, DatasetUnreadable.
    """
    made = read_model(kept(services.models, model, MadeModel).model)
    asked = features_of(services.jobs.description(model))
    columns = read_people(services.datasets, permission, persons, asked.features)
    return memberships(buckets(made.score(encode_rows(made.bins, columns))))


def chunks_of(rows: Rows, of: NDArray[np.int32], chunk_rows: int) -> Iterator[tuple[str, bytes]]:
    """Return the chunks of the matrix: rows of nobody are in no audience."""
    for chunk, start in enumerate(range(0, len(rows), chunk_rows)):
        dense = rows.spread(of, 0, slice(start, start + chunk_rows))
        yield columns_chunk(chunk), write_columns(dense, np.empty((len(dense), 0), np.uint16))
