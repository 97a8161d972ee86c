"""The text of records of which thousands come at once and say nearly the same.

A consent event has some thirty fields, and in a file of a million all but five repeat. So the text
of what repeats is kept, by its values, and only the fields marked as `own` are written anew.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

_MOST = 4096
"""Texts that are kept; beyond that they are forgotten and made again."""


class Member(NamedTuple):
    """One field: how it stands in the text, and whether it differs from record to record."""

    name: str
    text: Callable[[Any], str]
    """Writes the field with its key; empty to leave it out. May raise."""
    own: bool


class Template:
    """Writes the members of one kind of record, separated by commas."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = tuple(members)
        own = [m for m in members if m.own]
        rest = [m for m in members if not m.own]
        self._own_texts = tuple((m.name, m.text) for m in own)
        self._rest_texts = tuple(m.text for m in rest)
        self._own, self._rest = _getter(own), _getter(rest)
        self._known: dict[tuple[Any, ...], tuple[list[str], list[int]]] = {}

    def text(self, record: object, instead: Mapping[str, object]) -> str:
        """Return the text; `instead` has values that stand in place of own fields."""
        rest = self._rest(record)
        key = (rest, *map(type, rest))  # True is equal to 1, and is written otherwise
        try:
            known = self._known.get(key)
        except TypeError:  # a list where a tuple belongs: its codec says so better
            known = None
        texts, places = known or self._written(rest)
        if known is None:
            self._remember(key, texts, places)
        texts = texts.copy()
        for place, (name, text), value in zip(
            places, self._own_texts, self._own(record), strict=True
        ):
            texts[place] = text(instead.get(name, value))
        return ",".join(filter(None, texts))

    def _remember(self, key: tuple[Any, ...], texts: list[str], places: list[int]) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = texts, places

    def _written(self, rest: tuple[Any, ...]) -> tuple[list[str], list[int]]:
        """Write what repeats: runs of text, and the places between them that own fields take."""
        texts, places, run = list[str](), list[int](), list[str]()
        values = iter(rest)
        for member in self._members:
            if member.own:
                texts += [",".join(filter(None, run)), ""]
                places.append(len(texts) - 1)
                run = []
            else:
                run.append(member.text(next(values)))
        texts.append(",".join(filter(None, run)))
        return texts, places


def _getter(members: Sequence[Member]) -> Callable[[object], tuple[Any, ...]]:
    names = [m.name for m in members]
    if len(names) > 1:
        return operator.attrgetter(*names)
    if not names:
        return lambda _record: ()
    one = operator.attrgetter(names[0])
    return lambda record: (one(record),)
