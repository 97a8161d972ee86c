r"""One byte string for every payload: JCS (RFC 8785) over a domain where it is simple and fast.

The domain: objects with ASCII keys, arrays, strings in Unicode normal form C without lone
surrogates, integers with |n| < 2^53, true, false, null. No floats. On this domain the standard
library's encoder with sorted keys makes exactly the bytes of RFC 8785: keys sort the same by code
point and by UTF-16 unit because they are ASCII, integers print the same, and both escape only `"`,
`\` and control characters, in the same spelling. A property test compares the two.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from consent.errors import MalformedRecord

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value of the domain; its sequences are lists and its mappings dicts."""

MAX_BYTES = 1 << 20
"""No payload is larger."""

MAX_DEPTH = 16

_LIMIT = 2**53
_encoder = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


def canonical_bytes(value: Json) -> bytes:
    """Return the one encoding of `value`.

    Raises: MalformedRecord if it lies outside the domain.
    """
    return canonical_text(value).encode("utf-8")


def canonical_text(value: Json) -> str:
    """Return the one encoding of `value` before it becomes UTF-8.

    Raises: MalformedRecord if it lies outside the domain.
    """
    check_domain(value)
    return _encoder.encode(value)


def parse_canonical(data: bytes) -> Json:
    """Read bytes that `canonical_bytes` made.

    Raises: MalformedRecord for any other bytes.
    """
    value = parse_any(data)
    if canonical_bytes(value) != data:
        raise MalformedRecord("the payload is not in its canonical form")
    return value


def parse_any(data: bytes) -> Json:
    """Read JSON in any spelling, of any domain: for who compares with the one encoding afterwards.

    Raises: MalformedRecord if it is none.
    """
    if len(data) > MAX_BYTES:
        raise MalformedRecord("the payload is too large")
    try:
        value: Json = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as e:
        raise MalformedRecord("the payload is not JSON") from e
    return value


def parse_object(data: bytes) -> dict[str, Json]:
    """Read the canonical bytes of an object.

    Raises: MalformedRecord for any other bytes.
    """
    value = parse_canonical(data)
    if not isinstance(value, dict):
        raise MalformedRecord("the payload is not an object")
    return value


def check_domain(value: object, depth: int = 0) -> None:
    """Return if `value` lies in the domain.

    Raises: MalformedRecord if not.
    """
    kind = type(value)
    if kind is str:
        _check_string(value)  # type: ignore[arg-type]
    elif kind is int:
        if not -_LIMIT < value < _LIMIT:  # type: ignore[operator]
            raise MalformedRecord("an integer has 53 bits or more")
    elif kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            raise MalformedRecord("the payload is nested too deeply")
        _check_container(value, depth + 1)  # type: ignore[arg-type]
    elif value is not None and kind is not bool:
        raise MalformedRecord(
            "only objects, arrays, strings, integers, booleans and null are allowed"
        )


def _check_container(value: "dict[object, object] | list[object]", depth: int) -> None:
    if isinstance(value, list):
        for item in value:
            check_domain(item, depth)
        return
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            raise MalformedRecord("keys are ASCII strings")
        # Most values are ASCII strings: the shortest way for those keeps sealing fast.
        if type(item) is not str or not item.isascii():
            check_domain(item, depth)


def _check_string(value: str) -> None:
    if value.isascii():
        return
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise MalformedRecord("a string holds a lone surrogate")
    if not unicodedata.is_normalized("NFC", value):
        raise MalformedRecord("strings are in normal form C")
