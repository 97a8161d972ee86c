"""Global Privacy Control: the `Sec-GPC` header, and the `gpc.json` that says a site heeds it.

Source: W3C, Global Privacy Control. The signal asks not to sell or share. It is no request to
delete, and it does not limit what a first party does in its own context.
"""

import dataclasses
import enum
import json
import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from consent.signals.errors import MalformedSignal

HEADER = "sec-gpc"
WELL_KNOWN_PATH = "/.well-known/gpc.json"
MAX_BYTES = 1 << 16

_DATE = r"(?P<day>\d{4}-\d\d-\d\d)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,18})?"
_OFFSET = r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_RFC3339 = re.compile(f"{_DATE}(T{_TIME}{_OFFSET})?", re.ASCII | re.IGNORECASE)


def is_set(headers: Iterable[tuple[str | bytes, str | bytes]]) -> bool:
    """Whether the headers of a request (not its trailers) carry the signal.

    They do if one `Sec-GPC` has exactly the value `1`. Any other value counts as no header.
    """
    return any(
        _as_text(name).lower() == HEADER and _as_text(value) == "1" for name, value in headers
    )


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


class Support(enum.StrEnum):
    """What a site says of GPC."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class SupportStatement:
    """What a `gpc.json` says; `last_update` is an RFC 3339 date or date-time, None if unknown."""

    support: Support = Support.UNKNOWN
    last_update: str | None = None


def parse_support(body: bytes) -> SupportStatement:
    """Read the body of a `gpc.json`. It never fails: what is not as it should be is unknown."""
    if len(body) > MAX_BYTES:
        return SupportStatement()
    try:
        # A number of many digits is slow to read and means nothing here.
        found: Any = json.loads(
            body.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        return SupportStatement()
    if not isinstance(found, dict):
        return SupportStatement()
    support, last_update = Support.UNKNOWN, found.get("lastUpdate")
    if isinstance(gpc := found.get("gpc"), bool):
        support = Support.YES if gpc else Support.NO
    is_time = isinstance(last_update, str) and _is_rfc3339(last_update)
    return SupportStatement(support, last_update if is_time else None)


def encode_support(statement: SupportStatement) -> bytes:
    """Return the body of a `gpc.json`.

    Raises: MalformedSignal if the support is unknown or the time is none.
    """
    if statement.support is Support.UNKNOWN or statement.last_update is None:
        raise MalformedSignal("a gpc.json says yes or no, and since when")
    if not _is_rfc3339(statement.last_update):
        raise MalformedSignal("lastUpdate is a date or date-time of RFC 3339")
    members = {"gpc": statement.support is Support.YES, "lastUpdate": statement.last_update}
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _is_rfc3339(text: str) -> bool:
    shape = _RFC3339.fullmatch(text)
    if shape is None:
        return False
    try:
        date.fromisoformat(shape["day"])
    except ValueError:
        return False
    return True
