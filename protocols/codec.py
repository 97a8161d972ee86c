"""Records and their one encoding.

A `Record` is a frozen, slotted dataclass with a `KIND`. Its encoding is the deterministic CBOR
(RFC 8949 §4.2.1) of the array `[KIND, field, field, …]`. Decoding accepts only what encoding
makes: it re-encodes what it read and compares. Whatever is signed, hashed, stored or sent is one
of these. Fields may be int (64 bits), bool, str, bytes, a string enum, another Record, `X | None`,
a union of Records, or `tuple[X, ...]`. There are no floats: numbers that matter are integers in a
stated unit.
"""

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import cbor2

from protocols import cbor
from protocols.errors import LocalError, MalformedMessage

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""No record is larger: bulk data travels as chunks of a few MiB."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class Record:
    """Base of everything that has an encoding; subclasses are frozen, slotted dataclasses."""

    __slots__ = ()
    KIND: ClassVar[str]


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """Return the one encoding of `record`.

    Raises: LocalError if a field holds a value that its type does not allow.
    """
    return cbor2.dumps(_to_plain(record), canonical=True)


def decode(kinds: type[R] | tuple[type[R], ...], data: bytes) -> R:
    """Read one record of one of `kinds`.

    Raises: MalformedMessage for any bytes that `encode` would not have made for these kinds.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise MalformedMessage(f"{len(data)} bytes are more than a record may have")
    accepted = kinds if isinstance(kinds, tuple) else (kinds,)
    plain = cbor.read(bytes(data))
    record = _from_plain(accepted, plain)
    try:
        same = encode(record) == bytes(data)
    except LocalError as e:
        raise MalformedMessage("a field is out of its range") from e
    if not same:
        raise MalformedMessage("the encoding is not the deterministic one")
    return record


def _to_plain(record: Record) -> list[Any]:
    plain: list[Any] = [record.KIND]
    for name, reader in _readers(type(record)):
        value = _value_to_plain(getattr(record, name))
        try:
            reader(value)
        except MalformedMessage as e:
            raise LocalError(f"{record.KIND}: field {name} does not fit its type") from e
        plain.append(value)
    return plain


def _value_to_plain(value: object) -> Any:
    match value:
        case Record():
            return _to_plain(value)
        case tuple():
            return [_value_to_plain(item) for item in value]
        case enum.Enum():
            return value.value
        case _:
            return value


def _from_plain(kinds: tuple[type[R], ...], plain: object) -> R:
    if not isinstance(plain, list) or not plain or not isinstance(plain[0], str):
        raise MalformedMessage("a record is an array that starts with its kind")
    kind = next((k for k in kinds if plain[0] == k.KIND), None)
    if kind is None:
        raise MalformedMessage("this kind of record is not expected here")
    readers = _readers(kind)
    if len(plain) != len(readers) + 1:
        raise MalformedMessage(f"{kind.KIND} has {len(readers)} fields")
    return kind(*(reader(item) for (_, reader), item in zip(readers, plain[1:], strict=True)))


_READERS: dict[type[Record], tuple[tuple[str, Callable[[Any], Any]], ...]] = {}


def _readers(kind: type[Record]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    known = _READERS.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(kind)  # type: ignore[arg-type]
        known = _READERS[kind] = tuple((f.name, _reader(hints[f.name])) for f in fields)
    return known


def _reader(hint: Any) -> Callable[[Any], Any]:
    """Return a function that turns a plain CBOR value into a field of type `hint`, or raises."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return functools.partial(_read_tuple, _reader(args[0]))
    if origin in (types.UnionType, typing.Union):
        kinds = tuple(a for a in args if a is not types.NoneType)
        if all(_is_record(k) for k in kinds):
            inner: Callable[[Any], Any] = functools.partial(_from_plain, kinds)
        else:
            (only,) = kinds
            inner = _reader(only)
        return functools.partial(_read_optional, inner) if types.NoneType in args else inner
    if _is_record(hint):
        return functools.partial(_from_plain, (hint,))
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return functools.partial(_read_enum, hint)
    if hint in (int, bool, str, bytes):
        return functools.partial(_read_exact, hint)
    raise LocalError(f"{hint!r} has no encoding")


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Record)


def _read_exact(kind: type, value: object) -> object:
    if type(value) is not kind:
        raise MalformedMessage(f"expected {kind.__name__}")
    if kind is int and not _INT_MIN <= value <= _INT_MAX:  # type: ignore[operator]
        raise MalformedMessage("an integer has at most 64 bits")
    return value


def _read_tuple(item: Callable[[Any], Any], value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise MalformedMessage("expected an array")
    return tuple(item(v) for v in value)


def _read_optional(inner: Callable[[Any], Any], value: object) -> Any:
    return None if value is None else inner(value)


def _read_enum(kind: type[enum.StrEnum], value: object) -> enum.StrEnum:
    try:
        return kind(str(_read_exact(str, value)))
    except ValueError as e:
        raise MalformedMessage(f"not a {kind.__name__}") from e
