"""Reading a policy file: YAML as people write it, to the vocabulary that a node decides by.

Read strictly, whole, and with every fault named at once: line, place in the document, what to do.
What stands in the file is not repeated in an error, save names that it must have. Notices do not
stand in it: they come in by `accord notice publish`, with their text.
"""

from collections.abc import Callable, Mapping, Sequence
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
from party_node.policy import kinds
from party_node.policy.checks import check_groups, check_purposes, check_regimes
from party_node.policy.errors import InvalidPolicy
from party_node.policy.faults import Wrong, all_of, wrong
from party_node.policy.keys import (
    CONTROLLER,
    LISTS,
    PARTS,
    TOP,
    Section,
    made,
    mapping_of,
    read_keys,
)
from party_node.policy.overrides import with_defaults

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


def _vocabulary(top: Mapping[str, Node], notices: tuple[Notice, ...]) -> Vocabulary:
    readings: dict[str, Callable[[], Any]] = {
        "purposes": lambda: _purposes(top),
        "recipients": lambda: _records(top, PARTS["recipients"]),
        "sources": lambda: _records(top, PARTS["sources"]),
        "regimes": lambda: _regimes(top),
        "hours": lambda: _listed(top, "hours"),
        "caps": lambda: _listed(top, "caps"),
        "notices_to_renew": lambda: _to_renew(top),
        "controller": lambda: _controller(top),
    }
    found = dict(zip(readings, all_of(readings.values()), strict=True))
    if found["caps"]:
        check_groups(found["caps"], found["purposes"], top["caps"].line)
    try:
        return Vocabulary(notices=notices, **found.pop("controller"), **found)
    except MalformedRecord as e:
        raise wrong(1, "", f"the parts do not fit together: {e}") from None


def _controller(top: Mapping[str, Node]) -> dict[str, Any]:
    node = top.get("controller")
    return {} if node is None else read_keys(node, "controller", CONTROLLER)


def _to_renew(top: Mapping[str, Node]) -> frozenset[bytes]:
    node = top.get("notices_to_renew")
    found = () if node is None else kinds.HASHES.read(node, "notices_to_renew")
    return frozenset(found)


def _listed(top: Mapping[str, Node], key: str) -> tuple[Any, ...]:
    """Return the parts of a list, in their order."""
    node = top.get(key)
    if node is None:
        return ()
    if not isinstance(node.value, list):
        raise wrong(node.line, key, "write a list: one - {…} a line")
    record, keys = LISTS[key]

    def one(number: int, node: Node) -> Any:
        path = f"{key}[{number}]"
        return made(node, path, record, read_keys(node, path, keys))

    return tuple(all_of(partial(one, number, item) for number, item in enumerate(node.value)))


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
    found, nodes = _fields(top, section), _parts(top, section)

    def one(name: str, fields: dict[str, Any]) -> Any:
        # A purpose without operations only holds narrower ones together.
        without = {"operations": ()} if section.record is Purpose else {}
        named = {section.id_field: name, **without, **fields}
        return made(nodes[name], f"{section.key}.{name}", section.record, named)

    return tuple(all_of(partial(one, name, fields) for name, fields in found.items()))


def _purposes(top: Mapping[str, Node]) -> tuple[Purpose, ...]:
    if "purposes" not in top:
        raise wrong(1, "purposes", "this is missing: a policy names its purposes")
    purposes: tuple[Purpose, ...] = _records(top, PARTS["purposes"])
    check_purposes(purposes, top["purposes"].key_lines)
    return purposes


def _regimes(top: Mapping[str, Node]) -> tuple[Regime, ...]:
    said = _fields(top, PARTS["regimes"])
    node = top.get("default_regimes")
    defaults = DEFAULT_REGIMES if node is None or kinds.FLAG.read(node, "default_regimes") else ()
    lines = top["regimes"].key_lines if said else {}
    check_regimes(said, defaults, lines)
    regimes = with_defaults(said, defaults)
    if not any(EVERYWHERE in regime.places for regime in regimes):
        what = 'one regime must be for every place that no other names: give it the place "*"'
        raise wrong(1 if not lines else min(lines.values()), "regimes", what)
    return regimes


def _told(found: Wrong) -> str:
    faults = sorted(set(found.faults))
    shown = "; ".join(f"line {line}: {what}" for line, what in faults[:_MAX_SHOWN])
    more = len(faults) - _MAX_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")
