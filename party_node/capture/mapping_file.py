"""The mapping file: YAML that says how another system's file is to be read, and checked whole.

Every fault is reported with its line, its key and what to do, and all of them at once.
`docs/operate/data.md` has a row for each key of `KEYS`; a test compares the two.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from party_node.capture import said, strict_yaml
from party_node.capture.columns import BY_NAME, COLUMNS, NEVER_FROM_A_FILE, Column
from party_node.capture.mapping import (
    COMPRESSIONS,
    CSV,
    ENCODINGS,
    KEEP,
    KINDS,
    PARQUET,
    REFUSE,
    SKIP,
    EventPart,
    FileForm,
    FileMapping,
    WordMap,
    steps,
)
from party_node.capture.refusals import RowRefused
from party_node.capture.strict_yaml import Node, NotStrict
from party_node.capture.times import BadTimeFormat, TimeFormat
from party_node.errors import InvalidMapping

KEYS: Mapping[str, tuple[str, ...]] = {
    "": ("file", "columns", "constants", "values", "times", "event_id", "events"),
    "file": ("format", "delimiter", "encoding", "compression", "list_separator"),
    "values": ("words", "otherwise"),
    "times": ("format", "zone", "at"),
    "event_id": ("digest_of",),
    "events": ("suffix", "columns", "constants", "values", "times"),
}
"""Section → its keys. In columns, constants, values and times the keys are our fields."""

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
    reader = _Reader(frozenset(purposes))
    found = reader.mapping(root, text)
    if reader.faults:
        shown = "; ".join(f"line {line}: {what}" for line, what in sorted(reader.faults)[:20])
        more = len(reader.faults) - _MAX_SHOWN
        raise InvalidMapping(shown + (f"; and {more} more" if more > 0 else ""))
    return found


@dataclass(slots=True)
class _Reader:
    """Reads one document and collects what is wrong with it."""

    purposes: frozenset[str]
    faults: list[tuple[int, str]] = field(default_factory=list)
    separator: str = said.DEFAULT_SEPARATOR

    def fault(self, line: int, key: str, what: str) -> None:
        self.faults.append((line, f"{key}: {what}" if key else what))

    # -- the document ------------------------------------------------------------------------------

    def mapping(self, root: Node, text: str) -> FileMapping:
        top = self._keys(root, "", KEYS[""])
        form = self._form(top.get("file"))
        columns = self._columns(top.get("columns"), "columns", form.kind)
        person = {n: c for n, c in columns.items() if BY_NAME[n].per_person}
        outer = self._part(top, "", form.kind)
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
        keys = {} if node is None else self._keys(node, "file", KEYS["file"])
        kind = self._among(keys.get("format"), "file.format", KINDS)
        delimiter = self._mark(keys.get("delimiter"), "file.delimiter")
        separator = self._mark(keys.get("list_separator"), "file.list_separator")
        self.separator = separator or said.DEFAULT_SEPARATOR
        encoding = self._among(keys.get("encoding"), "file.encoding", ENCODINGS) or ENCODINGS[0]
        compression = self._among(keys.get("compression"), "file.compression", COMPRESSIONS)
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
        keys = self._keys(node, "event_id", KEYS["event_id"])
        found = keys.get("digest_of")
        if found is None or not isinstance(found.value, list) or not found.value:
            line = node.line if found is None else found.line
            self.fault(line, "event_id.digest_of", "list the columns that name an event together")
            return []
        names = [self._column(item, "event_id.digest_of", kind) for item in found.value]
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
            keys = self._keys(item, key, KEYS["events"])
            inner = self._part(keys, f"{key}.", kind)
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

    # -- sections that stand outside and inside of `events` ----------------------------------------

    def _part(self, keys: Mapping[str, Node], prefix: str, kind: str) -> EventPart:
        """Read the four sections; per-person columns stand outside only."""
        columns = self._columns(keys.get("columns"), f"{prefix}columns", kind)
        if prefix:
            for name in columns:
                if BY_NAME[name].per_person:
                    line = keys["columns"].key_lines[name]
                    self.fault(
                        line, f"{prefix}columns.{name}", "a row has this once; name it above"
                    )
        mine = {n: c for n, c in columns.items() if not BY_NAME[n].per_person}
        times = self._times(keys.get("times"), f"{prefix}times")
        constants = self._constants(keys.get("constants"), f"{prefix}constants", times)
        for name in constants.keys() & columns.keys():
            line = keys["constants"].key_lines[name]
            self.fault(
                line, f"{prefix}constants.{name}", "a column fills this; keep one of the two"
            )
        return EventPart(
            mine, constants, self._values(keys.get("values"), f"{prefix}values"), times
        )

    def _columns(self, node: Node | None, key: str, kind: str) -> dict[str, str]:
        return {
            name: self._column(item, f"{key}.{name}", kind)
            for name, item in self._fields(node, key, lambda column: True, "")
        }

    def _column(self, node: Node, key: str, kind: str) -> str:
        name = node.value
        if not isinstance(name, str) or not name:
            self.fault(node.line, key, "give the name of one column of the file")
            return ""
        if kind not in (CSV, PARQUET):
            try:
                steps(name)
            except ValueError as e:
                if kind:
                    self.fault(node.line, key, f"{e}; write \\. for a dot inside of a key")
        return name

    def _constants(
        self, node: Node | None, key: str, times: Mapping[str, TimeFormat]
    ) -> dict[str, str]:
        found = {}
        because = "this differs from row to row; name its column"
        for name, item in self._fields(node, key, lambda column: column.constant, because):
            text = item.value
            if not isinstance(text, str) or not text.strip():
                self.fault(item.line, f"{key}.{name}", "give one value, or leave the field out")
            elif BY_NAME[name].instant:
                if not isinstance(times.get(name, TimeFormat()).reader()(text.strip()), int):
                    self.fault(
                        item.line, f"{key}.{name}", "give one instant, as 2026-01-05T10:00:00Z"
                    )
                found[name] = text.strip()
            else:
                found[name] = self._word(name, text.strip(), item.line, f"{key}.{name}")
        return found

    def _values(self, node: Node | None, key: str) -> dict[str, WordMap]:
        found = {}
        because = "words of this field cannot be translated; leave it out"
        for name, item in self._fields(node, key, lambda column: column.words, because):
            here = f"{key}.{name}"
            keys = self._keys(item, here, KEYS["values"])
            words = self._words(keys.get("words"), name, f"{here}.words", item.line)
            otherwise = REFUSE
            if "otherwise" in keys:
                last = keys["otherwise"]
                text = last.value if isinstance(last.value, str) else ""
                otherwise = text.strip()
                if otherwise not in (REFUSE, KEEP, SKIP):
                    self._word(name, otherwise, last.line, f"{here}.otherwise")
            found[name] = WordMap(words, otherwise)
        return found

    def _words(self, node: Node | None, name: str, key: str, line: int) -> dict[str, str]:
        if node is None or not isinstance(node.value, dict):
            self.fault(line, key, 'list the file\'s words and ours, as "Y": given')
            return {}
        words: dict[str, str] = {}
        for theirs, item in node.value.items():
            at = node.key_lines[theirs]
            if not isinstance(item.value, str):
                self.fault(at, key, "give one word of ours for each of the file's")
                continue
            ours = item.value.strip()
            if theirs != theirs.strip():
                self.fault(at, key, "cells are compared without blanks around them; leave them out")
            words[theirs] = (
                ours if ours in (SKIP, REFUSE, KEEP) else self._word(name, ours, at, key)
            )
        return words

    def _word(self, name: str, text: str, line: int, key: str) -> str:
        """Return one of our words, checked as a cell of that column would be."""
        # A region stands in for an empty jurisdiction; which one, the node knows.
        context = said.Context(self.purposes, "GB", self.separator)
        try:
            said.check(name, text, context)
        except RowRefused as e:
            kind = BY_NAME[name].one_of
            known = sorted(self.purposes) if name == "purpose" else [m.value for m in kind or ()]
            allowed = f"; it is one of {', '.join(known)}" if known else ""
            self.fault(line, key, f"a row with this would be refused ({e.reason}){allowed}")
        return text

    def _times(self, node: Node | None, key: str) -> dict[str, TimeFormat]:
        found = {}
        because = "this is no time; leave it out"
        for name, item in self._fields(node, key, lambda column: column.instant, because):
            here = f"{key}.{name}"
            if isinstance(item.value, str):
                parts = {"pattern": item.value}
            else:
                keys = self._keys(item, here, KEYS["times"])
                texts = {k: n.value if isinstance(n.value, str) else "" for k, n in keys.items()}
                for part in (k for k, text in texts.items() if not text):
                    self.fault(keys[part].line, f"{here}.{part}", "give one value, or leave it out")
                parts = {"zone": texts.get("zone", ""), "at": texts.get("at", "")}
                if "format" in texts:
                    parts["pattern"] = texts["format"]
            try:
                found[name] = TimeFormat(**parts)
            except BadTimeFormat as e:
                self.fault(item.line, here, str(e))
        return found

    # -- small pieces ------------------------------------------------------------------------------

    def _fields(
        self, node: Node | None, key: str, allowed: Callable[[Column], bool], because: str
    ) -> list[tuple[str, Node]]:
        """Return a section's entries whose keys are fields of ours that may stand there."""
        if node is None:
            return []
        if not isinstance(node.value, dict):
            self.fault(node.line, key, "list fields of ours, one on a line, as purpose: …")
            return []
        good = []
        for name, item in node.value.items():
            line, here = node.key_lines[name], f"{key}.{name}"
            if name in NEVER_FROM_A_FILE:
                self.fault(line, here, "the node sets this itself, no file can; leave it out")
            elif name not in BY_NAME:
                self.fault(line, here, f"there is no such field; fields are {', '.join(COLUMNS)}")
            elif not allowed(BY_NAME[name]):
                self.fault(line, here, because)
            else:
                good.append((name, item))
        return good

    def _keys(self, node: Node, key: str, known: tuple[str, ...]) -> dict[str, Node]:
        if not isinstance(node.value, dict):
            self.fault(node.line, key, f"write keys here: {', '.join(known)}")
            return {}
        for name in node.value:
            if name not in known:
                here = f"{key}.{name}" if key else name
                self.fault(
                    node.key_lines[name], here, f"there is no such key; keys are {', '.join(known)}"
                )
        return {name: item for name, item in node.value.items() if name in known}

    def _among(self, node: Node | None, key: str, known: tuple[str, ...]) -> str:
        if node is None:
            return ""
        if not isinstance(node.value, str) or node.value not in known:
            self.fault(node.line, key, f"it is one of {', '.join(known)}")
            return ""
        return node.value

    def _mark(self, node: Node | None, key: str) -> str:
        """Return one character that cannot be part of a word."""
        if node is None:
            return ""
        text = node.value
        if not isinstance(text, str) or len(text) != 1 or text.isalnum() or text in '"\r\n\0':
            self.fault(node.line, key, 'give one character, as ";", "|" or "\\t"')
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
