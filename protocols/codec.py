"""Records and their one encoding.

A `Record` is a frozen, slotted dataclass with a `KIND`. Its encoding is the deterministic CBOR
(RFC 8949 §4.2.1) of the array `[KIND, field, field, …]`. Decoding accepts only what encoding
makes: it writes again what it read and compares. Whatever is signed, hashed, stored or sent is one
of these. Fields may be int (64 bits), bool, str, bytes, a string enum, another Record, `X | None`,
a union of Records, or `tuple[X, ...]`. There are no floats: numbers that matter are integers in a
stated unit.
"""

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

import cbor2

from protocols import cbor
from protocols.errors import LocalError, MalformedMessage

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""No record is larger: bulk data travels as chunks of a few MiB."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_PLAIN = frozenset((int, bool, str, bytes))
"""Values that stand in a record as they are."""


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
    # Of the plain values, which are those of the record: to check each field anew would take longer
    # than all the rest.
    if cbor2.dumps(plain, canonical=True) != data:
        raise MalformedMessage("the encoding is not the deterministic one")
    return record


def _to_plain(record: Record) -> list[Any]:
    plain: list[Any] = [record.KIND]
    for name, _, write in _fields(type(record)):
        try:
            plain.append(write(getattr(record, name)))
        except MalformedMessage as e:
            raise LocalError(f"{record.KIND}: field {name} does not fit its type") from e
    return plain


def _from_plain(kinds: tuple[type[R], ...], plain: object) -> R:
    if not isinstance(plain, list) or not plain or not isinstance(plain[0], str):
        raise MalformedMessage("a record is an array that starts with its kind")
    kind = next((k for k in kinds if plain[0] == k.KIND), None)
    if kind is None:
        raise MalformedMessage("this kind of record is not expected here")
    fields = _fields(kind)
    if len(plain) != len(fields) + 1:
        raise MalformedMessage(f"{kind.KIND} has {len(fields)} fields")
    return kind(*(read(item) for (_, read, _), item in zip(fields, plain[1:], strict=True)))


Way = Callable[[Any], Any]
"""Turns a plain value into a field, or a field into a plain value, or raises MalformedMessage."""
Ways = tuple[Way, Way]
"""How a field is read, and how it is written."""
Sequence = Callable[[Iterable[Any]], Any]
"""Makes a tuple, or a plain array."""
_FIELDS: dict[type[Record], tuple[tuple[str, Way, Way], ...]] = {}


def _fields(kind: type[Record]) -> tuple[tuple[str, Way, Way], ...]:
    """Return the name of each field, how it is read, and how it is written."""
    known = _FIELDS.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
        known = _FIELDS[kind] = tuple((name, *_ways(hints[name])) for name in names)
    return known


def _ways(hint: Any) -> Ways:
    """Return how a field of type `hint` is read and written."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if args[0] in _PLAIN:
            return _both(_exacts, args[0], args[0])
        return _both(_each, *_ways(args[0]))
    if origin in (types.UnionType, typing.Union):
        kinds = tuple(a for a in args if a is not types.NoneType)
        read, write = _of_records(kinds) if _are_records(kinds) else _ways(*kinds)
        if types.NoneType in args:
            return functools.partial(_optional, read), functools.partial(_optional, write)
        return read, write
    if _are_records((hint,)):
        return _of_records((hint,))
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return functools.partial(_read_enum, hint), functools.partial(_write_enum, hint)
    if hint in _PLAIN:
        exact = functools.partial(_exact, hint)
        return exact, exact
    raise LocalError(f"{hint!r} has no encoding")


def _both(through: Callable[..., Any], reads: Any, writes: Any) -> Ways:
    """Return the two ways of an array, which is a tuple in a record and a list outside."""
    return (
        functools.partial(through, reads, list, tuple),
        functools.partial(through, writes, tuple, list),
    )


def _of_records(kinds: tuple[type[Record], ...]) -> Ways:
    return functools.partial(_from_plain, kinds), functools.partial(_write_record, kinds)


def _are_records(hints: tuple[Any, ...]) -> bool:
    return all(isinstance(hint, type) and issubclass(hint, Record) for hint in hints)


def _exact(kind: type, value: object) -> object:
    if type(value) is not kind:
        if kind is str and isinstance(value, enum.StrEnum):
            return value.value
        raise MalformedMessage(f"expected {kind.__name__}")
    if kind is int and not _INT_MIN <= value <= _INT_MAX:  # type: ignore[operator]
        raise MalformedMessage("an integer has at most 64 bits")
    return value


def _exacts(kind: type, given: type[Any], made: Sequence, value: Any) -> Any:
    """Return the same values in another kind of sequence: there can be many thousands."""
    if not isinstance(value, given):
        raise MalformedMessage("expected an array")
    if value and set(map(type, value)) != {kind}:
        return made(_exact(kind, item) for item in value)
    if value and kind is int:
        _exact(kind, min(value))
        _exact(kind, max(value))
    return made(value)


def _each(item: Way, given: type[Any], made: Sequence, value: Any) -> Any:
    if not isinstance(value, given):
        raise MalformedMessage("expected an array")
    return made(item(v) for v in value)


def _optional(inner: Way, value: object) -> Any:
    return None if value is None else inner(value)


def _read_enum(kind: type[enum.StrEnum], value: object) -> enum.StrEnum:
    try:
        return kind(str(_exact(str, value)))
    except ValueError as e:
        raise MalformedMessage(f"not a {kind.__name__}") from e


def _write_enum(kind: type[enum.StrEnum], value: object) -> str:
    return str(_read_enum(kind, value).value)


def _write_record(kinds: tuple[type[Record], ...], value: Any) -> list[Any]:
    if type(value) not in kinds:
        raise MalformedMessage("this kind of record is not expected here")
    return _to_plain(value)
