"""A file that is registered as a dataset: read once, its identifiers normalised, each row resolved
to a person by e-mail address and telephone number.
"""

from collections.abc import Mapping

import pyarrow as pa

from party_node import dataset_index
from party_node.dataset_reports import DatasetReport
from party_node.errors import DatasetChanged
from party_node.identity import EMAIL, NOBODY, PHONE, Identity
from party_node.matchable import held
from party_node.row_file import ROW, RowFile
from protocols import identifiers


def read_file(
    dataset: str,
    file: RowFile,
    key_column: str,
    named: Mapping[str, str | None],
    region: str | None,
    identity: Identity,
) -> tuple[DatasetReport, pa.Table]:
    """Return what a file has, in counts, and its index.

    `named` has the column of each type of identifier, address and number among them; None for one
    that the file has not. Raises: DatasetUnreadable, MissingColumn, DatasetChanged.
    """
    sha256 = file.sha256()
    wanted = [c for c in (key_column, *named.values()) if c is not None]
    table = file.read(list(dict.fromkeys(wanted)), as_text=True)
    read = {kind: _normalised(kind, table, column, region) for kind, column in named.items()}
    emails, phones = read[EMAIL], read[PHONE]
    columns = tuple(file.columns())
    if file.sha256() != sha256:
        raise DatasetChanged("the file changed while it was read")
    resolution = identity.resolve(emails.values, phones.values)
    values = {kind: column.values for kind, column in read.items()}
    index = dataset_index.make(table[ROW], table[key_column], resolution, values)
    people, usable = len(dataset_index.people(index)), int((resolution.dense != NOBODY).sum())
    found = held(index, [kind for kind, column in named.items() if column is not None])
    report = DatasetReport(
        dataset=dataset,
        rows=table.num_rows,
        people=people,
        new_people=resolution.created,
        merged_duplicates=usable - people,
        refused_emails=emails.refused,
        refused_phones=phones.refused,
        missing=resolution.missing,
        ambiguous=resolution.ambiguous,
        columns=columns,
        sha256=sha256,
        erased=len(resolution.suppressed),
        refused_devices={kind: read[kind].refused for kind in named if kind not in (EMAIL, PHONE)},
        identified=found.people,
        shared=found.shared,
    )
    return report, index


def _normalised(
    kind: str, table: pa.Table, column: str | None, region: str | None
) -> identifiers.Normalised:
    if column is None:
        return identifiers.Normalised([None] * table.num_rows, 0, table.num_rows)
    return identifiers.normalise_column(kind, table[column].to_pylist(), region)
