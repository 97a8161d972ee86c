"""How the fields of a record stand in its payload.

A record is a frozen dataclass; each of its fields is declared with the `Field` that writes and
reads it. Absent means None: a payload never holds null. Reading refuses what writing would not have
made.

`Payload.canonical` makes the canonical bytes of a record in one pass: each codec also writes its
value as JSON text. The bytes are those of `canonical_bytes(record.to_payload())`; tests compare.
"""

import dataclasses
import enum
import functools
import itertools
import re
from collections.abc import Callable
from typing import Any, ClassVar, Self

from consent import instants
from consent.canonical import Json, canonical_text
from consent.errors import MalformedRecord
from consent.templates import Member, Template

_NAME = re.compile(r"\*|[a-z0-9][a-z0-9._:/-]{0,127}", re.ASCII)
_WORDS = re.compile(r"[^\x00-\x1f\x7f]{1,512}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
MAX_ITEMS = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """Value to JSON, JSON to value, value to JSON text; all refuse what lies outside the field's
    range.
    """

    write: Callable[[Any], Json]
    read: Callable[[Any], Any]
    text: Callable[[Any], str]


def _text(pattern: re.Pattern[str], what: str) -> Codec:
    def check(value: object) -> str:
        if type(value) is not str or pattern.fullmatch(value) is None:
            raise MalformedRecord(what)
        return value

    def text(value: object) -> str:
        said = check(value)
        if said.isascii() and '"' not in said and "\\" not in said:
            return f'"{said}"'
        return canonical_text(said)

    return Codec(check, check, text)


def plain(check: Callable[[object], str]) -> Codec:
    """Return the codec of strings without anything that JSON escapes."""
    return Codec(check, check, lambda value: f'"{check(value)}"')


def token(check: Callable[[object], str]) -> Codec:
    """Return the codec of strings like those of `plain`, of which few are in use."""

    @functools.lru_cache(maxsize=4096)
    def quoted(value: str) -> str:
        return f'"{check(value)}"'

    def text(value: object) -> str:
        # An enum's member is equal to its string, and so it could be found in the cache.
        return quoted(value) if type(value) is str else check(value)

    def read(value: object) -> str:
        text(value)
        return value  # type: ignore[return-value]

    return Codec(check, read, text)


def _read_time(value: object) -> int:
    if type(value) is not str:
        raise MalformedRecord("an instant is a string")
    return instants.from_text(value)


def _write_flag(value: Any) -> bool:
    if type(value) is not bool:
        raise MalformedRecord("expected true or false")
    return value


def integer(lowest: int, highest: int) -> Codec:
    """Return the codec of integers in a closed range."""

    def check(value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise MalformedRecord(f"expected an integer from {lowest} to {highest}")
        return value

    return Codec(check, check, lambda value: str(check(value)))


def hexadecimal(size: int) -> Codec:
    """Return the codec of `size` bytes, written as lower-case hexadecimal digits."""

    def write(value: Any) -> str:
        if type(value) is not bytes or len(value) != size:
            raise MalformedRecord(f"expected {size} bytes")
        return value.hex()

    def read(value: Any) -> bytes:
        if type(value) is not str or len(value) != 2 * size or _HEX.fullmatch(value) is None:
            raise MalformedRecord(f"expected {2 * size} hexadecimal digits")
        return bytes.fromhex(value)

    return Codec(write, read, lambda value: f'"{write(value)}"')


def one_of(kind: type[enum.StrEnum]) -> Codec:
    """Return the codec of a string enum."""
    by_value = {member.value: member for member in kind}
    texts = {member: canonical_text(member.value) for member in kind}

    def write(value: Any) -> str:
        if type(value) is not kind:
            raise MalformedRecord(f"expected a {kind.__name__}")
        return str(value.value)

    def text(value: Any) -> str:
        return texts[value] if type(value) is kind else write(value)

    def read(value: Any) -> enum.StrEnum:
        member = by_value.get(value) if type(value) is str else None
        if member is None:
            raise MalformedRecord(f"not a {kind.__name__}")
        return member

    return Codec(write, read, text)


def sequence(item: Codec, *, ascending: bool = False) -> Codec:
    """Return the codec of a tuple; with `ascending`, of distinct items in rising order."""

    def check_order(values: "list[Any] | tuple[Any, ...]") -> None:
        if len(values) > MAX_ITEMS:
            raise MalformedRecord("too many items")
        if ascending and any(a >= b for a, b in itertools.pairwise(values)):
            raise MalformedRecord("items are distinct and in rising order")

    def write(values: Any) -> Json:
        if type(values) is not tuple:
            raise MalformedRecord("expected a tuple")
        written = [item.write(v) for v in values]
        check_order(written)
        return written

    def read(values: Any) -> tuple[Any, ...]:
        if type(values) is not list:
            raise MalformedRecord("expected an array")
        if not values:
            return ()
        read_values = tuple(item.read(v) for v in values)
        check_order(values)
        return read_values

    def text(values: Any) -> str:
        return canonical_text(write(values)) if values or type(values) is not tuple else "[]"

    return Codec(write, read, text)


def variant(*kinds: type["Variant"]) -> Codec:
    """Return the codec of one of several records, told apart by the key `kind`."""
    by_kind = {kind.KIND: kind for kind in kinds}

    def write(value: Any) -> Json:
        if type(value) not in kinds:
            raise MalformedRecord("this is no value of this field")
        return {"kind": value.KIND, **value.to_payload()}

    def read(value: Any) -> Any:
        if type(value) is not dict or value.get("kind") not in by_kind:
            raise MalformedRecord("this is no value of this field")
        rest = dict(value)
        return by_kind[rest.pop("kind")].from_payload(rest)

    return Codec(write, read, lambda value: canonical_text(write(value)))


name = token(_text(_NAME, "a name is 1 to 128 of a-z 0-9 . _ : / - or a single *").read)
words = _text(_WORDS, "expected 1 to 512 characters without control characters")
long_text = _text(re.compile(r"[^\x00-\x1f\x7f]{1,16384}"), "expected 1 to 16384 characters")
line = _text(re.compile(r"[^\x00-\x1f\x7f]{0,512}"), "expected at most 512 characters")
duration = _text(
    re.compile(r"P(?=[1-9T])(?:[1-9]\d{0,3}[YMWD]){0,4}(?:T[1-9]\d{0,5}H)?", re.ASCII),
    "a duration is written like P1Y, P6M, P30D or PT12H",
)
subject = plain(
    _text(
        re.compile("[0-9a-f]{32}", re.ASCII), "a subject id is 32 lower-case hexadecimal digits"
    ).read
)
time = Codec(instants.to_text, _read_time, lambda value: f'"{instants.to_text(value)}"')
flag = Codec(_write_flag, _write_flag, lambda value: "true" if _write_flag(value) else "false")
digest = hexadecimal(32)
count = integer(0, 2**53 - 1)


@dataclasses.dataclass(frozen=True, slots=True)
class _Slot:
    """One field: its name in Python, its key in the payload (a time loses its `_ms`), its codec."""

    name: str
    key: str
    codec: Codec
    required: bool
    own: bool = False


def field(codec: Codec, default: Any = dataclasses.MISSING, *, own: bool = False) -> Any:
    """Declare a dataclass field with its codec; a default of None makes it optional.

    An `own` field says something else in nearly every record, as ids and times do.
    """
    return dataclasses.field(default=default, metadata={"codec": codec, "own": own})


class Payload:
    """Base of everything with a payload; subclasses are frozen, keyword-only dataclasses."""

    __slots__ = ()
    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def to_payload(self) -> dict[str, Json]:
        """Return the record as a JSON object.

        Raises: MalformedRecord if a field is outside its range.
        """
        payload: dict[str, Json] = {}
        for slot in _slots(type(self)):
            value = getattr(self, slot.name)
            if value is not None:
                payload[slot.key] = slot.codec.write(value)
            elif slot.required:
                raise MalformedRecord(f"the field {slot.key} is missing")
        if self.TYPE:
            payload["schema"] = self.schema()
        return payload

    def canonical(self, **instead: object) -> bytes:
        """Return the canonical bytes of `to_payload`; `instead` has other values of own fields.

        Raises: MalformedRecord if a field is outside its range.
        """
        return f"{{{_template(type(self)).text(self, instead)}}}".encode()

    @classmethod
    def from_payload(cls, payload: object) -> Self:
        """Read what `to_payload` wrote.

        Raises: MalformedRecord for anything else: unknown keys, missing keys, null, wrong schema.
        """
        if type(payload) is not dict:
            raise MalformedRecord("a record is an object")
        if cls.TYPE and payload.get("schema") != cls.schema():
            raise MalformedRecord("this is another kind of record")
        values: dict[str, Any] = {}
        for name_, key, read, required in _readers(cls):
            if key in payload:
                values[name_] = read(payload[key])
            elif required:
                raise MalformedRecord(f"the field {key} is missing")
        if len(values) + bool(cls.TYPE) != len(payload):
            raise MalformedRecord("there is a field that this kind of record does not have")
        return cls(**values)

    @classmethod
    def schema(cls) -> str:
        """Return what stands under `schema` in the payload of an entry."""
        return f"accord/{cls.TYPE}/{cls.VERSION}"


class Variant(Payload):
    """Base of the alternatives that one field may hold; `KIND` says which one it is."""

    __slots__ = ()
    KIND: ClassVar[str] = ""


class Entry(Payload):
    """Base of what can be an entry of the ledger: a payload that says which kind it is."""

    __slots__ = ()

    def leaf_hash_of(self, what: str) -> bytes | None:
        """Return `notice_hash` or `policy_hash`: the leaf names it too, where the record has it."""
        value: bytes | None = getattr(self, what, None)
        return value


def nested(kind: type[Payload]) -> Codec:
    """Return the codec of a record inside a record."""

    def write(value: Any) -> Json:
        if type(value) is not kind:
            raise MalformedRecord(f"expected a {kind.__name__}")
        payload: Json = value.to_payload()
        return payload

    return Codec(write, kind.from_payload, lambda value: canonical_text(write(value)))


_READERS: dict[type[Payload], tuple[tuple[str, str, Callable[[Any], Any], bool], ...]] = {}


def _readers(kind: type[Payload]) -> tuple[tuple[str, str, Callable[[Any], Any], bool], ...]:
    readers = _READERS.get(kind)
    if readers is None:
        slots = _slots(kind)
        readers = _READERS[kind] = tuple((s.name, s.key, s.codec.read, s.required) for s in slots)
    return readers


_TEMPLATES: dict[type[Payload], Template] = {}


def _template(kind: type[Payload]) -> Template:
    template = _TEMPLATES.get(kind)
    if template is None:
        template = _TEMPLATES[kind] = _make_template(kind)
    return template


def _make_template(kind: type[Payload]) -> Template:
    slots = list(_slots(kind))
    if kind.TYPE:
        schema = canonical_text(kind.schema())
        slots.append(_Slot("TYPE", "schema", Codec(str, str, lambda _: schema), required=True))
    return Template([_member(slot) for slot in sorted(slots, key=lambda s: s.key)])


def _member(slot: _Slot) -> Member:
    prefix, text, required = f"{canonical_text(slot.key)}:", slot.codec.text, slot.required

    def written(value: Any) -> str:
        # None is written by no codec: where there must be a value, it raises.
        return prefix + text(value) if value is not None or required else ""

    return Member(slot.name, written, slot.own)


_SLOTS: dict[type[Payload], tuple[_Slot, ...]] = {}


def _slots(kind: type[Payload]) -> tuple[_Slot, ...]:
    slots = _SLOTS.get(kind)
    if slots is None:
        slots = _SLOTS[kind] = _read_slots(kind)
    return slots


def _read_slots(kind: type[Payload]) -> tuple[_Slot, ...]:
    return tuple(
        _Slot(
            f.name,
            f.name.removesuffix("_ms"),
            f.metadata["codec"],
            f.default is not None,
            f.metadata["own"],
        )
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
    )
