"""How the fields of a record stand in its payload.

A record is a frozen dataclass; each of its fields is declared with the `Field` that writes and
reads it. Absent means None: a payload never holds null. Reading refuses what writing would not have
made.
"""

import dataclasses
import enum
import itertools
import re
from collections.abc import Callable
from typing import Any, ClassVar, Self

from consent import instants
from consent.canonical import Json
from consent.errors import MalformedRecord

_NAME = re.compile(r"\*|[a-z0-9][a-z0-9._:/-]{0,127}", re.ASCII)
_WORDS = re.compile(r"[^\x00-\x1f\x7f]{1,512}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
MAX_ITEMS = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """Two functions: value to JSON and JSON to value; both refuse what lies outside the field's
    range.
    """

    write: Callable[[Any], Json]
    read: Callable[[Any], Any]


def _text(pattern: re.Pattern[str], what: str) -> Codec:
    def check(value: object) -> str:
        if type(value) is not str or pattern.fullmatch(value) is None:
            raise MalformedRecord(what)
        return value

    return Codec(check, check)


def _write_time(ms: int) -> str:
    return instants.to_text(ms)


def _read_time(value: object) -> int:
    if type(value) is not str:
        raise MalformedRecord("an instant is a string")
    return instants.from_text(value)


def _exactly(kind: type, what: str) -> Codec:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise MalformedRecord(what)
        return value

    return Codec(check, check)


def integer(lowest: int, highest: int) -> Codec:
    """Return the codec of integers in a closed range."""

    def check(value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise MalformedRecord(f"expected an integer from {lowest} to {highest}")
        return value

    return Codec(check, check)


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

    return Codec(write, read)


def one_of(kind: type[enum.StrEnum]) -> Codec:
    """Return the codec of a string enum."""
    by_value = {member.value: member for member in kind}

    def write(value: Any) -> str:
        if type(value) is not kind:
            raise MalformedRecord(f"expected a {kind.__name__}")
        return str(value.value)

    def read(value: Any) -> enum.StrEnum:
        member = by_value.get(value) if type(value) is str else None
        if member is None:
            raise MalformedRecord(f"not a {kind.__name__}")
        return member

    return Codec(write, read)


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
        read_values = tuple(item.read(v) for v in values)
        check_order(values)
        return read_values

    return Codec(write, read)


name = _text(_NAME, "a name is 1 to 128 of a-z 0-9 . _ : / - or a single *")
words = _text(_WORDS, "expected 1 to 512 characters without control characters")
subject = _text(
    re.compile("[0-9a-f]{32}", re.ASCII), "a subject id is 32 lower-case hexadecimal digits"
)
time = Codec(_write_time, _read_time)
flag = _exactly(bool, "expected true or false")
digest = hexadecimal(32)
count = integer(0, 2**53 - 1)


@dataclasses.dataclass(frozen=True, slots=True)
class _Slot:
    """One field: its name in Python, its key in the payload (a time loses its `_ms`), its codec."""

    name: str
    key: str
    codec: Codec
    required: bool


def field(codec: Codec, default: Any = dataclasses.MISSING) -> Any:
    """Declare a dataclass field with its codec; a default of None makes it optional."""
    return dataclasses.field(default=default, metadata={"codec": codec})


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
        for slot in _slots(cls):
            if slot.key in payload:
                values[slot.name] = slot.codec.read(payload[slot.key])
            elif slot.required:
                raise MalformedRecord(f"the field {slot.key} is missing")
        if len(values) + bool(cls.TYPE) != len(payload):
            raise MalformedRecord("there is a field that this kind of record does not have")
        return cls(**values)

    @classmethod
    def schema(cls) -> str:
        """Return what stands under `schema` in the payload of an entry."""
        return f"accord/{cls.TYPE}/{cls.VERSION}"


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

    return Codec(write, kind.from_payload)


_SLOTS: dict[type[Payload], tuple[_Slot, ...]] = {}


def _slots(kind: type[Payload]) -> tuple[_Slot, ...]:
    slots = _SLOTS.get(kind)
    if slots is None:
        slots = _SLOTS[kind] = _read_slots(kind)
    return slots


def _read_slots(kind: type[Payload]) -> tuple[_Slot, ...]:
    return tuple(
        _Slot(f.name, f.name.removesuffix("_ms"), f.metadata["codec"], f.default is not None)
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
    )
