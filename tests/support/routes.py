"""Routes, made ready once for all applications of a test process.

An application makes its routes ready when the first request comes: what is asked and answered there
becomes validators. That is half a second of a core for a node, and tests open thousands of nodes.
"""

import copy
from collections.abc import Hashable
from typing import Any

from fastapi import routing


def share_routes() -> None:
    """Let an application take a route as another has made it ready, if it includes it alike."""
    context = routing._EffectiveRouteContext
    usual, ready = context.from_api_route, dict[Hashable, Any]()

    def shared(*, original_route: routing.APIRoute, include_context: Any) -> Any:
        # What is ready keeps its route, so no other one will have its id.
        key = (id(original_route), include_context.prefix, tuple(include_context.dependencies))
        if not _plain(include_context):
            return usual(original_route=original_route, include_context=include_context)
        if key not in ready:
            made = usual(original_route=original_route, include_context=include_context)
            made.dependency_overrides_provider = None  # an application: it may go
            ready[key] = made
        found = copy.copy(ready[key])
        found.dependency_overrides_provider = include_context.dependency_overrides_provider
        return found

    context.from_api_route = shared  # type: ignore[method-assign,assignment]


def _plain(include: Any) -> bool:
    """Say if nothing but a prefix and dependencies come from where the route is included."""
    return not (include.tags or include.responses or include.callbacks or include.deprecated)
