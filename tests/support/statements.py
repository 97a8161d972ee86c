"""Compiled statements, shared by all databases of a test process.

An engine compiles each statement once and keeps it. Tests open thousands of databases, each with an
engine of its own that would begin anew: a seventh of the time of tests with a database.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

_MOST = 5_000


class _Statements:
    """Stands in for the cache of every engine; what is compiled depends on the kind of database."""

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(_MOST)

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._kept.get(_named(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[_named(key)] = compiled

    def clear(self) -> None:
        self._kept.clear()


def _named(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *others = key
    return (dialect.name, *others)


def share_statements() -> None:
    """Let all engines of this process have one cache; none keeps its own."""
    shared = _Statements()
    # An engine sets the attribute when it is made: a property takes no notice.
    Engine._compiled_cache = property(lambda _: shared, lambda _, own: None)  # type: ignore[assignment]
