"""Two records of persons turn out to be one person."""

from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.errors import MalformedRecord
from consent.fields import field
from consent.statements import SubjectEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectsMerged(SubjectEntry):
    """From here on the record `absorbed` and the record of this entry's subject are one person.

    What either record objected to or never agreed to is not permitted, until the person chooses
    again (rule 4).
    """

    TYPE: ClassVar[str] = "subjects-merged"

    absorbed: str = field(fields.subject)
    """Subject id of the record that is not continued."""
    merged_at_ms: int = field(fields.time)
    ground: str = field(fields.words)
    """How it is known: `customer proved both addresses`."""
    by: str = field(fields.words)

    def __post_init__(self) -> None:
        if self.absorbed == self.subject_id:
            raise MalformedRecord("a record cannot be merged with itself")
