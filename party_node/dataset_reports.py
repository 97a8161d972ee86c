"""What is known of a registered dataset without reading it: counts of its registration, and where
its file is.
"""

import dataclasses
import json
from dataclasses import dataclass, field

from party_node.tables import DatasetRow


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What registering found; counts only."""

    dataset: str
    rows: int
    people: int
    new_people: int
    merged_duplicates: int
    """Rows beyond the first of the same person."""
    refused_emails: int
    refused_phones: int
    missing: int
    """Rows without any usable identifier: nobody is known to be meant, so they are never used."""
    ambiguous: int
    """Rows whose e-mail and number belong to different persons: withheld."""
    columns: tuple[str, ...]
    sha256: str
    erased: int = 0
    """Rows about persons who were erased here: never used."""
    refused_devices: dict[str, int] = field(default_factory=dict)
    """For each type of device identifier: values that are none."""
    identified: dict[str, int] = field(default_factory=dict)
    """For each type: people with a value that nobody else in the file has."""
    shared: dict[str, int] = field(default_factory=dict)
    """For each type: values that several people have. They identify nobody and are left out."""

    def stored(self) -> str:
        """Return the report as a row keeps it."""
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A registered dataset, as lists show it."""

    dataset: str
    path: str
    key_column: str
    registered_ms: int
    report: DatasetReport

    @classmethod
    def of(cls, row: DatasetRow) -> "DatasetInfo":
        """Return what a row keeps."""
        fields = json.loads(row.report)
        report = DatasetReport(**{**fields, "columns": tuple(fields["columns"])})
        return cls(row.dataset, row.path, row.key_column, row.registered_ms, report)
