"""Writing a vocabulary as a policy file, which reads back to the same vocabulary.

Regimes that are as Accord has them are left out, and so is every field at its default. The notices
are told in comments: they come in with their texts, by another command.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from typing_extensions import override

from consent.regimes import DEFAULT_REGIMES, Regime
from consent.vocabulary import Vocabulary
from party_node.policy import kinds
from party_node.policy.keys import CONTROLLER, LISTS, REGIME, SECTIONS, write_keys
from party_node.policy.overrides import with_defaults

_WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, everything else one key a line; no aliases."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Line(dict[str, Any]):
    """A mapping that is written on one line."""


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    flow = not any(isinstance(item, _Line) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


def _line(dumper: yaml.SafeDumper, item: _Line) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", item, flow_style=True)


_Dumper.add_representer(list, _list)
_Dumper.add_representer(_Line, _line)


def write_policy(vocabulary: Vocabulary) -> str:
    """Return the YAML text of a policy."""
    document = plain(vocabulary)
    parts = ["\n".join(_head(vocabulary)) + "\n"]
    parts += [_dumped({key: value}) for key, value in document.items()]
    return "\n".join(parts)


def plain(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the document as plain data: what stands in the file."""
    controller = {
        key.key: getattr(vocabulary, key.field)
        for key in CONTROLLER
        if getattr(vocabulary, key.field)
    }
    document: dict[str, Any] = {"controller": controller} if controller else {}
    for section in SECTIONS:
        if section.key == "regimes":
            document |= _regimes(vocabulary.regimes)
            continue
        parts = getattr(vocabulary, section.key)
        written = {getattr(p, section.id_field): write_keys(p, section.keys) for p in parts}
        if written or section.key == "purposes":
            document[section.key] = written
    for key, (_, keys) in LISTS.items():
        if terms := getattr(vocabulary, key):
            document[key] = [_Line(write_keys(term, keys)) for term in terms]
    if vocabulary.notices_to_renew:
        document["notices_to_renew"] = kinds.HASHES.write(sorted(vocabulary.notices_to_renew))
    return document


def _regimes(regimes: Sequence[Regime]) -> dict[str, Any]:
    """Write what differs from Accord's own, or all of them where that cannot be said so."""
    defaults = {regime.regime_id: regime for regime in DEFAULT_REGIMES}
    differing = {
        r.regime_id: _differing(r, defaults.get(r.regime_id))
        for r in regimes
        if r != defaults.get(r.regime_id)
    }
    # Places that another regime took need not be said.
    shorter = {
        name: {f: v for f, v in fields.items() if f != "places" or name not in defaults}
        for name, fields in differing.items()
    }
    for said in ({n: f for n, f in shorter.items() if f}, differing):
        if with_defaults(said) == tuple(regimes):
            written = {name: _written(fields) for name, fields in said.items()}
            return {"regimes": written} if written else {}
    whole = {r.regime_id: write_keys(r, REGIME) for r in regimes}
    return {"default_regimes": False, "regimes": whole}


def _differing(regime: Regime, default: Regime | None) -> dict[str, Any]:
    """Return the fields that must be said: those that are not what they are if nothing is."""
    like = Regime(regime_id=regime.regime_id, places=()) if default is None else default
    found = {key.field: getattr(regime, key.field) for key in REGIME}
    return {field: value for field, value in found.items() if value != getattr(like, field)}


def _written(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key.key: key.kind.write(fields[key.field]) for key in REGIME if key.field in fields}


def _head(vocabulary: Vocabulary) -> Iterator[str]:
    yield "# A policy of Accord: docs/operate/policy.md. Check it with: accord policy check FILE"
    if vocabulary.notices:
        yield "# Published notices, which stay as they are when this file is applied:"
    for notice in sorted(vocabulary.notices, key=lambda n: (n.notice_id, n.version, n.language)):
        said = f"{notice.notice_id} version {notice.version} ({notice.language})"
        yield f"#   {notice.notice_hash.hex()}  {said}"


def _dumped(document: dict[str, Any]) -> str:
    return yaml.dump(
        document, Dumper=_Dumper, allow_unicode=True, default_flow_style=False,
        sort_keys=False, width=_WIDTH,
    )  # fmt: skip
