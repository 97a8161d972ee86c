"""What may stand at a place of a policy file: how it is read, and how it is written.

`read` takes the node and the path to it, and raises `Wrong`; `write` makes plain data for YAML.
"""

import enum
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from consent import canonical
from consent.errors import MalformedRecord
from consent.fields import MAX_ITEMS
from consent.purpose import BasisIn
from consent.words import ANY_CHANNEL, EVERYWHERE, Basis
from party_node.capture.ends import check_duration
from party_node.capture.strict_yaml import Node
from party_node.contact.time_zones import time_zone
from party_node.policy import places
from party_node.policy.faults import all_of, wrong

DPV = "https://w3id.org/dpv#"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_TERM = re.compile("[A-Z][A-Za-z0-9]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, and what ends a line in some alphabet's eyes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value."""

    read: Callable[[Node, str], Any]
    write: Callable[[Any], Any]


def scalar(check: Callable[[str], Any], write: Callable[[Any], Any] = lambda v: v) -> Kind:
    """Return the kind of values that are one word or line; `check` raises ValueError with what to
    do.
    """

    def read(node: Node, path: str) -> Any:
        if not isinstance(node.value, str):
            raise wrong(node.line, path, "write one value here")
        try:
            return check(unicodedata.normalize("NFC", node.value))
        except ValueError as e:
            raise wrong(node.line, path, str(e)) from None

    return Kind(read, write)


def _text(text: str) -> str:
    if not 1 <= len(text) <= 512 or _CONTROL.search(text):
        raise ValueError("write 1 to 512 characters on one line")
    try:
        canonical.check_domain(text)
    except MalformedRecord:
        raise ValueError("this is no text: write the characters themselves") from None
    return text


def named(pattern: str, says: str) -> Callable[[str], str]:
    """Return the check of names of one form."""
    form = re.compile(pattern, re.ASCII)

    def check(name: str) -> str:
        if form.fullmatch(name) is None:
            raise ValueError(says)
        return name

    return check


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("write true or false")
    return text == "true"


def _place(place: str) -> str:
    if fault := places.fault_of(place):
        raise ValueError(fault)
    return place


def _place_or_everywhere(place: str) -> str:
    return place if place == EVERYWHERE else _place(place)


def _zone(name: str) -> str:
    if time_zone(name) is None:
        raise ValueError("there is no such time zone: write its IANA name, as Europe/Paris")
    return name


def _dpv(term: str) -> str:
    """`Marketing` is short for the term of the Data Privacy Vocabulary."""
    if _TERM.fullmatch(term):
        return DPV + term
    if ":" not in term:
        raise ValueError("write a term of DPV, as Marketing, or a whole IRI")
    return _text(term)


def _short(iri: str) -> str:
    term = iri.removeprefix(DPV)
    return term if term != iri and _TERM.fullmatch(term) else iri


def _digest(text: str) -> bytes:
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise ValueError("write the hash of a notice, 64 digits: `accord notice list` shows them")
    return bytes.fromhex(text)


def number(lowest: int, highest: int) -> Kind:
    """Return the kind of whole numbers in a closed range."""
    form = re.compile("0|[1-9][0-9]{0,9}", re.ASCII)

    def check(text: str) -> int:
        if form.fullmatch(text) is None or not lowest <= int(text) <= highest:
            raise ValueError(f"write a whole number from {lowest} to {highest:,}")
        return int(text)

    return scalar(check)


def choice(kind: type[enum.StrEnum]) -> Kind:
    """Return the kind of words of one enumeration."""

    def check(text: str) -> enum.StrEnum:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"write one of {', '.join(kind)}") from None

    return scalar(check, lambda member: member.value)


def _minute(text: str) -> int:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError("write a time of day as 08:00")
    return 60 * int(text[:2]) + int(text[3:])


def _day(text: str) -> int:
    if text not in DAYS:
        raise ValueError(f"write a day as {', '.join(DAYS)}")
    return DAYS.index(text) + 1


def several(item: Kind) -> Kind:
    """Return the kind of lists without order: read into rising order, each item once."""

    def read(node: Node, path: str) -> tuple[Any, ...]:
        if not isinstance(node.value, list):
            raise wrong(node.line, path, "write a list, as [one, another]")
        if len(node.value) > MAX_ITEMS:
            raise wrong(node.line, path, f"a list has at most {MAX_ITEMS} items")
        nodes = list(enumerate(node.value))
        found = all_of(partial(item.read, n, f"{path}[{i}]") for i, n in nodes)
        for i, n in nodes:
            if found[i] in found[:i]:
                raise wrong(n.line, f"{path}[{i}]", "this stands in the list already; take one out")
        return tuple(sorted(found))

    return Kind(read, lambda values: [item.write(v) for v in values])


def _read_bases(node: Node, path: str) -> tuple[BasisIn, ...]:
    if not isinstance(node.value, dict):
        raise wrong(node.line, path, "write place: basis, one a line")
    if len(node.value) > MAX_ITEMS:
        raise wrong(node.line, path, f"a purpose names at most {MAX_ITEMS} places")

    def one(place: str, value: Node) -> BasisIn:
        try:
            _place_or_everywhere(place)
        except ValueError as e:
            raise wrong(node.key_lines[place], path, str(e)) from None
        return BasisIn(place=place, basis=BASIS.read(value, f"{path}.{place}"))

    found = all_of(partial(one, place, value) for place, value in node.value.items())
    return tuple(sorted(found, key=lambda b: b.place))


TEXT, FLAG, DURATION, ZONE = scalar(_text), scalar(_flag), scalar(check_duration), scalar(_zone)
name = named(r"[a-z0-9][a-z0-9._:/-]{0,127}", "a name has 1 to 128 of a-z 0-9 . _ : / -")
NAME = scalar(name)
WORD = scalar(named("[A-Za-z][A-Za-z0-9]{0,127}", "write the name of the field, as SaleOptOut"))
PLACE = scalar(_place)
BASIS = choice(Basis)
NAMES, WORDS = several(NAME), several(WORD)
DPV_TERMS = several(scalar(_dpv, _short))
PLACE_OR_EVERYWHERE = scalar(_place_or_everywhere)
PLACES, PLACES_OR_EVERYWHERE = several(PLACE), several(PLACE_OR_EVERYWHERE)
NAME_OR_ANY = scalar(lambda text: text if text == ANY_CHANNEL else name(text))
CLOCK = scalar(_minute, lambda minute: f"{minute // 60:02}:{minute % 60:02}")
WEEKDAYS = several(scalar(_day, lambda day: DAYS[day - 1]))
NUMBERS_TO_24 = several(number(1, 24))
HASHES = several(scalar(_digest, bytes.hex))
BASES = Kind(_read_bases, lambda bases: {b.place: b.basis.value for b in bases})
