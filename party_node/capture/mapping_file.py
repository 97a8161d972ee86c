"""The mapping file: YAML that says how another system's file is to be read, and checked whole.

Every fault is reported with its line, its key and what to do, and all of them at once.
`docs/operate/data.md` has a row for each key of `KEYS`; a test compares the two.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from party_node.capture import said, strict_yaml
from party_node.capture.columns import BY_NAME
from party_node.capture.errors import InvalidMapping
from party_node.capture.mapping import (
    COMPRESSIONS,
    CSV,
    ENCODINGS,
    KINDS,
    PARQUET,
    EventPart,
    FileForm,
    FileMapping,
)
from party_node.capture.mapping_sections import KEYS, Sections
from party_node.capture.strict_yaml import Node, NotStrict

MAX_EVENTS = 100
_MAX_SHOWN = 20
_SUFFIX = re.compile(r"[!-\"$-~]{1,32}", re.ASCII)
"""Printable ASCII but `#`, which marks the second entry of an objection that counts for two."""


def parse(text: str, purposes: Iterable[str]) -> FileMapping:
    """Read the YAML text of a mapping; `purposes` are those of the vocabulary.

    Raises: InvalidMapping, naming each fault with its line.
    """
    try:
        root = strict_yaml.read(text)
    except NotStrict as e:
        raise InvalidMapping(str(e)) from None
    reader = _Document(frozenset(purposes))
    found = reader.mapping(root, text)
    faults = sorted(set(reader.faults))
    if faults:
        shown = "; ".join(f"line {line}: {what}" for line, what in faults[:_MAX_SHOWN])
        more = len(faults) - _MAX_SHOWN
        raise InvalidMapping(shown + (f"; and {more} more" if more > 0 else ""))
    return found


def read_text(path: Path) -> str:
    """Return the text of a mapping file.

    Raises: InvalidMapping.
    """
    try:
        if not path.is_file():
            raise InvalidMapping(f"there is no file {path}", hint="check the path")
        with path.open("rb") as file:
            return file.read(4 * strict_yaml.MAX_TEXT + 1).decode("utf-8-sig")
    except OSError as e:
        raise InvalidMapping(f"{path.name}: {e.strerror}", hint="check the path") from None
    except UnicodeDecodeError:
        raise InvalidMapping(f"{path.name} is not UTF-8", hint="save it as UTF-8") from None


class _Document(Sections):
    """Reads one document."""

    def mapping(self, root: Node, text: str) -> FileMapping:
        top = self.keys(root, "", KEYS[""])
        form = self._form(top.get("file"))
        columns = self.columns(top.get("columns"), "columns", form.kind)
        person = {n: c for n, c in columns.items() if BY_NAME[n].per_person}
        outer = self.part(top, "", form.kind)
        event_id = self._event_id(top.get("event_id"), form.kind)
        if "events" in top:
            events = self._events(top["events"], outer, form.kind)
        else:
            events = [outer]
            self._check_complete(outer, "", root.line)
        if not self.faults:
            self._check_person(person, event_id, root.line)
        return FileMapping(
            person, tuple(events), form, self.separator, tuple(event_id), origin=text
        )

    def _check_person(self, person: Mapping[str, str], event_id: list[str], line: int) -> None:
        if not person.keys() & {"email", "phone"}:
            self.fault(line, "columns", "name the column of `email` or of `phone`")
        if ("source_event_id" in person) == bool(event_id):
            self.fault(
                line,
                "columns",
                "name the column of `source_event_id`, or `event_id.digest_of` if there is none:"
                " one of the two",
            )

    def _check_complete(self, part: EventPart, key: str, line: int) -> None:
        """A row must say which purpose, which state and when."""
        filled = part.columns.keys() | part.constants.keys()
        for name in ("purpose", "state", "event_time"):
            if name not in filled and not self.faults:
                self.fault(line, key, f"say where `{name}` comes from, in columns or constants")
        for where in ("values", "times"):
            for name in getattr(part, where).keys() - filled:
                self.fault(line, f"{where}.{name}", "nothing fills this field; name its column")

    def _form(self, node: Node | None) -> FileForm:
        keys = {} if node is None else self.keys(node, "file", KEYS["file"])
        kind = self.among(keys.get("format"), "file.format", KINDS)
        delimiter = self.mark(keys.get("delimiter"), "file.delimiter")
        separator = self.mark(keys.get("list_separator"), "file.list_separator")
        self.separator = separator or said.DEFAULT_SEPARATOR
        encoding = self.among(keys.get("encoding"), "file.encoding", ENCODINGS) or ENCODINGS[0]
        compression = self.among(keys.get("compression"), "file.compression", COMPRESSIONS)
        for key, given in (("delimiter", delimiter), ("encoding", keys.get("encoding"))):
            if given and kind and (kind == PARQUET or (key == "delimiter" and kind != CSV)):
                self.fault(keys[key].line, f"file.{key}", f"{kind} files have none; leave it out")
        if kind == PARQUET and compression:
            self.fault(
                keys["compression"].line,
                "file.compression",
                "a Parquet file is compressed inside; leave it out",
            )
        return FileForm(kind, delimiter, encoding, compression)

    def _event_id(self, node: Node | None, kind: str) -> list[str]:
        if node is None:
            return []
        keys = self.keys(node, "event_id", KEYS["event_id"])
        found = keys.get("digest_of")
        if found is None or not isinstance(found.value, list) or not found.value:
            line = node.line if found is None else found.line
            self.fault(line, "event_id.digest_of", "list the columns that name an event together")
            return []
        names = [self.column(item, "event_id.digest_of", kind) for item in found.value]
        if len(set(names)) != len(names):
            self.fault(found.line, "event_id.digest_of", "name each column once")
        return names

    def _events(self, node: Node, outer: EventPart, kind: str) -> list[EventPart]:
        if not isinstance(node.value, list) or not 1 <= len(node.value) <= MAX_EVENTS:
            self.fault(node.line, "events", f"list 1 to {MAX_EVENTS} events")
            return []
        parts: list[EventPart] = []
        for number, item in enumerate(node.value):
            key = f"events[{number}]"
            keys = self.keys(item, key, KEYS["events"])
            inner = self.part(keys, f"{key}.", kind)
            suffix = self._suffix(keys.get("suffix"), key, item.line)
            part = _over(outer, inner, suffix)
            self._check_complete(part, key, item.line)
            for other in parts:
                if suffix and (other.suffix.endswith(suffix) or suffix.endswith(other.suffix)):
                    self.fault(
                        item.line,
                        f"{key}.suffix",
                        "one suffix ends with another, so two events could get the same id;"
                        " choose others",
                    )
            parts.append(part)
        for where in ("values", "times"):
            for name in getattr(outer, where):
                if not any(name in part.columns or name in part.constants for part in parts):
                    self.fault(node.line, f"{where}.{name}", "nothing fills this field")
        return parts

    def _suffix(self, node: Node | None, key: str, line: int) -> str:
        text = "" if node is None else node.value
        if not isinstance(text, str) or _SUFFIX.fullmatch(text) is None:
            self.fault(
                line,
                f"{key}.suffix",
                "give a suffix for the event's id, 1 to 32 ASCII characters without # and blanks",
            )
            return ""
        return text


def _over(outer: EventPart, inner: EventPart, suffix: str) -> EventPart:
    """Return what an event says in addition to, and instead of, what stands outside."""
    columns = {n: c for n, c in outer.columns.items() if n not in inner.constants}
    constants = {n: c for n, c in outer.constants.items() if n not in inner.columns}
    columns.update(inner.columns)
    constants.update(inner.constants)
    return EventPart(
        columns,
        constants,
        {n: m for n, m in {**outer.values, **inner.values}.items() if n in columns},
        {**outer.times, **inner.times},
        suffix,
    )
