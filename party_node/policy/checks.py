"""What must hold between the parts of a policy file: names that meet, no circle, no place twice."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from consent.contact_terms import CapTerm
from consent.purpose import Purpose
from consent.regimes import Regime
from consent.words import ANY_CHANNEL
from party_node.policy.faults import Wrong, all_of, wrong
from party_node.policy.overrides import with_defaults


def check_purposes(purposes: Sequence[Purpose], lines: Mapping[str, int]) -> None:
    """Return if every parent is there, no purpose lies under itself, and consent could hold.

    Raises: Wrong.
    """
    by_id = {p.purpose_id: p for p in purposes}
    all_of(partial(_check_purpose, p, by_id, lines[p.purpose_id]) for p in purposes)


def check_groups(caps: Sequence[CapTerm], purposes: Sequence[Purpose], line: int) -> None:
    """Return if every cap counts something: one over a group of no purpose holds nobody back.

    Raises: Wrong.
    """
    groups = {p.contact_group for p in purposes} | {ANY_CHANNEL}
    what = "no purpose has this contact_group: give it to one, or leave the group out"
    lost = [number for number, cap in enumerate(caps) if cap.group not in groups]
    if lost:
        raise Wrong((line, f"caps[{number}].group: {what}") for number in lost)


def check_regimes(
    said: Mapping[str, Mapping[str, Any]], defaults: Sequence[Regime], lines: Mapping[str, int]
) -> None:
    """Return if every new regime has places, and no place is given to two.

    Raises: Wrong.
    """
    all_of(partial(_check_regime, name, said, defaults, lines) for name in said)


def _check_purpose(purpose: Purpose, by_id: Mapping[str, Purpose], line: int) -> None:
    path = f"purposes.{purpose.purpose_id}"
    if purpose.renew_below > purpose.version:
        what = "no consent could ever hold: this is at most the version"
        raise wrong(line, f"{path}.renew_below", what)
    for parent in purpose.parents:
        if parent not in by_id:
            what = f"there is no purpose {parent}: add it, or take it out here"
            raise wrong(line, f"{path}.under", what)
    circle = _circle(purpose.purpose_id, by_id)
    if circle:
        told = " under ".join((*circle, circle[0]))
        raise wrong(line, f"{path}.under", f"the purposes go round in a circle: {told}")


def _circle(start: str, by_id: Mapping[str, Purpose]) -> tuple[str, ...]:
    """Return a way from a purpose up to itself, if there is one and no earlier name is on it."""
    before: dict[str, str] = {}
    layer = [start]
    while layer:
        above = [(p, child) for child in layer for p in by_id[child].parents if p in by_id]
        layer = []
        for parent, child in above:
            if parent == start:
                way = [child]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way)) if start == min(way) else ()
            if parent not in before:
                before[parent] = child
                layer.append(parent)
    return ()


def _check_regime(
    name: str,
    said: Mapping[str, Mapping[str, Any]],
    defaults: Sequence[Regime],
    lines: Mapping[str, int],
) -> None:
    path = f"regimes.{name}.places"
    if not said[name].get("places", name in {d.regime_id for d in defaults}):
        raise wrong(lines[name], path, "name the places that it is for")
    left = {r.regime_id for r in with_defaults(said, defaults)}
    if name not in left:
        raise wrong(lines[name], path, "other regimes have all its places: leave it one, or out")
    for other, fields in said.items():
        shared = set(fields.get("places", ())) & set(said[name].get("places", ()))
        if other < name and shared:
            what = f"{min(shared)} is a place of {other} too: leave it in one of the two"
            raise wrong(lines[name], path, what)
