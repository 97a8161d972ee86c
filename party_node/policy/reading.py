"""Reading a policy file: YAML as people write it, to the vocabulary that a node decides by.

Read strictly, whole, and with every fault named at once: line, place in the document, what to do.
What stands in the file is not repeated in an error, save names that it must have. Notices do not
stand in it: they come in by `accord notice publish`, with their text.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from consent.canonical import MAX_BYTES, canonical_bytes
from consent.errors import MalformedRecord
from consent.notice import Notice
from consent.purpose import Purpose
from consent.regimes import DEFAULT_REGIMES, Regime
from consent.vocabulary import Vocabulary
from consent.words import EVERYWHERE
from party_node.capture import strict_yaml
from party_node.capture.strict_yaml import Node, NotStrict
from party_node.errors import InvalidPolicy
from party_node.policy import kinds
from party_node.policy.faults import Wrong, all_of, wrong
from party_node.policy.keys import CONTROLLER, PARTS, TOP, Section, mapping_of, read_keys

_MAX_SHOWN = 20


def read_policy(text: str, notices: Sequence[Notice] = ()) -> Vocabulary:
    """Read the YAML text of a policy; `notices` are those that are published.

    Raises: InvalidPolicy, naming each fault.
    """
    try:
        root = strict_yaml.read(text)
        found = _vocabulary(mapping_of(root, "", TOP), tuple(notices))
    except NotStrict as e:
        raise InvalidPolicy(str(e)) from None
    except Wrong as e:
        raise InvalidPolicy(_told(e)) from None
    check_storable(found)
    return found


def check_storable(vocabulary: Vocabulary) -> None:
    """Return if the vocabulary can be stored and read again.

    Raises: InvalidPolicy if it is too large.
    """
    if len(canonical_bytes(vocabulary.to_payload())) > MAX_BYTES:
        raise InvalidPolicy(
            f"with its notices the policy has more than {MAX_BYTES:,} bytes",
            hint="take out parts that nobody uses any more",
        )


def with_defaults(
    said: Mapping[str, Mapping[str, Any]], defaults: Sequence[Regime] = DEFAULT_REGIMES
) -> tuple[Regime, ...]:
    """Return the regimes that a file comes to that says these fields of these regimes.

    One that is not named stays as Accord has it; but a place that the file gives to one is taken
    from the others.

    Raises: Wrong if a new one has no places.
    """
    taken = {place for fields in said.values() for place in fields.get("places", ())}
    found = []
    for regime in defaults:
        own = dict(said.get(regime.regime_id, {}))
        kept = tuple(p for p in regime.places if p not in taken)
        places = own.pop("places", kept)
        if places:
            found.append(_changed(regime, own | {"places": places}))
    known = {regime.regime_id for regime in defaults}
    found += [Regime(regime_id=n, **dict(f)) for n, f in said.items() if n not in known]
    return tuple(found)


def _vocabulary(top: Mapping[str, Node], notices: tuple[Notice, ...]) -> Vocabulary:
    purposes, recipients, sources, regimes, (controller, to_renew) = all_of(
        [
            lambda: _purposes(top),
            lambda: _records(top, PARTS["recipients"]),
            lambda: _records(top, PARTS["sources"]),
            lambda: _regimes(top),
            lambda: _rest(top),
        ]
    )
    try:
        return Vocabulary(
            purposes=purposes,
            recipients=recipients,
            sources=sources,
            regimes=regimes,
            notices=notices,
            notices_to_renew=frozenset(to_renew),
            **controller,
        )
    except MalformedRecord as e:
        raise wrong(1, "", f"the parts do not fit together: {e}") from None


def _rest(top: Mapping[str, Node]) -> Any:
    controller = (
        read_keys(top["controller"], "controller", CONTROLLER) if "controller" in top else {}
    )
    node = top.get("notices_to_renew")
    return controller, () if node is None else kinds.HASHES.read(node, "notices_to_renew")


def _parts(top: Mapping[str, Node], section: Section) -> Mapping[str, Node]:
    """Return the nodes of one section by their names."""
    node = top.get(section.key)
    if node is None:
        return {}
    found = mapping_of(node, section.key)
    all_of(partial(_check_name, section, name, node) for name in found)
    return found


def _check_name(section: Section, name: str, node: Node) -> None:
    try:
        section.name(name)
    except ValueError as e:
        raise wrong(node.key_lines[name], section.key, str(e)) from None


def _fields(top: Mapping[str, Node], section: Section) -> dict[str, dict[str, Any]]:
    def one(name: str, node: Node) -> tuple[str, dict[str, Any]]:
        return name, read_keys(node, f"{section.key}.{name}", section.keys)

    return dict(all_of(partial(one, n, node) for n, node in _parts(top, section).items()))


def _records(top: Mapping[str, Node], section: Section) -> tuple[Any, ...]:
    found = _fields(top, section)
    return tuple(section.record(**{section.id_field: n}, **f) for n, f in found.items())


def _purposes(top: Mapping[str, Node]) -> tuple[Purpose, ...]:
    if "purposes" not in top:
        raise wrong(1, "purposes", "this is missing: a policy names its purposes")
    found = _fields(top, PARTS["purposes"])
    purposes = [
        Purpose(**{"purpose_id": n, "operations": (), **fields}) for n, fields in found.items()
    ]
    lines = top["purposes"].key_lines
    by_id = {p.purpose_id: p for p in purposes}
    all_of(partial(_check_purpose, p, by_id, lines[p.purpose_id]) for p in purposes)
    return tuple(purposes)


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


def _regimes(top: Mapping[str, Node]) -> tuple[Regime, ...]:
    said = _fields(top, PARTS["regimes"])
    node = top.get("default_regimes")
    defaults = DEFAULT_REGIMES if node is None or kinds.FLAG.read(node, "default_regimes") else ()
    lines = top["regimes"].key_lines if said else {}
    all_of(partial(_check_regime, name, said, defaults, lines) for name in said)
    regimes = with_defaults(said, defaults)
    if not any(EVERYWHERE in regime.places for regime in regimes):
        what = 'one regime must be for every place that no other names: give it the place "*"'
        raise wrong(1 if not lines else min(lines.values()), "regimes", what)
    return regimes


def _check_regime(
    name: str,
    said: Mapping[str, Mapping[str, Any]],
    defaults: Sequence[Regime],
    lines: Mapping[str, int],
) -> None:
    path = f"regimes.{name}.places"
    if not said[name].get("places", name in {d.regime_id for d in defaults}):
        raise wrong(lines[name], path, "name the places that it is for")
    for other, fields in said.items():
        shared = set(fields.get("places", ())) & set(said[name].get("places", ()))
        if other < name and shared:
            what = f"{min(shared)} is a place of {other} too: leave it in one of the two"
            raise wrong(lines[name], path, what)


def _changed(regime: Regime, fields: Mapping[str, Any]) -> Regime:
    values = {slot: getattr(regime, slot) for slot in regime.__dataclass_fields__}
    return Regime(**values | dict(fields))


def _told(found: Wrong) -> str:
    faults = sorted(set(found.faults))
    shown = "; ".join(f"line {line}: {what}" for line, what in faults[:_MAX_SHOWN])
    more = len(faults) - _MAX_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")
