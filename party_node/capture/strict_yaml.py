"""YAML as a person writes settings, read strictly: every scalar is text, every line is known.

YAML reads `no` as false and `NO` (Norway) too, silently keeps the last of two equal keys, and lets
a small file unfold into a huge one. None of that here: scalars stay as they were typed, a key
stands once, and there are no anchors and no tags. JSON is YAML, so it can be read as well.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

MAX_TEXT = 262_144
_MAX_DEPTH = 8
_PLAIN_TAGS = frozenset({f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")})

Value: TypeAlias = "str | list[Node] | dict[str, Node]"


class NotStrict(ValueError):
    """A text is not YAML of this kind; the message says where, and repeats none of it."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands."""

    value: Value
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)
    """Of a mapping: where each key stands."""


def read(text: str, max_depth: int = _MAX_DEPTH) -> Node:
    """Read one document.

    Raises: NotStrict.
    """
    if len(text) > MAX_TEXT:
        raise NotStrict(f"the text is longer than {MAX_TEXT:,} characters")
    try:
        _check_events(text, max_depth)
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as e:
        where = f"line {e.problem_mark.line + 1}: " if e.problem_mark else ""
        raise NotStrict(f"{where}this is not YAML") from None
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        if isinstance(e, NotStrict):
            raise
        raise NotStrict("the text is not YAML") from None
    if root is None:
        raise NotStrict("the text is empty")
    return _node(root)


def _check_events(text: str, max_depth: int) -> None:
    """Refuse what must not even be composed."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        line = _line_of(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise NotStrict(f"line {line}: anchors and aliases are not allowed; write it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > max_depth:
                raise NotStrict(f"line {line}: this is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _node(found: yaml.Node) -> Node:
    line = _line_of(found)
    if found.tag not in _PLAIN_TAGS:
        raise NotStrict(f"line {line}: tags are not allowed; write the plain value")
    if isinstance(found, yaml.ScalarNode):
        return Node(found.value, line)
    if isinstance(found, yaml.SequenceNode):
        return Node([_node(item) for item in found.value], line)
    values: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in found.value:
        key_line = _line_of(key)
        if not isinstance(key, yaml.ScalarNode):
            raise NotStrict(f"line {key_line}: a key is a word")
        if key.value in values:
            raise NotStrict(
                f"line {key_line}: the same key stands on line {lines[key.value]} already"
            )
        values[key.value], lines[key.value] = _node(value), key_line
    return Node(values, line, lines)


def _line_of(found: "yaml.Node | yaml.Event") -> int:
    return 1 if found.start_mark is None else found.start_mark.line + 1
