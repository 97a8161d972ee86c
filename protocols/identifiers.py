"""Identifiers of people: one spelling for each address, number or device, and the digest that is
matched.

Two parties spell the same person differently; whoever matches must first agree on one spelling.
E-mail: Unicode NFKC (so that full-width letters from an input method are the letters they stand
for, UTS #39 §3.3), white space and invisible marks off both ends, syntax of RFC 5321 without
quoting, local part in lower case, domain as IDNA 2008 A-labels; an address whose local part is not
ASCII has no ASCII form and is refused. Phone: E.164, by the numbering plans of `phonenumbers`; a
number that no plan knows, or one with an extension, is refused. Devices: `device_ids.py`. What is
refused is counted, never guessed.

All are idempotent. Nothing here keeps a value after the call, and no message repeats one.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email
from numpy.typing import NDArray

from protocols import phone_plan
from protocols.device_ids import DEVICE_KINDS, device_id
from protocols.errors import InvalidParameter, LocalError

PERSON_KINDS = ("email", "phone")
"""Kinds by which people are known to a consent ledger."""

KINDS = PERSON_KINDS + DEVICE_KINDS
"""Kinds of identifier that can be matched, as collaborations name them."""

_LABEL = b"accord/identifier/1\x00"
_MAX_TEXT = 1000
_EDGES = "".join(chr(c) for c in range(0x3001) if chr(c).isspace()) + (
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\xad"
)
"""White space and marks that cannot be seen: they come with exports and copied text."""

_ATOM = r"[a-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_PLAIN_EMAIL = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@(?:(?!..--)[a-z0-9](?:[a-z0-9\-]{{0,61}}[a-z0-9])?\.)+"
    rf"(?!(?:{'|'.join(re.escape(n.rpartition('.')[2]) for n in SPECIAL_USE_DOMAIN_NAMES)})\Z)"
    r"(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?(?<=[a-z])",
    re.ASCII,
)
"""Lower-case addresses that the library returns as they are: no IDNA, no reserved name."""
_MAX_EMAIL = 254
_GMAIL = ("gmail.com", "googlemail.com")


class InvalidIdentifier(LocalError):
    """A value is not a usable identifier of its kind."""

    code = "invalid-identifier"


@dataclass(frozen=True, slots=True)
class Normalised:
    """A column after normalisation: `values` in the order given, None where there is no value."""

    values: list[str | None] = field(repr=False)
    refused: int
    """How many were there but could not be normalised."""
    missing: int
    """How many were None or blank."""


def normalise_email(text: str, *, fold_gmail: bool = False) -> str:
    """Return the one ASCII spelling of an e-mail address.

    `fold_gmail` also drops dots and `+tag` before gmail.com and googlemail.com, and makes the two
    one: only where the collaboration says so. Raises: InvalidIdentifier.
    """
    address = _plain_email(text) or _any_email(text)
    return _fold_gmail(address) if fold_gmail else address


def normalise_phone(text: str, region: str | None) -> str:
    """Return the E.164 form of a phone number.

    `region` (ISO 3166, as `GB`) reads numbers in national form; with None only international ones
    pass. Raises: InvalidIdentifier; InvalidParameter if there is no such region.
    """
    _check_region(region)
    return phone_plan.e164(text.strip(_EDGES), region) or _any_phone(text, region)


def normalise_device(kind: str, text: str) -> str:
    """Return the one spelling of a device identifier of a kind: `idfa`, `gaid`, `oaid` or `imei`.

    Raises: InvalidIdentifier; InvalidParameter for another kind.
    """
    if kind not in DEVICE_KINDS:
        raise InvalidParameter(f"no kind of device identifier is called {kind!r}")
    found = device_id(kind, text.strip(_EDGES))
    if found is None:
        raise InvalidIdentifier("not a usable identifier of a device")
    return found


def normalise_column(
    kind: str, values: Sequence[str | None], region: str | None = None, *, fold_gmail: bool = False
) -> Normalised:
    """Normalise many values of one kind; those that cannot be normalised become None.

    Raises: InvalidParameter for an unknown kind or region.
    """
    _check_kind(kind)
    _check_region(region)

    if kind in DEVICE_KINDS:
        return _column(_none, lambda text: normalise_device(kind, text), values)
    if kind == "phone":
        return _column(
            lambda text: phone_plan.e164(text.strip(_EDGES), region),
            lambda text: _any_phone(text, region),
            values,
        )
    if fold_gmail:
        return _column(_none, lambda text: normalise_email(text, fold_gmail=True), values)
    return _column(_plain_email, _any_email, values)


def digest(kind: str, value: str) -> bytes:
    """Return the 32 bytes that stand for a normalised value: SHA-256 under a label and the kind.

    Whoever holds a list of addresses can make the same digests: they never leave a node unblinded.
    Raises: InvalidParameter for an unknown kind.
    """
    return hashlib.sha256(_prefix(kind) + value.encode()).digest()


def digest_column(kind: str, values: Sequence[str]) -> NDArray[np.uint8]:
    """Return the digests of normalised values, shape (n, 32).

    Raises: InvalidParameter for an unknown kind.
    """
    prefix, sha256 = _prefix(kind), hashlib.sha256
    joined = bytearray().join([sha256(prefix + v.encode()).digest() for v in values])
    return np.frombuffer(joined, np.uint8).reshape(len(values), 32)


def _column(
    quick: Callable[[str], str | None],
    normalise: Callable[[str], str],
    values: Sequence[str | None],
) -> Normalised:
    """Normalise a column by `quick`, and by `normalise` where that has no answer."""
    out: list[str | None] = []
    refused = missing = 0
    for value in values:
        found = quick(value) if value else None
        if found is None:
            if value is None or not value.strip(_EDGES):
                missing += 1
            else:
                try:
                    found = normalise(value)
                except InvalidIdentifier:
                    refused += 1
        out.append(found)
    return Normalised(out, refused, missing)


def _none(_text: str) -> None:
    return None


def _plain_email(text: str) -> str | None:
    """Answer at once for ASCII addresses that need nothing but trimming and lower case."""
    if not text.isascii():
        return None
    address = text.strip(_EDGES).lower()
    if len(address) > _MAX_EMAIL or _PLAIN_EMAIL.fullmatch(address) is None:
        return None
    return address


def _any_email(text: str) -> str:
    """Normalise any address by the library."""
    if len(text) > _MAX_TEXT:
        raise InvalidIdentifier("too long for an e-mail address")
    try:
        address = unicodedata.normalize("NFKC", text).strip(_EDGES)
        checked = validate_email(address, check_deliverability=False)
        local, domain = checked.ascii_local_part, checked.ascii_domain
    except ValueError:
        local = domain = None
    # Raised here and not above: the library's message, which quotes the value, must not be chained.
    if local is None or domain is None:
        raise InvalidIdentifier("not an e-mail address that has an ASCII form")
    return f"{local.lower()}@{domain.lower()}"


def _fold_gmail(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if domain not in _GMAIL:
        return address
    folded = local.partition("+")[0].replace(".", "")
    if not folded:
        raise InvalidIdentifier("nothing is left of this address after folding")
    return f"{folded}@gmail.com"


def _any_phone(text: str, region: str | None) -> str:
    """Normalise any number by the library; what it returns must read as itself."""
    if len(text) > _MAX_TEXT:
        raise InvalidIdentifier("too long for a phone number")
    number = _parse_phone(text.strip(_EDGES), region)
    if number is None or _parse_phone(number, None) != number:
        raise InvalidIdentifier("not a phone number that can be written as E.164")
    return number


def _parse_phone(text: str, region: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidParameter(f"no kind of identifier is called {kind!r}")


def _check_region(region: str | None) -> None:
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidParameter(f"no numbering plan for region {region!r}")


def _prefix(kind: str) -> bytes:
    _check_kind(kind)
    return _LABEL + kind.encode() + b"\x00"
