"""The keys of a policy file, section by section: which field each fills, and what may stand there.

Reading, writing and telling what changed all go by these tables. `docs/operate/policy.md` has a
row for each key; a test compares the two.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from consent.contact_terms import CapTerm, HoursTerm
from consent.errors import MalformedRecord
from consent.fields import Payload
from consent.preferences import CapBasis, Per
from consent.purpose import Purpose, SignalTerms
from consent.recipients import Recipient, Source
from consent.regimes import Regime
from consent.words import Basis, Operation, Role
from party_node.capture.strict_yaml import Node
from party_node.policy import kinds
from party_node.policy.faults import Wrong, all_of, wrong
from party_node.policy.kinds import Kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    key: str
    field: str
    """Name of the field in the record."""
    kind: Kind
    required: bool = False


Keys = tuple[Key, ...]
_WORD = re.compile("[A-Za-z][A-Za-z_-]{0,39}", re.ASCII)


def mapping_of(node: Node, path: str, known: Iterable[str] | None = None) -> Mapping[str, Node]:
    """Return the entries of a mapping; with `known`, there may be no other keys.

    Raises: Wrong.
    """
    if not isinstance(node.value, dict):
        raise wrong(node.line, path, "write key: value here, one a line")
    keys = None if known is None else list(known)
    unknown = [] if keys is None else [k for k in node.value if k not in keys]
    if keys is not None and unknown:
        raise Wrong((node.key_lines[k], _unknown(path, k, keys)) for k in unknown)
    return node.value


def _unknown(path: str, key: str, keys: Iterable[str]) -> str:
    # What is no key may be anything, also something that must not be repeated.
    where = ".".join(p for p in (path, key if _WORD.fullmatch(key) else "") if p)
    what = f"there is no such key: keys are {', '.join(keys)}"
    return f"{where}: {what}" if where else what


def read_keys(node: Node, path: str, keys: Keys) -> dict[str, Any]:
    """Return the fields that a mapping with these keys fills.

    Raises: Wrong for a key that is none of them, a missing one, and everything below.
    """
    values = mapping_of(node, path, (k.key for k in keys))

    def one(key: Key) -> tuple[str, Any]:
        where = f"{path}.{key.key}"
        if key.key not in values:
            raise wrong(node.line, where, "this is missing: write it")
        return key.field, key.kind.read(values[key.key], where)

    return dict(all_of(partial(one, k) for k in keys if k.required or k.key in values))


def write_keys(record: Payload, keys: Keys) -> dict[str, Any]:
    """Return the mapping that `read_keys` reads; fields at their default are left out."""
    defaults = {f.name: f.default for f in dataclasses.fields(record)}  # type: ignore[arg-type]
    said = [(k, getattr(record, k.field)) for k in keys]
    return {k.key: k.kind.write(value) for k, value in said if value != defaults[k.field]}


def made(node: Node, path: str, record: type[Payload], fields: Mapping[str, Any]) -> Any:
    """Return the record with these fields. Raises: Wrong if it refuses them."""
    try:
        return record(**fields)
    except MalformedRecord as e:
        raise wrong(node.line, path, str(e)) from None


def _record(kind: type[Payload], keys: Keys) -> Kind:
    return Kind(
        lambda node, path: made(node, path, kind, read_keys(node, path, keys)),
        lambda value: write_keys(value, keys),
    )


SIGNALS = (
    Key("gpc", "gpc", kinds.FLAG),
    Key("gpp", "gpp", kinds.WORDS),
    Key("tcf", "tcf", kinds.NUMBERS_TO_24),
    Key("tcf_vendor", "tcf_vendor", kinds.number(1, 65_535)),
)
PURPOSE = (
    Key("title", "title", kinds.TEXT, required=True),
    Key("under", "parents", kinds.NAMES),
    Key("operations", "operations", kinds.several(kinds.choice(Operation))),
    Key("version", "version", kinds.number(1, 1_000_000)),
    Key("renew_below", "renew_below", kinds.number(1, 1_000_000)),
    Key("validity", "validity", kinds.DURATION),
    Key("legal_basis", "legal_basis", kinds.BASES),
    Key("separate_consent", "requires_separate_consent", kinds.PLACES_OR_EVERYWHERE),
    Key("dpv", "dpv_iris", kinds.DPV_TERMS),
    Key("data_uses", "data_uses", kinds.NAMES),
    Key("data", "pii_types", kinds.NAMES),
    Key("sensitive", "sensitive", kinds.NAMES),
    Key("primary", "primary", kinds.FLAG),
    Key("retention", "retention", kinds.DURATION),
    Key("storage", "storage", kinds.PLACES),
    Key("contact_group", "contact_group", kinds.NAME),
    Key("transactional", "transactional", kinds.FLAG),
    Key("signals", "signals", _record(SignalTerms, SIGNALS)),
)
RECIPIENT = (
    Key("name", "name", kinds.TEXT, required=True),
    Key("role", "role", kinds.choice(Role)),
    Key("version", "version", kinds.number(1, 1_000_000)),
    Key("country", "country", kinds.PLACE),
    Key("contact", "contact", kinds.TEXT),
    Key("address", "address", kinds.TEXT),
    Key("contract", "contract", kinds.TEXT),
)
SOURCE = (
    Key("trust", "trust", kinds.number(0, 9)),
    Key("first_hand", "first_hand", kinds.FLAG),
    Key("backdate_days", "backdate_days", kinds.number(0, 36_500)),
    Key("child_directed", "child_directed", kinds.FLAG),
)
REGIME = (
    Key("places", "places", kinds.PLACES_OR_EVERYWHERE),
    Key("basis", "basis", kinds.choice(Basis)),
    Key("guardian_below", "guardian_below", kinds.number(0, 18)),
    Key("answer_days", "answer_days", kinds.number(1, 365)),
    Key("extension_days", "extension_days", kinds.number(0, 365)),
)
HOURS = (
    Key("channel", "channel", kinds.NAME, required=True),
    Key("place", "place", kinds.PLACE_OR_EVERYWHERE, required=True),
    Key("days", "days", kinds.WEEKDAYS),
    Key("from", "start_minute", kinds.CLOCK, required=True),
    Key("to", "end_minute", kinds.CLOCK, required=True),
)
CAP = (
    Key("limit", "limit", kinds.number(1, 10_000), required=True),
    Key("per", "per", kinds.choice(Per), required=True),
    Key("basis", "basis", kinds.choice(CapBasis)),
    Key("channel", "channel", kinds.NAME_OR_ANY),
    Key("group", "group", kinds.NAME_OR_ANY),
)
CONTROLLER = (
    Key("place", "controller_place", kinds.PLACE),
    Key("zone", "controller_zone", kinds.ZONE),
)
TOP = (
    "controller",
    "purposes",
    "recipients",
    "sources",
    "regimes",
    "default_regimes",
    "hours",
    "caps",
    "notices_to_renew",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A top-level key whose value maps names to parts of one kind."""

    key: str
    what: str
    """One of them, in words."""
    id_field: str
    record: type[Payload]
    keys: Keys
    name: Callable[[str], str]
    """Returns a name of this kind, or raises ValueError."""


SECTIONS = (
    Section(
        "purposes", "purpose", "purpose_id", Purpose, PURPOSE,
        kinds.named("[a-z0-9][a-z0-9-]{0,62}", "a purpose has a name of 1 to 63 of a-z 0-9 -"),
    ),
    Section(
        "recipients", "recipient", "recipient_id", Recipient, RECIPIENT,
        kinds.named(
            "(?!self$)[a-z0-9][a-z0-9_-]{0,62}",
            "a recipient has a name of 1 to 63 of a-z 0-9 _ -, and self is this party itself",
        ),
    ),
    Section("sources", "source", "source_id", Source, SOURCE, kinds.name),
    Section("regimes", "regime", "regime_id", Regime, REGIME, kinds.name),
)  # fmt: skip
LISTS: Mapping[str, tuple[type[Payload], Keys]] = {
    "hours": (HoursTerm, HOURS),
    "caps": (CapTerm, CAP),
}
"""Top-level keys whose value is a list of parts without names."""
PARTS = {section.key: section for section in SECTIONS}
