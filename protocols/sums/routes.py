"""The ways in which aligned sums can be computed: the same input and output, other costs.

A route is loaded when it is asked for, because each brings a heavy library.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from protocols.errors import InvalidParameter
from protocols.session import TwoParty

ROUTES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bfv": ("protocols.sums.bfv", "SUMS_BFV"),
        "cot": ("protocols.sums.cot", "SUMS"),
        "cot-narrow": ("protocols.sums.cot", "NARROW"),
    }
)
"""By short name: the module of the protocol, and its value there."""


def find(route: str) -> TwoParty:
    """Return the protocol of a route.

    Raises: InvalidParameter, naming the known ones.
    """
    if route not in ROUTES:
        raise InvalidParameter(f"unknown route; known are {', '.join(sorted(ROUTES))}")
    module, name = ROUTES[route]
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as e:
        raise InvalidParameter("this route is not part of this installation") from e
    if not isinstance(found, TwoParty):
        raise InvalidParameter("this route is no protocol of two parties")
    return found
