"""The fields that a consent file can fill: which there are, and what a mapping may do with each.

Most cells of a file say the same few things over and over: which purpose, which state, by which
method. Those are *shared*; they are read once for each combination. The others are a row's *own*.
`docs/operate/data.md` has a row for each; a test compares the two.
"""

import enum
from dataclasses import dataclass

from consent.events import EventType
from consent.statements import Method, Relation
from consent.words import EventState


@dataclass(frozen=True, slots=True)
class Column:
    """One of our fields."""

    name: str
    shared: bool = True
    """Rows of a file have few different values of it."""
    required: bool = False
    instant: bool = False
    """Read by the mapping's `times`."""
    constant: bool = True
    """A mapping may state it for the whole file."""
    words: bool = True
    """A mapping may translate the file's words."""
    per_person: bool = False
    """One for the whole row, whatever events the row is split into."""
    one_of: type[enum.StrEnum] | None = None


def _own(name: str, *, required: bool = False, per_person: bool = False) -> Column:
    return Column(
        name, shared=False, required=required, constant=False, words=False, per_person=per_person
    )


ALL = (
    _own("source_event_id", required=True, per_person=True),
    _own("email", per_person=True),
    _own("phone", per_person=True),
    Column("purpose", required=True),
    Column("state", required=True, one_of=EventState),
    Column("event_time", shared=False, required=True, instant=True, words=False),
    Column("recipient"),
    Column("channel"),
    Column("valid_until", shared=False, instant=True, words=False),
    Column("notice"),
    Column("method", one_of=Method),
    Column("event_type", one_of=EventType),
    Column("relation", one_of=Relation),
    Column("separate"),
    Column("written"),
    Column("listed"),
    Column("purpose_version"),
    Column("jurisdiction"),
    Column("legal_regime"),
    Column("time_zone"),
    Column("layer"),
    Column("control_label"),
    _own("served_event_id"),
    _own("evidence_sha256"),
    Column("evidence_media_type"),
    _own("evidence_reference"),
)
"""In the order in which documentation and errors name them."""

BY_NAME = {column.name: column for column in ALL}
COLUMNS = tuple(BY_NAME)
REQUIRED = tuple(c.name for c in ALL if c.required)
SHARED = tuple(c.name for c in ALL if c.shared)
OWN = tuple(c.name for c in ALL if not c.shared)
NEVER_FROM_A_FILE = frozenset({"source_trust", "source_id", "subject_id", "subject_seq",
                               "previous", "supersedes"})  # fmt: skip
"""Fields of the record that the node itself fills in: a file that could rank itself would."""
