"""Regimes as a policy file says them: what differs from those that Accord comes with."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from consent.regimes import DEFAULT_REGIMES, Regime


def with_defaults(
    said: Mapping[str, Mapping[str, Any]], defaults: Sequence[Regime] = DEFAULT_REGIMES
) -> tuple[Regime, ...]:
    """Return the regimes that a file comes to that says these fields of these regimes.

    One that is not named stays as Accord has it; but a place that the file gives to one is taken
    from the others.
    """
    taken = {place for fields in said.values() for place in fields.get("places", ())}
    found = []
    for regime in defaults:
        own = dict(said.get(regime.regime_id, {}))
        kept = tuple(p for p in regime.places if p not in taken)
        places = own.pop("places", kept)
        if places:
            found.append(dataclasses.replace(regime, places=places, **own))
    known = {regime.regime_id for regime in defaults}
    found += [
        Regime(**{"regime_id": n, "places": (), **f}) for n, f in said.items() if n not in known
    ]
    return tuple(found)
