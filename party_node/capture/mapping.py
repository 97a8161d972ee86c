"""What a file's columns mean: which is which of our fields, and what is the same for all rows.

`mapping_file.py` reads one from YAML; without any, a file's columns are called as ours are. A row
becomes one event, or, in a *wide* file, one for each of its consent columns.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from party_node.capture.columns import BY_NAME, COLUMNS, REQUIRED
from party_node.capture.said import DEFAULT_SEPARATOR
from party_node.capture.times import TimeFormat
from party_node.errors import MissingColumn

CSV, JSON_LINES, PARQUET = "csv", "json-lines", "parquet"
KINDS = (CSV, JSON_LINES, PARQUET)
ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")
GZIP, NONE = "gzip", "none"
COMPRESSIONS = (GZIP, NONE)

SKIP, REFUSE, KEEP = "skip", "refuse", "keep"
"""What a word map can say besides one of our words."""

_STEP = re.compile(r"(?:[^.\\]|\\.)+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileForm:
    """How the bytes of a file become rows; empty where the file's name says it."""

    kind: str = ""
    delimiter: str = ""
    encoding: str = "utf-8"
    compression: str = ""


@dataclass(frozen=True, slots=True)
class WordMap:
    """The file's words for one field, and ours for them."""

    words: Mapping[str, str]
    otherwise: str = REFUSE

    def ours(self, word: str) -> str | None:
        """Return our word, SKIP, or None where the row is to be refused."""
        found = self.words.get(word, self.otherwise)
        if found == KEEP:
            return word
        return None if found == REFUSE else found


@dataclass(frozen=True, slots=True)
class EventPart:
    """One event of a row: what fills its fields besides the person and the row's id."""

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, WordMap] = field(default_factory=dict)
    times: Mapping[str, TimeFormat] = field(default_factory=dict)
    suffix: str = ""
    """Ends the id of the event, so that each event of a wide row has its own."""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Everything that is said about the columns of a file."""

    columns: Mapping[str, str]
    """Our field → the file's column, for the fields that a row has once."""
    events: tuple[EventPart, ...]
    form: FileForm = FileForm()
    separator: str = DEFAULT_SEPARATOR
    """Between the purposes in `listed`."""
    event_id: tuple[str, ...] = ()
    """Columns that name the event together, where the file has no id for it."""
    optional: frozenset[str] = frozenset()
    """Fields whose column the file may lack."""
    origin: "str | Mapping[str, str]" = field(default="", repr=False, compare=False)
    """What it was made from, YAML or pairs of names: the same again makes the same mapping."""

    @property
    def wide(self) -> bool:
        """True where a row is more than one event."""
        return len(self.events) > 1

    def wanted(self) -> Iterator[tuple[str, str]]:
        """Return each (our field, column of the file) that is read; a field may come again."""
        yield from self.columns.items()
        for part in self.events:
            yield from part.columns.items()


def by_columns(pairs: Mapping[str, str]) -> FileMapping:
    """Return the mapping of a file whose columns are called as ours are, except for these.

    Raises: MissingColumn if one of the names is none of ours.
    """
    unknown = sorted(set(pairs) - set(COLUMNS))
    if unknown:
        raise MissingColumn(
            f"the mapping names unknown columns: {', '.join(unknown)}",
            hint="docs/operate/data.md lists the columns",
        )
    person = {n: pairs.get(n, n) for n in COLUMNS if BY_NAME[n].per_person}
    rest = {n: pairs.get(n, n) for n in COLUMNS if not BY_NAME[n].per_person}
    # A column of the file that bears the name of a field which is mapped elsewhere means nothing.
    optional = frozenset(COLUMNS) - frozenset(REQUIRED) - frozenset(pairs)
    return FileMapping(person, (EventPart(rest),), optional=optional, origin=dict(pairs))


def steps(path: str) -> tuple[str, ...]:
    r"""Return the keys that a path leads through: `a.b` is `b` inside of `a`, `a\.b` is one key.

    Raises: ValueError if a step is empty.
    """
    found = tuple(_STEP.findall(path))
    if not found or ".".join(found) != path:
        raise ValueError("a path has a key between its dots")
    return tuple(re.sub(r"\\(.)", r"\1", step, flags=re.DOTALL) for step in found)
