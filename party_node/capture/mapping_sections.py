"""The sections of a mapping file, key by key; what is wrong is noted, and reading goes on.

Columns, constants, values and times stand outside of `events`, inside of it, or both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from party_node.capture import said
from party_node.capture.columns import BY_NAME, COLUMNS, NEVER_FROM_A_FILE, Column
from party_node.capture.mapping import (
    CSV,
    KEEP,
    PARQUET,
    REFUSE,
    SKIP,
    EventPart,
    WordMap,
    steps,
)
from party_node.capture.refusals import RowRefused
from party_node.capture.strict_yaml import Node
from party_node.capture.times import BadTimeFormat, TimeFormat

KEYS: Mapping[str, tuple[str, ...]] = {
    "": ("file", "columns", "constants", "values", "times", "event_id", "events"),
    "file": ("format", "delimiter", "encoding", "compression", "list_separator"),
    "values": ("words", "otherwise"),
    "times": ("format", "zone", "at"),
    "event_id": ("digest_of",),
    "events": ("suffix", "columns", "constants", "values", "times"),
}
"""Section → its keys. In columns, constants, values and times the keys are our fields."""


@dataclass(slots=True)
class Sections:
    """Reads sections, and collects what is wrong with them."""

    purposes: frozenset[str]
    faults: list[tuple[int, str]] = field(default_factory=list)
    """(line, key and what to do)."""
    separator: str = said.DEFAULT_SEPARATOR

    def fault(self, line: int, key: str, what: str) -> None:
        """Note a fault."""
        self.faults.append((line, f"{key}: {what}" if key else what))

    def part(self, keys: Mapping[str, Node], prefix: str, kind: str) -> EventPart:
        """Read the four sections; per-person columns stand outside only."""
        columns = self.columns(keys.get("columns"), f"{prefix}columns", kind)
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

    def columns(self, node: Node | None, key: str, kind: str) -> dict[str, str]:
        return {
            name: self.column(item, f"{key}.{name}", kind)
            for name, item in self._fields(node, key, lambda column: True, "")
        }

    def column(self, node: Node, key: str, kind: str) -> str:
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
            keys = self.keys(item, here, KEYS["values"])
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
                keys = self.keys(item, here, KEYS["times"])
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

    def keys(self, node: Node, key: str, known: tuple[str, ...]) -> dict[str, Node]:
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

    def among(self, node: Node | None, key: str, known: tuple[str, ...]) -> str:
        if node is None:
            return ""
        if not isinstance(node.value, str) or node.value not in known:
            self.fault(node.line, key, f"it is one of {', '.join(known)}")
            return ""
        return node.value

    def mark(self, node: Node | None, key: str) -> str:
        """Return one character that cannot be part of a word."""
        if node is None:
            return ""
        text = node.value
        if not isinstance(text, str) or len(text) != 1 or text.isalnum() or text in '"\r\n\0':
            self.fault(node.line, key, 'give one character, as ";", "|" or "\\t"')
            return ""
        return text
